#!/bin/bash
#$ -S /bin/bash
#$ -N hpc-worker
#$ -l h_rt=04:00:00
#$ -cwd
# A Grid Engine job that runs under a role.
# Needs: source credentials on the host.
#
# The credentials last for the job's remaining time, which `qstat -j` reports. The session is named
# sge-JOB.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-sge-worker \
  --duration auto \
  --session-name auto \
  -- python3 train.py
