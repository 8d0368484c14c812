#!/bin/bash
# Slurm Prolog: give jobs that roles.map lists credentials, without a change to their scripts.
# Runs as root on each node before the job; taskprolog.sh tells the job where they are, epilog.sh
# removes them. docs/slurm-admin.md says how to install them.
#
# It always exits 0: a Prolog that fails drains the node and holds the job. A job that should have
# had credentials and has none is stopped by taskprolog.sh instead.
export PATH=/usr/local/bin:/usr/bin:/bin:/opt/slurm/bin # a Prolog is started without
map=/etc/aws-role-exec/roles.map

[ -e "$map" ] || [ -L "$map" ] || exit 0
# What is not known of the job is not named. A line of the map that asks for it could be the one
# that says no, so it then stops the job, where an empty value would pass it by.
facts=(partition="$SLURM_JOB_PARTITION")
unknown=
# Slurm before 23.02 tells a Prolog no account: asked for only where the map has use for it.
if [ -n "$SLURM_JOB_ACCOUNT" ]; then
  facts+=(account="$SLURM_JOB_ACCOUNT")
elif ! grep -q '^[^#]*account=' "$map"; then
  facts+=(account=)
elif account=$(timeout 5 squeue -h -j "$SLURM_JOB_ID" -o %a 2>&1); then
  facts+=(account="${account%%$'\n'*}")
else
  unknown="its account is not known: squeue: ${account:-no response within 5 seconds}"
fi
if [ -n "$SLURM_JOB_USER" ] || SLURM_JOB_USER=$(id -nu "$SLURM_JOB_UID" 2>/dev/null); then
  facts+=(user="$SLURM_JOB_USER")
else
  unknown+="${unknown:+; }its user is not known: there is no user $SLURM_JOB_UID here"
fi

told=$(/usr/libexec/aws-role-exec/job-credentials write \
  "$SLURM_JOB_ID" "$SLURM_JOB_UID" "${facts[@]}" 2>&1)
status=$?
told+=${unknown:+${told:+$'\n'}$unknown}
# Which line of the map fitted, or that none did, and why there are no credentials: `journalctl
# -t aws-role-exec` answers "why has this job no role?".
[ -z "$told" ] || while read -r line; do
  printf 'job %s: %s\n' "$SLURM_JOB_ID" "$line"
done <<<"$told" | logger -t aws-role-exec
if [ $status = 2 ]; then
  # taskprolog.sh cannot know: rather no job than a job under the node's own identity.
  timeout 10 scontrol update "JobId=$SLURM_JOB_ID" "Comment=aws-role-exec: $told"
  timeout 10 scancel "$SLURM_JOB_ID"
fi
exit 0
