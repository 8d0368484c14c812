#!/bin/bash
#$ -S /bin/bash
#$ -N parallel-inference
#$ -t 1-100
#$ -l h_rt=01:00:00
#$ -cwd
# A Grid Engine job array: each task has its own session, named sge-JOB_TASK.
# Needs: source credentials on the hosts.
#
# A hundred tasks that start together call STS together. Throttled calls are retried until
# --sts-timeout; a few minutes do not matter to a queued job.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-inference \
  --duration auto \
  --sts-timeout 3m \
  --session-name auto \
  -- python3 run_inference.py --chunk "${SGE_TASK_ID}"
