#!/bin/bash
# What action.yml runs to take a role for the steps that follow: keys are masked in the log, then
# set in their environment. If STS refuses, the step fails and sets nothing.
set -euo pipefail

options=(--region "$REGION" --duration "$DURATION" --session-name "$SESSION_NAME" --format github)
while read -r role; do
  [ -z "$role" ] || options+=(--role-arn "$role")
done <<<"$ROLES"
[ -z "$WEB_IDENTITY" ] || options+=(--web-identity "$WEB_IDENTITY")
[ -z "$POLICY" ] || options+=(--policy "$POLICY")
aws-role-exec "${options[@]}"
