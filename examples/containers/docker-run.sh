#!/bin/sh
# Start the image from Dockerfile with your own keys as the source credentials.
# Needs: docker, and your keys in the environment. `-e NAME` without a value passes the variable
# only if it is set, so a session token is passed if there is one, and the keys do not appear in the
# process list. On ECS, EKS or EC2, omit the three lines.
exec docker run --rm \
  -e AWS_ROLE_EXEC_ROLE_ARN=arn:aws:iam::123456789012:role/my-container-role \
  -e AWS_ROLE_EXEC_DURATION=2h \
  -e AWS_ACCESS_KEY_ID \
  -e AWS_SECRET_ACCESS_KEY \
  -e AWS_SESSION_TOKEN \
  my-image python3 process.py
