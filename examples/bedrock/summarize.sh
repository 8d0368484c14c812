#!/bin/bash
#SBATCH --job-name=climate-postprocess
#SBATCH --time=00:30:00
# The second half of submit-chain.sh: summarize run $1 with a model on Bedrock.
# Needs: source credentials on the node.
simulation=${1:?usage: summarize.sh JOBID}
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-bedrock-nova \
  --duration 00:30:00 \
  --session-name "climate-summary-${SLURM_JOB_ID}" \
  -- python3 summarize_output.py \
  --model "amazon.nova-pro-v1:0" \
  --data "/scratch/sim-outputs/run-$simulation/" \
  --report "s3://climate-bucket/reports/run-$simulation.md"
