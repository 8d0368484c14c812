#!/bin/sh
# Launch the pipeline main.nf, which lies beside this file, under a role. Tasks of the local
# executor inherit it, and its credentials are renewed for as long as the run takes.
# Needs: nextflow.
#
#   nextflow.sh --samples s1,s2 -resume
#
# With `-process.executor slurm` Nextflow calls sbatch, which would copy this environment, session
# token included, into the controller's spool: give such tasks a role of their own by
# nextflow.config beside this file. Tasks on AWS Batch use their job role.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/nextflow-pipeline-role \
  --renew \
  --session-name "nxf-${USER:-$(id -un)}-$(date +%s)" \
  -- nextflow run "$(dirname "$0")/main.nf" "$@"
