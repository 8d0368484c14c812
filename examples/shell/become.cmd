@echo off
rem Run commands with a role in a batch file, then drop it.
rem Needs: nothing but aws-role-exec and credentials that may assume the role.
rem
rem If STS refuses, the command that is run fails, so the batch file ends. At the prompt, write %i
rem for %%i.

set role=arn:aws:iam::123456789012:role/admin-readonly

for /f "delims=" %%i in ('aws-role-exec --role-arn %role% --duration 1h --format cmd') do %%i || exit /b 1
aws sts get-caller-identity

for /f "delims=" %%i in ('aws-role-exec --unset --format cmd') do %%i
