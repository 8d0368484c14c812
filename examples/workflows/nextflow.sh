#!/bin/sh
# Launch a Nextflow pipeline under a role. Tasks of the local executor inherit it.
# Needs: nextflow, and a role whose maximum session duration covers the run.
#
# With `-process.executor slurm` Nextflow calls sbatch, which would copy this environment, session
# token included, into the controller's spool: give such tasks a role of their own by
# nextflow.config beside this file. Tasks on AWS Batch use their job role.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/nextflow-pipeline-role \
  --duration 08:00:00 \
  --session-name "nxf-${USER:-$(id -un)}-$(date +%s)" \
  -- nextflow run nf-core/rnaseq \
  -profile docker \
  --input s3://nf-bucket/samplesheet.csv \
  --outdir s3://nf-bucket/results/
