#!/bin/bash
#PBS -N hpc-worker
#PBS -l walltime=01:00:00
#PBS -l select=1:ncpus=4
# A PBS job that runs under a role. Needs: a base identity on the node.
#
# PBS_JOBID looks like 1234.server or, in an array, 1234[5].server; STS has no brackets in session
# names, so whatever it refuses becomes a dash. PBS does not tell a job its walltime: write it twice.
cd "${PBS_O_WORKDIR:-.}" || exit
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-pbs-worker \
  --duration 01:00:00 \
  --session-name "pbs-$(printf '%.60s' "$PBS_JOBID" | tr -c 'A-Za-z0-9_+=,.@-' '-')" \
  -- python3 train.py
