#!/bin/csh -f
# Run commands with a role in a csh or tcsh script, then drop it.
# Needs: nothing but aws-role-exec and credentials that may assume the role.
#
# If STS refuses, the evaluated line is `false`: check its status before you continue.

set role = arn:aws:iam::123456789012:role/admin-readonly

eval `aws-role-exec --role-arn $role --duration 1h --format csh`
if ($status) exit 1
aws sts get-caller-identity

eval `aws-role-exec --unset --format csh`
