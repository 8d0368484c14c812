#!/bin/bash -p
# Grid Engine prolog: give jobs that roles.map lists credentials, without a change to their
# scripts. Runs as root on the node before the job (`prolog root@/etc/sge/prolog.sh` in the queue);
# epilog.sh removes them. docs/grid-engine.md says how to install them.
#
# Grid Engine hands the submitted environment to root: -p keeps bash from taking functions out of
# it, and nothing else of it stays but what Grid Engine itself says.
for name in $(compgen -e); do
  case $name in JOB_ID | SGE_*) ;; *) unset "$name" 2>/dev/null ;; esac
done
export PATH=/usr/local/bin:/usr/bin:/bin
credentials() {
  env -i JOB_ID="$JOB_ID" SGE_TASK_ID="$SGE_TASK_ID" SGE_JOB_SPOOL_DIR="$SGE_JOB_SPOOL_DIR" \
    /usr/libexec/aws-role-exec/job-credentials "$@"
}
fact() { sed -n "s/^$1=//p" "$SGE_JOB_SPOOL_DIR/config"; }
# `journalctl -t aws-role-exec` answers "why has this job no role?".
log() {
  while read -r line; do printf 'job %s: %s\n' "$job" "$line"; done <<<"$1" |
    logger -t aws-role-exec
}
fail() { # What is said here is in the job's output. Any status but 100 would close the queue.
  log "no credentials for this job: $1"
  printf 'aws-role-exec: no credentials for this job: %s\n' "$1" >&2
  exit 100 # the job waits in state Eqw: `qmod -cj` starts it again, `qdel` removes it
}

job=$JOB_ID
[ "$SGE_TASK_ID" = undefined ] || job+=.$SGE_TASK_ID # an array's
owner=$(fact job_owner)
[ -n "$owner" ] || fail "$SGE_JOB_SPOOL_DIR/config does not say whose job this is"
facts=(queue="$(fact queue)" project="$(fact acct_project)" user="$owner")
found=$(credentials find "${facts[@]}" 2>&1)
case $? in
  3 | 4) # a line denies it a role, or none fits
    log "$found"
    exit 0
    ;;
esac
told=$(credentials write "$job" "$(id -u "$owner")" "${facts[@]}" 2>&1) || fail "$told"
environment=$SGE_JOB_SPOOL_DIR/environment
submitted() { sed -n "s/^$1=//p" "$environment" 2>/dev/null; }
variables=$(credentials check "$job" "$(submitted no_proxy)" "$(submitted NO_PROXY)" 2>&1) ||
  fail "$variables"
[ -n "$variables" ] || fail "none were written"
log "$told"

# The job is started with what this file holds, a variable a line. An identity that was submitted
# along would win over ours, and what we set has to be there once.
# identity variables: made by packaging/generate.py
names='(AWS_ACCESS_KEY'
names+='|AWS_ACCESS_KEY_ID'
names+='|AWS_CONTAINER_AUTHORIZATION_TOKEN'
names+='|AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'
names+='|AWS_CREDENTIAL_EXPIRATION'
names+='|AWS_CREDENTIAL_FILE'
names+='|AWS_DEFAULT_PROFILE'
names+='|AWS_PROFILE'
names+='|AWS_ROLE_ARN'
names+='|AWS_ROLE_SESSION_NAME'
names+='|AWS_SECRET_ACCESS_KEY'
names+='|AWS_SECRET_KEY'
names+='|AWS_SECURITY_TOKEN'
names+='|AWS_SESSION_TOKEN'
names+='|AWS_SHARED_CREDENTIALS_FILE'
names+='|AWS_WEB_IDENTITY_TOKEN_FILE'
names+='|AWS_BEARER_TOKEN_.*'
names+='|AWS_CONTAINER_AUTHORIZATION_TOKEN.*'
names+='|AWS_CONTAINER_CREDENTIALS_.*'
names+='|AWS_VAULT.*)'
# end
while IFS='=' read -r name _; do names=${names%)}"|$name)"; done <<<"$variables"
# grep says 1 where nothing else is in it.
{ { rest=$(grep -Ev "^$names=" "$environment") || [ $? = 1 ]; } &&
  printf '%s\n' "${rest:+$rest$'\n'}$variables" >"$environment"; } 2>/dev/null ||
  fail "$environment cannot be changed"
