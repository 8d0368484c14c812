#!/bin/bash
#$ -S /bin/bash
#$ -N hpc-worker
#$ -l h_rt=04:00:00
#$ -cwd
# A Grid Engine job that runs under a role.
# Needs: a base identity on the host.
#
# The credentials last as long as the job may still run, which `qstat -j` tells. The session is
# named sge-JOB.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-sge-worker \
  --duration auto \
  --session-name auto \
  -- python3 train.py
