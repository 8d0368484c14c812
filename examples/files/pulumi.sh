#!/bin/sh
# Run Pulumi with a credentials file instead of keys in its environment.
# Needs: pulumi. The file is 0600, replaced whole, and removed when this script ends.
#
# Keys in the environment win over a file in the SDKs, so they are taken out of the tool's
# environment: otherwise it would go on under the identity you started with.
set -eu
creds_file=$(mktemp)
trap 'rm -f "$creds_file"' EXIT

aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/my-role \
  --duration 1h \
  --format credentials-file \
  --output "$creds_file"

env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN -u AWS_PROFILE \
  AWS_SHARED_CREDENTIALS_FILE="$creds_file" \
  pulumi up
