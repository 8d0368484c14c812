#!/bin/sh
# Download a bucket with a read-write role that cannot write in this session.
# `aws s3 sync` lists the bucket and gets each object; s3:GetObject covers HEAD requests as well
# (there is no IAM action called s3:HeadObject).
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/rw-role \
  --policy '{
    "Version": "2012-10-17",
    "Statement": [{
      "Effect": "Allow",
      "Action": ["s3:GetObject", "s3:ListBucket"],
      "Resource": ["arn:aws:s3:::my-bucket", "arn:aws:s3:::my-bucket/*"]
    }]
  }' \
  -- aws s3 sync s3://my-bucket/ ./local-backup/
