# What the command finds in its environment: the role's credentials, and none of the caller's.

### the command has the role's credentials
aws-role-exec --role-arn "$ROLE" -- env >found
has "AWS_ACCESS_KEY_ID=$(issued AccessKeyId)" found
has "AWS_SECRET_ACCESS_KEY=$(issued SecretAccessKey)" found
has "AWS_SESSION_TOKEN=$(issued SessionToken)" found

### the region is told by both names that SDKs read
aws-role-exec --role-arn "$ROLE" --region eu-west-1 -- env >found
has AWS_REGION=eu-west-1 found
has AWS_DEFAULT_REGION=eu-west-1 found

### the end of the session is told
aws-role-exec --role-arn "$ROLE" -- env >found
has "AWS_CREDENTIAL_EXPIRATION=$(issued Expiration)" found

### what selects another identity is taken out
printf '[default]\n[profile other]\n' >config
AWS_CONFIG_FILE=$PWD/config AWS_PROFILE=other \
    aws-role-exec --role-arn "$ROLE" -- env >found
lacks AWS_PROFILE= found

### so is a credentials file
printf '[default]\n' >credentials
AWS_SHARED_CREDENTIALS_FILE=$PWD/credentials aws-role-exec --role-arn "$ROLE" -- env >found
lacks AWS_SHARED_CREDENTIALS_FILE= found

### so are a container's credentials
AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/none aws-role-exec --role-arn "$ROLE" -- env >found
lacks AWS_CONTAINER_CREDENTIALS_RELATIVE_URI= found

### so is a web identity
AWS_WEB_IDENTITY_TOKEN_FILE=/none AWS_ROLE_ARN=$ROLE \
    aws-role-exec --role-arn "$ROLE" -- env >found
lacks AWS_WEB_IDENTITY_TOKEN_FILE= found
lacks AWS_ROLE_ARN= found

### so is a bearer token
AWS_BEARER_TOKEN_BEDROCK=secret aws-role-exec --role-arn "$ROLE" -- env >found
lacks AWS_BEARER_TOKEN_BEDROCK= found

### every key is there once
aws-role-exec --role-arn "$ROLE" -- env >found
is "$(grep -c '^AWS_ACCESS_KEY_ID=' found)" 1
is "$(grep -c '^AWS_REGION=' found)" 1

### everything else is the caller's, byte for byte
ODD=$(printf 'a\351b') EMPTY='' LD_LIBRARY_PATH=/nowhere \
    aws-role-exec --role-arn "$ROLE" -- env >found
has "ODD=$(printf 'a\351b')" found
has EMPTY= found
has LD_LIBRARY_PATH=/nowhere found

### nothing is added but AWS's variables
env >before
aws-role-exec --role-arn "$ROLE" -- env >found
sed 's/=.*//' before found | sort | uniq -u | grep -v -e '^AWS_' -e '^_$' >new || :
is "$(cat new)" ""
