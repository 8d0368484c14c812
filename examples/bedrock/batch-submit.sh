#!/bin/bash
#SBATCH --job-name=batch-inference-submit
#SBATCH --time=00:10:00
# Submit a file of prompts to Bedrock's batch inference and exit; Bedrock does the work.
# Needs: source credentials on the node, and a role with bedrock:CreateModelInvocationJob and
# iam:PassRole on the execution role.
#
# A session lasts 15 minutes at least: a ten-minute walltime is rounded up, with a notice.
# The second --role-arn comes after `--` and belongs to the Python program.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-bedrock-batch \
  --duration 00:10:00 \
  --session-name "batch-submit-${SLURM_JOB_ID}" \
  -- python3 submit_batch_inference.py \
  --model "amazon.nova-lite-v1:0" \
  --input-s3 s3://research-bucket/prompts/batch-001.jsonl \
  --output-s3 s3://research-bucket/results/batch-001/ \
  --role-arn arn:aws:iam::123456789012:role/bedrock-batch-execution
