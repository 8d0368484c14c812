# shellcheck shell=sh
# Take the role, or the SSO session, of a profile into the shell you are in, then step back.
# Needs: nothing but aws-role-exec and the profile.
# Use: source this in ~/.bashrc or ~/.zshrc, then type `become admin` and later `step_back`.

become() {
  creds=$(aws-role-exec --profile "$1") && eval "$creds" && unset creds
}

step_back() {
  eval "$(aws-role-exec --unset)"
}
