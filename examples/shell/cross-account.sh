#!/bin/sh
# List a bucket that belongs to another account.
# Needs: the other account's role must trust yours, and you must be allowed sts:AssumeRole on it.
exec aws-role-exec \
  --role-arn arn:aws:iam::999888777666:role/cross-account-data-reader \
  --duration 1h \
  --session-name "cross-account-${USER:-$(id -un)}" \
  -- aws s3 ls s3://partner-data-bucket/
