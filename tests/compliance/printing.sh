# Credentials without a command: for a shell to read, and as JSON.

### env: a shell takes the role by eval
eval "$(aws-role-exec --role-arn "$ROLE" --format env)"
is "$AWS_ACCESS_KEY_ID" "$(issued AccessKeyId)"
is "$AWS_SESSION_TOKEN" "$(issued SessionToken)"

### env: also without quotes around it
# shellcheck disable=SC2046
eval $(aws-role-exec --role-arn "$ROLE" --format env)
is "$AWS_SECRET_ACCESS_KEY" "$(issued SecretAccessKey)"

### env is the default
eval "$(aws-role-exec --role-arn "$ROLE")"
is "$AWS_ACCESS_KEY_ID" "$(issued AccessKeyId)"

### env: the caller's profile no longer counts in that shell
export AWS_PROFILE=other AWS_CONFIG_FILE="$PWD/config"
printf '[profile other]\n' >config
eval "$(aws-role-exec --role-arn "$ROLE" --format env)"
is "${AWS_PROFILE-}" ""

### env: a refusal stops a script that says eval
## sts: refuses
status 1 sh -ec 'eval "$(aws-role-exec --role-arn "$0" --format env 2>/dev/null)"; exit 0' "$ROLE"

### env: nothing to eval stops it too, when the role is missing
status 1 sh -ec 'eval "$(aws-role-exec --format env 2>/dev/null)"; exit 0'

### json: the credentials
aws-role-exec --role-arn "$ROLE" --format json >out
is "$(field AccessKeyId out)" "$(issued AccessKeyId)"
is "$(field SecretAccessKey out)" "$(issued SecretAccessKey)"
is "$(field SessionToken out)" "$(issued SessionToken)"
is "$(field Expiration out)" "$(issued Expiration)"

### json: what credential_process wants to find besides
is "$(aws-role-exec --role-arn "$ROLE" --format json | field Version -)" 1

### json: the region
is "$(aws-role-exec --role-arn "$ROLE" --region eu-west-1 --format json | field Region -)" eu-west-1

### json: nothing on standard output when STS refuses
## sts: refuses
aws-role-exec --role-arn "$ROLE" --format json >out 2>/dev/null || :
is "$(cat out)" ""

### a format with a command is a mistake, and nothing runs
refused aws-role-exec --role-arn "$ROLE" --format json -- touch ran
