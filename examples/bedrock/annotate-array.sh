#!/bin/bash
#SBATCH --job-name=sequence-annotation
#SBATCH --array=0-999%50
#SBATCH --time=01:00:00
# A job array in which each task annotates one chunk of sequences with a model on Bedrock.
# Needs: source credentials on the nodes, access to the model, and a role that may use it and the
# bucket.
#
# The session policy restricts the role to one model and to the two prefixes that the job works on.
# For models called through an inference profile, add its ARN to Resource beside the models' own.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-bedrock-annotate \
  --duration 01:00:00 \
  --sts-timeout 3m \
  --session-name "annot-${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" \
  --policy '{
    "Version": "2012-10-17",
    "Statement": [
      {
        "Effect": "Allow",
        "Action": "bedrock:InvokeModel",
        "Resource": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
      },
      {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::genomics-bucket/sequences/*"
      },
      {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::genomics-bucket/annotations/*"
      }
    ]
  }' \
  -- python3 annotate_chunk.py \
  --chunk "${SLURM_ARRAY_TASK_ID}" \
  --input s3://genomics-bucket/sequences/ \
  --output s3://genomics-bucket/annotations/
