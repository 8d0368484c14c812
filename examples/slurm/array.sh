#!/bin/bash
#SBATCH --job-name=parallel-inference
#SBATCH --array=0-99
#SBATCH --time=01:00:00
# A job array: every task has its own session, named as sacct names the task (ARRAYJOB_TASK).
# Needs: source credentials on the nodes.
#
# A hundred tasks that start together call STS together. Throttled calls are tried again for as
# long as --sts-timeout allows; a few minutes cost nothing to a queued job.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-inference \
  --duration 01:00:00 \
  --sts-timeout 3m \
  --session-name "slurm-${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" \
  -- python3 run_inference.py --chunk "${SLURM_ARRAY_TASK_ID}"
