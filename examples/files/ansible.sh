#!/bin/sh
# Run Ansible with a credentials file instead of keys in its environment.
# Needs: ansible-playbook. The file has mode 0600 and is removed when this script ends.
#
# SDKs prefer keys in the environment to a file, so the keys are removed from the tool's
# environment: otherwise it would use your own identity.
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
  ansible-playbook playbook.yml
