#!/bin/sh
# Use a role that requires MFA: you are prompted for the code on the terminal.
# Needs: an MFA device, and a role whose trust policy requires it.
exec aws-role-exec --mfa-serial arn:aws:iam::123456789012:mfa/alice \
  --role-arn arn:aws:iam::123456789012:role/admin -- aws iam list-users
