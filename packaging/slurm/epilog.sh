#!/bin/bash
# Slurm Epilog: remove what prolog.sh wrote. Runs as root on each node after the job.
# The file goes; copies a job made of the keys stay valid until they expire.
export PATH=/usr/bin:/bin
case $SLURM_JOB_ID in '' | *[!0-9]*) exit 0 ;; esac
rm -rf --one-file-system -- "${AWS_ROLE_BASE:-/run/aws-role-exec}/$SLURM_JOB_ID"
exit 0 # a failing Epilog drains the node as well
