# Bad input: refused, with nothing done and nothing asked.

### no role
refused aws-role-exec -- touch ran

### a role that is no ARN
refused aws-role-exec --role-arn my-role -- touch ran

### an ARN that is no role's
refused aws-role-exec --role-arn arn:aws:iam::123456789012:user/alice -- touch ran

### an account that has not 12 digits
refused aws-role-exec --role-arn arn:aws:iam::12345:role/my-role -- touch ran

### an option that does not exist
refused aws-role-exec --role-arn "$ROLE" --no-such-option -- touch ran

### a mistake has the status that POSIX utilities give it, 2
status 2 aws-role-exec --role-arn "$ROLE" --no-such-option -- true

### a mistake is one line and perhaps a hint, no page of help
aws-role-exec --role-arn "$ROLE" --no-such-option -- true 2>said || :
test "$(wc -l <said)" -le 2

### a duration that is none
refused aws-role-exec --role-arn "$ROLE" --duration soon -- touch ran

### a duration below STS's 15 minutes
refused aws-role-exec --role-arn "$ROLE" --duration 5m -- touch ran

### a duration above STS's 12 hours
refused aws-role-exec --role-arn "$ROLE" --duration 13h -- touch ran

### a walltime above 12 hours is not shortened without a word
refused aws-role-exec --role-arn "$ROLE" --duration 24:00:00 -- touch ran

### 05:00 may be minutes or hours
refused aws-role-exec --role-arn "$ROLE" --duration 05:00 -- touch ran

### a session name with a slash
refused aws-role-exec --role-arn "$ROLE" --session-name a/b -- touch ran

### a session name of one character
refused aws-role-exec --role-arn "$ROLE" --session-name a -- touch ran

### a session name of 65 characters
refused aws-role-exec --role-arn "$ROLE" --session-name "$(printf '%065d' 0)" -- touch ran

### a policy that is no JSON
refused aws-role-exec --role-arn "$ROLE" --policy '{' -- touch ran

### a policy without a statement
refused aws-role-exec --role-arn "$ROLE" --policy '{"Version":"2012-10-17"}' -- touch ran

### a policy longer than STS takes
refused aws-role-exec --role-arn "$ROLE" --policy \
    "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"$(printf '%02100d' 0)\",\"Resource\":\"*\"}]}" -- touch ran

### a format that does not exist
refused aws-role-exec --role-arn "$ROLE" --format yaml

### a region that is none
refused aws-role-exec --role-arn "$ROLE" --region 'eu west 1' -- touch ran

### a deadline that is none
refused aws-role-exec --role-arn "$ROLE" --sts-timeout soon -- touch ran

### a key with a line break, as from a secret pasted into a form
AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID
" refused aws-role-exec --role-arn "$ROLE" -- touch ran
