#!/bin/bash
#$ -S /bin/bash
#$ -N parallel-inference
#$ -t 1-100
#$ -l h_rt=01:00:00
#$ -cwd
# A Grid Engine job array: every task has its own session, named sge-JOB_TASK.
# Needs: a base identity on the hosts.
#
# A hundred tasks that start together call STS together. Throttled calls are tried again for as
# long as --sts-timeout allows; a few minutes cost nothing to a queued job.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-inference \
  --duration auto \
  --sts-timeout 3m \
  --session-name auto \
  -- python3 run_inference.py --chunk "${SGE_TASK_ID}"
