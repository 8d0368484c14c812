@echo off
rem Do something as another role in a batch file, then step back.
rem Needs: nothing but aws-role-exec and credentials that may assume the role.
rem
rem When STS refuses, what is run fails, so the batch file ends. At the prompt write %i for %%i.

set role=arn:aws:iam::123456789012:role/admin-readonly

for /f "delims=" %%i in ('aws-role-exec --role-arn %role% --duration 1h --format cmd') do %%i || exit /b 1
aws sts get-caller-identity

for /f "delims=" %%i in ('aws-role-exec --unset --format cmd') do %%i
