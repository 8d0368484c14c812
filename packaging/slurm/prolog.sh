#!/bin/bash
# Slurm Prolog: give jobs that slurm-roles.map lists a credentials file, without a change to their
# scripts. Runs as root on each node before the job; taskprolog.sh tells the job where the file is,
# epilog.sh removes it. docs/hpc-admin.md says how to install the three.
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
settings=/etc/aws-role-exec/slurm.env # AWS_CA_BUNDLE=..., HTTPS_PROXY=..., AWS_REGION=...

complain() { logger -t aws-role-exec -- "job $SLURM_JOB_ID: $1" 2>/dev/null; }

case $SLURM_JOB_ID in '' | *[!0-9]*) exit 0 ;; esac
[ -r "$map" ] || exit 0

# Slurm 22.05 tells a Prolog no account: asked for only where the map has use for it.
if [ -z "$SLURM_JOB_ACCOUNT" ] && grep -q '^[^#]*account=' "$map"; then
  SLURM_JOB_ACCOUNT=$(timeout 5 squeue -h -j "$SLURM_JOB_ID" -o %a 2>/dev/null | head -n 1)
fi
[ -n "$SLURM_JOB_USER" ] || SLURM_JOB_USER=$(id -nu "$SLURM_JOB_UID" 2>/dev/null)
export SLURM_JOB_ACCOUNT SLURM_JOB_USER SLURM_JOB_PARTITION

# The first line of which all conditions hold names the role; "-" is none.
role=$(awk '
  BEGIN {
    job["partition"] = ENVIRON["SLURM_JOB_PARTITION"]
    job["account"] = ENVIRON["SLURM_JOB_ACCOUNT"]
    job["user"] = ENVIRON["SLURM_JOB_USER"]
  }
  /^[ \t]*(#|$)/ { next }
  {
    holds = 1
    count = split($1, conditions, ",")
    for (i = 1; i <= count; i++) {
      at = index(conditions[i], "=")
      name = substr(conditions[i], 1, at - 1)
      if (!(name in job) || job[name] != substr(conditions[i], at + 1)) holds = 0
    }
    if (holds) { print $2; exit }
  }' "$map")
case $role in '' | -) exit 0 ;; esac

mkdir -m 0711 "$base" 2>/dev/null
if [ "$(stat -c '%u %a %F' "$base")" != "$(id -u) 711 directory" ]; then
  complain "$base is not ours, no credentials written"
  exit 0
fi
dir=$base/$SLURM_JOB_ID
rm -rf --one-file-system -- "$dir" # a requeued job comes here twice
if ! mkdir -m 0711 "$dir"; then
  complain "cannot make $dir, no credentials written"
  exit 0
fi
install -m 0644 /dev/null "$dir/wanted"

if [ -f "$settings" ] && [ "$(stat -c %u "$settings")" = "$(id -u)" ]; then
  set -a
  # shellcheck source=/dev/null
  . "$settings"
  set +a
fi

# Newer Slurm says when the job ends; asking squeue from every Prolog would load the controller.
duration=1h
[ -z "$SLURM_JOB_END_TIME" ] || duration=auto

if aws-role-exec \
  --role-arn "$role" \
  --duration "$duration" \
  --session-name auto \
  --sts-timeout 20s \
  --format credentials-file \
  --owner "$SLURM_JOB_UID" \
  --output "$dir/credentials" 2>"$dir/error"; then
  rm -f "$dir/error"
else
  complain "$(head -n 1 "$dir/error")"
  chmod 0644 "$dir/error"
fi
exit 0
