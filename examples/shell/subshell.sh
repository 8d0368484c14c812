#!/bin/sh
# Open a shell with a role for half an hour. Ctrl-D or `exit` returns to your own identity, because
# the shell that you started from does not change.
# Needs: a role whose trust policy allows you.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/prod-admin \
  --duration 30m \
  --session-name "prod-investigation-${USER:-$(id -un)}" \
  -- bash
