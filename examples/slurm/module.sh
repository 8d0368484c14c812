#!/bin/bash
#SBATCH --job-name=ml-training
#SBATCH --time=01:00:00
# A Slurm job on a cluster that has aws-role-exec as a module.
# Needs: source credentials on the node, and the module (docs/modules.md).
module load aws-role-exec || exit
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-ml-training \
  --duration auto \
  --session-name auto \
  -- python3 train.py
