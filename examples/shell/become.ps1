# Do something as another role in PowerShell, then step back.
# Needs: nothing but aws-role-exec and credentials that may assume the role.
#
# When STS refuses, what is evaluated throws, so nothing after it runs.

$role = 'arn:aws:iam::123456789012:role/admin-readonly'

Invoke-Expression (aws-role-exec --role-arn $role --duration 1h --format powershell | Out-String)
aws sts get-caller-identity

Invoke-Expression (aws-role-exec --unset --format powershell | Out-String)
