# shellcheck shell=sh
# Use a role in your current shell, then drop it.
# Needs: nothing but aws-role-exec and credentials that may assume the role.
# Use: `. ./become.sh`, then `become_readonly` and later `become_myself`.
#
# The keys go into a variable first, because `eval $(...)` alone would lose the exit status, and you
# would keep your old identity without noticing.

become_readonly() {
  creds=$(aws-role-exec \
    --role-arn arn:aws:iam::123456789012:role/admin-readonly \
    --duration 1h \
    --format env) || return
  eval "$creds"
  unset creds AWS_PROFILE # some SDKs prefer a profile to keys
  aws sts get-caller-identity
}

# If your own keys came from these variables, they are gone too: open a new shell, or use
# subshell.sh instead, which does not change this shell.
become_myself() {
  eval "$(aws-role-exec --unset)"
}
