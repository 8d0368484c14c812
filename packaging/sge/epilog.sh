#!/bin/bash -p
# Grid Engine epilog: remove what prolog.sh wrote. Runs as root on the node after the job
# (`epilog root@/etc/sge/epilog.sh` in the queue).
# The file goes; copies a job made of the keys stay valid until they expire.
job=$JOB_ID
[ "$SGE_TASK_ID" = undefined ] || job+=.$SGE_TASK_ID
/usr/bin/env -i /usr/libexec/aws-role-exec/job-credentials remove "$job"
exit 0 # a failing epilog closes the queue
