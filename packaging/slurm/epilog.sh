#!/bin/bash
# Slurm Epilog: remove what prolog.sh wrote. Runs as root on each node after the job.
# The file goes; copies a job made of the keys stay valid until they expire.
jobs=/usr/libexec/aws-role-exec/job-credentials
[ ! -e $jobs ] || $jobs remove "$SLURM_JOB_ID"
exit 0 # a failing Epilog drains the node as well
