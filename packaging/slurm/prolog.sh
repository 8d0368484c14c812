#!/bin/bash
# Slurm Prolog: give jobs that roles.map lists a credentials file, without a change to their
# scripts. Runs as root on each node before the job; taskprolog.sh tells the job where the file is,
# epilog.sh removes it. docs/slurm-admin.md says how to install them.
#
# It always exits 0: a Prolog that fails drains the node and holds the job. A job that should have
# had credentials and has none is stopped by taskprolog.sh instead.
export PATH=/usr/local/bin:/usr/bin:/bin:/opt/slurm/bin # a Prolog is started without
map=/etc/aws-role-exec/roles.map

[ -r "$map" ] || exit 0
# Slurm before 23.02 tells a Prolog no account: asked for only where the map has use for it.
if [ -z "$SLURM_JOB_ACCOUNT" ] && grep -q '^[^#]*account=' "$map"; then
  SLURM_JOB_ACCOUNT=$(timeout 5 squeue -h -j "$SLURM_JOB_ID" -o %a 2>/dev/null | head -n 1)
fi
[ -n "$SLURM_JOB_USER" ] || SLURM_JOB_USER=$(id -nu "$SLURM_JOB_UID" 2>/dev/null)

told=$(/usr/libexec/aws-role-exec/job-credentials write "$SLURM_JOB_ID" "$SLURM_JOB_UID" \
  partition="$SLURM_JOB_PARTITION" account="$SLURM_JOB_ACCOUNT" user="$SLURM_JOB_USER" 2>&1)
status=$?
# Which line of the map fitted, or that none did, and why there are no credentials: `journalctl
# -t aws-role-exec` answers "why has this job no role?".
[ -z "$told" ] || printf '%s\n' "$told" | sed "s/^/job $SLURM_JOB_ID: /" | logger -t aws-role-exec
if [ $status = 2 ]; then
  # taskprolog.sh cannot know: rather no job than a job under the node's own identity.
  timeout 10 scontrol update "JobId=$SLURM_JOB_ID" "Comment=aws-role-exec: $told"
  timeout 10 scancel "$SLURM_JOB_ID"
fi
exit 0
