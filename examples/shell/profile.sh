# shellcheck shell=sh
# Use the role, or the SSO session, of a profile in your current shell, then drop it.
# Needs: nothing but aws-role-exec and the profile.
# Use: source this in ~/.bashrc or ~/.zshrc, then type `become admin` and later `step_back`.

become() {
  creds=$(aws-role-exec --profile "$1") && eval "$creds" && unset creds
}

step_back() {
  eval "$(aws-role-exec --unset)"
}
