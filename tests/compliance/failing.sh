# When it cannot work: the command does not run, one line says why, and no secret is in it.

### the command does not run when STS refuses
## sts: refuses
status_is_not 0 aws-role-exec --role-arn "$ROLE" -- touch ran
missing ran

### the run's own failures are told apart from the command's: 125, as env and timeout do
## sts: refuses
status 125 aws-role-exec --role-arn "$ROLE" -- true

### what STS says is told, in at most two lines
## sts: refuses
aws-role-exec --role-arn "$ROLE" -- true 2>said || :
grep -q AccessDenied said
test "$(wc -l <said)" -le 2

### no secret is told, whatever STS says
## sts: refuses
AWS_SESSION_TOKEN=SecretToken aws-role-exec --role-arn "$ROLE" -- true >said 2>&1 || :
lacks_text "$AWS_SECRET_ACCESS_KEY" said
lacks_text SecretToken said

### a web page in place of STS is no answer
## sts: answers with a web page
status_is_not 0 aws-role-exec --role-arn "$ROLE" --sts-timeout 2s -- touch ran
missing ran

### half an answer is none
## sts: answers half
status_is_not 0 aws-role-exec --role-arn "$ROLE" --sts-timeout 2s -- touch ran
missing ran

### an STS that says nothing: the deadline ends it
## sts: is silent
status_is_not 0 timeout 60 aws-role-exec --role-arn "$ROLE" --sts-timeout 1s -- touch ran
missing ran

### an STS that sends a byte now and then: the deadline ends that too
## sts: drips
status_is_not 124 timeout 60 aws-role-exec --role-arn "$ROLE" --sts-timeout 1s -- touch ran
missing ran

### a signal while STS is silent ends the run by that signal
## sts: is silent
aws-role-exec --role-arn "$ROLE" --format json --output out 2>said &
run=$!
until [ "$(asked)" = 1 ] || ! kill -0 "$run"; do sleep 0.05; done
kill -TERM "$run"
status 143 wait "$run"
is "$(ls)" said

### no source credentials: it says so, and STS is not asked
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
refused aws-role-exec --role-arn "$ROLE" -- touch ran

### a key without its secret is nobody's identity
unset AWS_SECRET_ACCESS_KEY
status_is_not 0 aws-role-exec --role-arn "$ROLE" -- touch ran
missing ran

### a profile that does not exist is not replaced by another identity
AWS_PROFILE=no-such-profile status_is_not 0 aws-role-exec --role-arn "$ROLE" -- touch ran
missing ran

### a session that has expired is told as that
## sts: says that the token has expired
aws-role-exec --role-arn "$ROLE" -- touch ran 2>said || :
missing ran
grep -qi expired said
