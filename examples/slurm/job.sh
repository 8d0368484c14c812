#!/bin/bash
#SBATCH --job-name=ml-training
#SBATCH --time=04:00:00
#SBATCH --partition=gpu
# A Slurm job that runs under a role of its own.
# Needs: source credentials on the node, and a role whose maximum session duration is 4 hours or
# more. STS gives more than one hour only to an IAM user's keys or an identity provider's token;
# with an instance profile as the base, write 01:00:00 (see docs/hpc.md, "Jobs longer than an hour").
#
# `exec` matters: the batch script itself becomes the program, so Slurm's accounting and
# `scancel --batch` reach it and nothing is left over when the job ends.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-ml-training \
  --duration 04:00:00 \
  --session-name "slurm-${SLURM_JOB_ID}" \
  -- python3 train.py \
  --data s3://research-bucket/training-data/ \
  --output "s3://research-bucket/model-outputs/run-${SLURM_JOB_ID}/"
