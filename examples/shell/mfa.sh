#!/bin/sh
# Administer under a role that wants MFA: it prompts for the code on the terminal.
# Needs: an MFA device of yours, and a role whose trust policy asks for it.
exec aws-role-exec --mfa-serial arn:aws:iam::123456789012:mfa/alice \
  --role-arn arn:aws:iam::123456789012:role/admin -- aws iam list-users
