#!/bin/sh
# An interactive session that may call models and nothing else, whatever its role allows.
# Needs: a role with access to Bedrock.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-bedrock-full \
  --policy '{
    "Version": "2012-10-17",
    "Statement": [{
      "Effect": "Allow",
      "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
      "Resource": "*"
    }]
  }' \
  -- python3 interactive_analysis.py
