# shellcheck shell=sh
# Work as another role in the shell you are in, then step back.
# Needs: nothing but aws-role-exec and credentials that may assume the role.
# Use: `. ./become.sh`, then `become_readonly` and later `become_myself`.
#
# The keys are caught in a variable first, because `eval $(...)` alone would swallow
# the exit status and leave you working under your old identity without noticing.

become_readonly() {
  creds=$(aws-role-exec \
    --role-arn arn:aws:iam::123456789012:role/admin-readonly \
    --duration 1h \
    --format env) || return
  eval "$creds"
  unset creds AWS_PROFILE # some SDKs let a profile win over keys
  aws sts get-caller-identity
}

# If your own keys came from these variables, they are gone too: open a new shell, or use
# subshell.sh in the first place, which leaves this shell alone.
become_myself() {
  eval "$(aws-role-exec --unset)"
}
