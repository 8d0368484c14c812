#!/bin/sh
# Run a migration under a database administrator's role that may touch one table only.
# The policy lies in a file beside this script: file:// is read as the AWS CLI reads it.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/db-admin \
  --policy "file://$here/one-table.json" \
  -- ./data-migrator
