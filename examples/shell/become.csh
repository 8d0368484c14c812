#!/bin/csh -f
# Do something as another role in a csh or tcsh script, then step back.
# Needs: nothing but aws-role-exec and credentials that may assume the role.
#
# When STS refuses, what is evaluated is `false`: look at its status before going on.

set role = arn:aws:iam::123456789012:role/admin-readonly

eval `aws-role-exec --role-arn $role --duration 1h --format csh`
if ($status) exit 1
aws sts get-caller-identity

eval `aws-role-exec --unset --format csh`
