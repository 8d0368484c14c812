#!/bin/sh
# Start JupyterLab under a role: every kernel and terminal in it inherits the role.
# Needs: jupyterlab, and a role whose maximum session duration is 8 hours or more. STS gives that
# long only to an IAM user's keys or an identity provider's token: from another role's session,
# an instance profile included, it is one hour.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/ml-notebook-role \
  --duration 8h \
  --session-name "jupyter-${USER:-$(id -un)}" \
  -- jupyter lab --no-browser "$@"
