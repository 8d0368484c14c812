#!/bin/bash
#SBATCH --job-name=ml-training
#SBATCH --time=04:00:00
#SBATCH --partition=gpu
# A Slurm job with its own role.
# Needs: source credentials on the node, such as its instance profile. That is a role session, so
# STS allows one hour at most; with --renew, the credentials last as long as the job.
#
# Keep the `exec`: the batch script becomes the program, so Slurm's accounting and `scancel --batch`
# reach it, and nothing is left behind when the job ends.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-ml-training \
  --renew --duration 04:00:00 \
  --session-name "slurm-${SLURM_JOB_ID}" \
  -- python3 train.py \
  --data s3://research-bucket/training-data/ \
  --output "s3://research-bucket/model-outputs/run-${SLURM_JOB_ID}/"
