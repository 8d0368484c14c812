# What STS is asked, and how often.

### the role, once
aws-role-exec --role-arn "$ROLE" -- true
is "$(asked)" 1
is "$(sent RoleArn)" "$ROLE"

### an hour, if nothing else is said
aws-role-exec --role-arn "$ROLE" -- true
is "$(sent DurationSeconds)" 3600

### a duration as Go writes it
aws-role-exec --role-arn "$ROLE" --duration 1h30m -- true
is "$(sent DurationSeconds)" 5400

### a walltime as schedulers write it
aws-role-exec --role-arn "$ROLE" --duration 04:00:00 -- true
is "$(sent DurationSeconds)" 14400

### a walltime with days, as Slurm has it
aws-role-exec --role-arn "$ROLE" --duration 0-08:00:00 -- true
is "$(sent DurationSeconds)" 28800

### a job shorter than any session gets the shortest
aws-role-exec --role-arn "$ROLE" --duration 00:05:00 -- true
is "$(sent DurationSeconds)" 900

### a session name
aws-role-exec --role-arn "$ROLE" --session-name slurm-42 -- true
is "$(sent RoleSessionName)" slurm-42

### a session name of its own, with the user's name, that STS accepts
USER=alice aws-role-exec --role-arn "$ROLE" -- true
sent RoleSessionName | grep -Eq '^aws-role-exec-[A-Za-z0-9_+=,.@-]+$'
test "$(sent RoleSessionName | wc -c)" -le 65

### two runs at the same moment have two names
aws-role-exec --role-arn "$ROLE" -- true &
aws-role-exec --role-arn "$ROLE" -- true
wait
differ "$(sed -n 's/^RoleSessionName=//p' "$WORLD/1")" "$(sed -n 's/^RoleSessionName=//p' "$WORLD/2")"

### a user name that STS would not take
USER='jörg müller' LOGNAME='jörg müller' aws-role-exec --role-arn "$ROLE" -- true
is "$(asked)" 1

### a policy
aws-role-exec --role-arn "$ROLE" --policy \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}' -- true
sent Policy | grep -q s3:GetObject

### the region of --region, over that of the environment
AWS_DEFAULT_REGION=us-west-2 AWS_REGION=us-west-2 \
    aws-role-exec --role-arn "$ROLE" --region eu-west-1 -- sh -c 'echo $AWS_REGION' >region
is "$(cat region)" eu-west-1

### an STS that throttles is asked again
## sts: throttles once
aws-role-exec --role-arn "$ROLE" -- true
is "$(asked)" 2

### so is one that fails
## sts: fails once
aws-role-exec --role-arn "$ROLE" -- true
is "$(asked)" 2

### so is one that drops the connection
## sts: drops the connection once
aws-role-exec --role-arn "$ROLE" -- true
is "$(asked)" 2

### one that refuses is asked once
## sts: refuses
status_is_not 0 aws-role-exec --role-arn "$ROLE" -- true
is "$(asked)" 1

### --dry-run asks nothing, and says what would be
aws-role-exec --role-arn "$ROLE" --duration 04:00:00 --session-name my-job --dry-run -- touch ran >said 2>&1
is "$(asked)" 0
missing ran
has "DRY RUN: would assume $ROLE" said
grep -q my-job said
grep -q 4h0m0s said
