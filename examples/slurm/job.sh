#!/bin/bash
#SBATCH --job-name=ml-training
#SBATCH --time=04:00:00
#SBATCH --partition=gpu
# A Slurm job that runs under a role of its own.
# Needs: source credentials on the node, such as its instance profile. From a role's session, which
# that is, STS gives one hour at most; with --renew the credentials last as long as the job.
#
# `exec` matters: the batch script itself becomes the program, so Slurm's accounting and
# `scancel --batch` reach it and nothing is left over when the job ends.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-ml-training \
  --renew --duration 04:00:00 \
  --session-name "slurm-${SLURM_JOB_ID}" \
  -- python3 train.py \
  --data s3://research-bucket/training-data/ \
  --output "s3://research-bucket/model-outputs/run-${SLURM_JOB_ID}/"
