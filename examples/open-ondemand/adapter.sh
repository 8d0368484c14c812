#!/bin/bash
# An Open OnDemand adapter script: hand a job specification to a program that talks to AWS Batch.
# Needs: ood-aws-batch-adapter on the PATH, and the specification in JOB_SPEC_JSON.
#
# Standard input passes through untouched, so there is no need to take keys apart with jq.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/ood-adapter-role \
  --duration "${WALLTIME:-01:00:00}" \
  --session-name "ood-adapter-${USER}" \
  -- ood-aws-batch-adapter submit <<<"${JOB_SPEC_JSON:?}"
