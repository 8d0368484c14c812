#!/bin/bash
# Slurm Epilog: remove what prolog.sh wrote. Runs as root on each node after the job.
# The file goes; copies a job made of the keys stay valid until they expire.
/usr/libexec/aws-role-exec/job-credentials remove "$SLURM_JOB_ID"
exit 0 # a failing Epilog drains the node as well
