#!/bin/sh
# Run one project's job with a role that may read the whole data lake, restricted to that project.
# The job may do what the role *and* this policy allow; the policy never adds a permission.
# Needs: such a role.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/full-data-lake-role \
  --policy '{
    "Version": "2012-10-17",
    "Statement": [
      {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": "arn:aws:s3:::data-lake",
        "Condition": {"StringLike": {"s3:prefix": ["project-x/*"]}}
      },
      {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::data-lake/project-x/*"
      }
    ]
  }' \
  -- python3 etl.py --project project-x
