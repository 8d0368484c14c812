#!/bin/bash
#PBS -N hpc-worker
#PBS -l walltime=01:00:00
#PBS -l select=1:ncpus=4
# A PBS job that runs under a role.
# Needs: source credentials on the node.
#
# The credentials last for the job's remaining time, which `qstat -f` reports. The session is named
# after the job: pbs-1234.server, or pbs-1234-5-.server in an array, because STS accepts no
# brackets.
cd "${PBS_O_WORKDIR:-.}" || exit
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-pbs-worker \
  --duration auto \
  --session-name auto \
  -- python3 train.py
