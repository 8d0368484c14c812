#!/bin/sh
# Container entrypoint: become the container's command under a role.
# Needs AWS_ROLE_EXEC_ROLE_ARN; AWS_ROLE_EXEC_DURATION and AWS_ROLE_EXEC_SESSION_NAME are optional.
# These are the environment forms of --role-arn, --duration and --session-name; the command does
# not see them. (AWS_ROLE_ARN would be the wrong name: on EKS it holds the pod's own role.)
: "${AWS_ROLE_EXEC_ROLE_ARN:?say which role to assume}"
if [ -z "${AWS_ROLE_EXEC_SESSION_NAME:-}" ]; then
  AWS_ROLE_EXEC_SESSION_NAME=$(printf 'container-%.50s' "$(hostname)")
  export AWS_ROLE_EXEC_SESSION_NAME
fi
exec aws-role-exec -- "$@"
