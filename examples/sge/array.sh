#!/bin/bash
#$ -S /bin/bash
#$ -N parallel-inference
#$ -cwd
#$ -t 1-100
#$ -l h_rt=01:00:00
# A Grid Engine array: every task has its own session, named sge-JOB_TASK.
# Needs: a base identity on the nodes.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-inference \
  --duration auto \
  --sts-timeout 3m \
  --session-name auto \
  -- python3 run_inference.py --chunk "${SGE_TASK_ID}"
