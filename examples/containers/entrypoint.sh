#!/bin/sh
# Container entrypoint: run the container's command with a role.
# Needs: AWS_ROLE_EXEC_ROLE_ARN; AWS_ROLE_EXEC_DURATION and AWS_ROLE_EXEC_SESSION_NAME are optional.
# These variables set --role-arn, --duration and --session-name; the command does not inherit them.
# (AWS_ROLE_ARN would be the wrong name: on EKS it holds the pod's own role.)
: "${AWS_ROLE_EXEC_ROLE_ARN:?say which role to assume}"
if [ -z "${AWS_ROLE_EXEC_SESSION_NAME:-}" ]; then
  AWS_ROLE_EXEC_SESSION_NAME=$(printf 'container-%.50s' "$(hostname)")
  export AWS_ROLE_EXEC_SESSION_NAME
fi
exec aws-role-exec -- "$@"
