#!/bin/bash
# An Open OnDemand adapter script: pass a job specification to a program that calls AWS Batch.
# Needs: ood-aws-batch-adapter on the PATH, and the specification in JOB_SPEC_JSON.
#
# The program inherits standard input unchanged, so you need no jq to extract keys.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/ood-adapter-role \
  --duration "${WALLTIME:-01:00:00}" \
  --session-name "ood-adapter-${USER}" \
  -- ood-aws-batch-adapter submit <<<"${JOB_SPEC_JSON:?}"
