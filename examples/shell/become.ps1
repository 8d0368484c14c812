# Run commands with a role in PowerShell, then drop it.
# Needs: nothing but aws-role-exec and credentials that may assume the role.
#
# If STS refuses, the evaluated line throws, so nothing after it runs.

$role = 'arn:aws:iam::123456789012:role/admin-readonly'

Invoke-Expression (aws-role-exec --role-arn $role --duration 1h --format powershell | Out-String)
aws sts get-caller-identity

Invoke-Expression (aws-role-exec --unset --format powershell | Out-String)
