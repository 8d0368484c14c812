#!/bin/bash
# Slurm Prolog: give every job of a listed partition a credentials file, without a change to the
# job's script. Runs as root on each node before the job; taskprolog.sh tells the job where the
# file is, epilog.sh removes it.
# Needs: roles.map in /etc/aws-role-exec, a base identity for root on the node, and in slurm.conf
# PrologFlags=Alloc, Prolog=, TaskProlog= and Epilog= naming the three scripts.
#
# It always exits 0: a Prolog that fails drains the node and holds the job. A job that should have
# had credentials and has none is stopped by taskprolog.sh instead.
#
# Safe against a hostile job owner: everything lies in directories that only root can write to, so
# no name can be swapped for a link; the file is the job owner's before its first byte is written.
export PATH=/usr/local/bin:/usr/bin:/bin HOME=/ # a Prolog is started with neither
umask 077
base=${AWS_ROLE_BASE:-/run/aws-role-exec}
map=${AWS_ROLE_MAP:-/etc/aws-role-exec/slurm-roles.map}

case $SLURM_JOB_ID in '' | *[!0-9]*) exit 0 ;; esac
role=$(awk -v p="$SLURM_JOB_PARTITION" '$1 == p { print $2; exit }' "$map") || exit 0
[ -n "$role" ] || exit 0

mkdir -m 0711 "$base" 2>/dev/null
if [ "$(stat -c '%u %a %F' "$base")" != "$(id -u) 711 directory" ]; then
  logger -t aws-role-exec "job $SLURM_JOB_ID: $base is not ours, no credentials written"
  exit 0
fi
dir=$base/$SLURM_JOB_ID
rm -rf --one-file-system -- "$dir" # a requeued job comes here twice
mkdir -m 0711 "$dir" || exit 0
install -m 0644 /dev/null "$dir/wanted"

# Newer Slurm says when the job ends; asking squeue from a Prolog would load the controller.
# A walltime over 12 hours is cut to what STS can give; set 3600 as the most when the base is an
# instance profile. A bare number of seconds is a walltime, so less than 15 minutes is rounded up.
most=43200
seconds=3600
if [ -n "$SLURM_JOB_END_TIME" ]; then
  seconds=$((SLURM_JOB_END_TIME - $(date +%s)))
  [ "$seconds" -gt 0 ] || seconds=900
  [ "$seconds" -le "$most" ] || seconds=$most
fi

if aws-role-exec \
  --role-arn "$role" \
  --duration "$seconds" \
  --session-name "slurm-$SLURM_JOB_ID" \
  --sts-timeout 20s \
  --format credentials-file \
  --owner "$SLURM_JOB_UID" \
  --output "$dir/credentials" 2>"$dir/error"; then
  rm -f "$dir/error"
else
  logger -t aws-role-exec -f "$dir/error"
  chmod 0644 "$dir/error"
fi
exit 0
