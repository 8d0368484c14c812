#!/bin/sh
# Run the pipeline main.nf, beside this file, with a role. Tasks of the local executor inherit it,
# and its credentials are renewed until the run ends.
# Needs: nextflow.
#
#   nextflow.sh --samples s1,s2 -resume
#
# With `-process.executor slurm`, Nextflow calls sbatch, which would copy this environment,
# including the session token, into the controller's spool: give such tasks their own role in
# nextflow.config beside this file. Tasks on AWS Batch use their job role.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/nextflow-pipeline-role \
  --renew \
  --session-name "nxf-${USER:-$(id -un)}-$(date +%s)" \
  -- nextflow run "$(dirname "$0")/main.nf" "$@"
