#!/bin/bash
# Slurm TaskProlog: point every task of the job at the file that prolog.sh wrote.
# Runs as the job's user; what it prints changes the task's environment. Slurm takes the rest of
# the line as it stands, so nothing is quoted.
#
# Keys that the user submitted along would win over the file: they are taken out.
dir=${AWS_ROLE_BASE:-/run/aws-role-exec}/$SLURM_JOB_ID
[ -e "$dir/wanted" ] || exit 0
if [ ! -r "$dir/credentials" ]; then
  echo "print aws-role-exec: no credentials for this job: $(head -n 1 "$dir/error" 2>/dev/null)"
  exit 1 # stops the task; the node stays up
fi
for name in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN \
  AWS_PROFILE AWS_DEFAULT_PROFILE; do
  echo "unset $name"
done
echo "export AWS_SHARED_CREDENTIALS_FILE=$dir/credentials"
