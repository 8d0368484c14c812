#!/bin/bash
# Slurm TaskProlog: point every task of the job at the credentials that prolog.sh left for it.
# Runs as the job's user; what it prints changes the task's environment. Slurm takes the rest of
# the line as it stands, so nothing is quoted.
jobs=/usr/libexec/aws-role-exec/job-credentials
[ -e $jobs ] || [ -e /etc/aws-role-exec/roles.map ] || exit 0 # a node without roles
if ! variables=$($jobs check "$SLURM_JOB_ID" "${no_proxy-}" "${NO_PROXY-}" 2>&1); then
  printf 'print aws-role-exec: %s\n' "${variables//$'\n'/$'\n'print }"
  exit 1 # stops the task; the node stays up
fi
[ -n "$variables" ] || exit 0
# An identity that was submitted along would win over them.
for name in $(compgen -e AWS_); do
  case $name in
    # identity variables: made by packaging/generate.py
    AWS_ACCESS_KEY |\
    AWS_ACCESS_KEY_ID |\
    AWS_CONTAINER_AUTHORIZATION_TOKEN |\
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE |\
    AWS_CREDENTIAL_EXPIRATION |\
    AWS_CREDENTIAL_FILE |\
    AWS_DEFAULT_PROFILE |\
    AWS_PROFILE |\
    AWS_ROLE_ARN |\
    AWS_ROLE_SESSION_NAME |\
    AWS_SECRET_ACCESS_KEY |\
    AWS_SECRET_KEY |\
    AWS_SECURITY_TOKEN |\
    AWS_SESSION_TOKEN |\
    AWS_WEB_IDENTITY_TOKEN_FILE |\
    AWS_BEARER_TOKEN_* |\
    AWS_CONTAINER_AUTHORIZATION_TOKEN* |\
    AWS_CONTAINER_CREDENTIALS_* |\
    AWS_VAULT*)
    # end
      echo "unset $name"
      ;;
  esac
done
printf 'export %s\n' "${variables//$'\n'/$'\n'export }"
