#!/bin/sh
# Run a migration with a database administrator's role that may access only one table.
# Needs: one-table.json, the policy, beside this script. file:// works as in the AWS CLI.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/db-admin \
  --policy "file://$here/one-table.json" \
  -- ./data-migrator
