# --output: a file that is whole or not there, for its owner alone.

### a credentials file, for tools that read nothing else
aws-role-exec --role-arn "$ROLE" --format credentials-file --output credentials
has '[default]' credentials
has "aws_access_key_id = $(issued AccessKeyId)" credentials
has "aws_session_token = $(issued SessionToken)" credentials

### its mode is 0600, whatever the umask
(umask 000 && aws-role-exec --role-arn "$ROLE" --format credentials-file --output credentials)
is "$(mode credentials)" 600

### so it is over an older file that others could read
touch credentials && chmod 666 credentials
aws-role-exec --role-arn "$ROLE" --format credentials-file --output credentials
is "$(mode credentials)" 600

### --output takes every format
aws-role-exec --role-arn "$ROLE" --format json --output out >printed
is "$(field AccessKeyId out)" "$(issued AccessKeyId)"
is "$(mode out)" 600
is "$(cat printed)" ""

### the old file stays when STS refuses
## sts: refuses
echo old >out
status_is_not 0 aws-role-exec --role-arn "$ROLE" --format json --output out
is "$(cat out)" old
is "$(ls)" out

### no file appears when STS refuses
## sts: refuses
status_is_not 0 aws-role-exec --role-arn "$ROLE" --format json --output out
is "$(ls)" ""

### a reader of the old file never sees half of the new one
echo old >out && exec 3<out
aws-role-exec --role-arn "$ROLE" --format json --output out
is "$(cat <&3)" old

### a symbolic link is not followed
echo precious >elsewhere && ln -s elsewhere out
status_is_not 0 aws-role-exec --role-arn "$ROLE" --format json --output out
is "$(cat elsewhere)" precious

### somebody's credentials file with other sections is not lost
printf '[default]\nx = 1\n[work]\naws_access_key_id = AKIAWORKEXAMPLE00000\n' >credentials
aws-role-exec --role-arn "$ROLE" --format credentials-file --output credentials 2>/dev/null || :
has '[work]' credentials

### a place that cannot be written to is told before STS is asked
status_is_not 0 aws-role-exec --role-arn "$ROLE" --format json --output no/such/directory/out
is "$(asked)" 0

### a directory in its place too
mkdir out
status_is_not 0 aws-role-exec --role-arn "$ROLE" --format json --output out
is "$(asked)" 0

### /dev/stdout is written to as it is
is "$(aws-role-exec --role-arn "$ROLE" --format json --output /dev/stdout | field Version -)" 1

### credentials-file without a place is a mistake
refused aws-role-exec --role-arn "$ROLE" --format credentials-file
