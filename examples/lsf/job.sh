#!/bin/bash
#BSUB -J hpc-worker[1-10]
#BSUB -W 4:00
#BSUB -n 4
# An LSF job array that runs under a role: `bsub < job.sh`.
# Needs: source credentials on the host.
#
# The credentials last for the task's remaining time, which `bjobs -o time_left` reports. Each task
# has its own session, named lsf-JOB_INDEX.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-lsf-worker \
  --duration auto \
  --session-name auto \
  -- python3 run_inference.py --chunk "${LSB_JOBINDEX}"
