#!/bin/sh
# Start the image made from Dockerfile with the caller's identity as its base.
# Needs: docker, and the caller's keys in the environment. `-e NAME` without a value hands over
# the variable only if it is set, so a session token goes along when there is one and the keys
# do not show in the process list. On ECS, EKS or EC2 leave the three lines out.
exec docker run --rm \
  -e AWS_ROLE_EXEC_ROLE_ARN=arn:aws:iam::123456789012:role/my-container-role \
  -e AWS_ROLE_EXEC_DURATION=2h \
  -e AWS_ACCESS_KEY_ID \
  -e AWS_SECRET_ACCESS_KEY \
  -e AWS_SESSION_TOKEN \
  my-image python3 process.py
