#!/bin/sh
# Start JupyterLab under a role: every kernel and terminal in it inherits the role, whose
# credentials are renewed for as long as the server runs. Needs: jupyterlab.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/ml-notebook-role \
  --renew \
  --session-name "jupyter-${USER:-$(id -un)}" \
  -- jupyter lab --no-browser "$@"
