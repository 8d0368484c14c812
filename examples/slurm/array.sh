#!/bin/bash
#SBATCH --job-name=parallel-inference
#SBATCH --array=0-99
#SBATCH --time=01:00:00
# A job array: each task has its own session, with the name that sacct shows (ARRAYJOB_TASK).
# Needs: source credentials on the nodes.
#
# A hundred tasks that start together call STS together. Throttled calls are retried until
# --sts-timeout; a few minutes do not matter to a queued job.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-inference \
  --duration 01:00:00 \
  --sts-timeout 3m \
  --session-name "slurm-${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" \
  -- python3 run_inference.py --chunk "${SLURM_ARRAY_TASK_ID}"
