#!/bin/bash
#$ -S /bin/bash
#$ -N ml-training
#$ -cwd
#$ -l h_rt=04:00:00
# A Grid Engine job that runs under a role of its own, for as long as its h_rt has left.
# Needs: a base identity on the node. From an instance profile STS gives one hour at most.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-ml-training \
  --duration auto \
  --session-name auto \
  -- python3 train.py --output "s3://research-bucket/model-outputs/run-${JOB_ID}/"
