# bash: show in the prompt the remaining time of the role in this shell, as in "[role 42m] ".
# Source it from ~/.bashrc.

role_time_left() {
  [ -n "${AWS_CREDENTIAL_EXPIRATION-}" ] || return 0
  local end seconds
  # GNU and busybox date, else macOS and BSD date.
  end=$(date -u -d "$AWS_CREDENTIAL_EXPIRATION" +%s 2>/dev/null) ||
    end=$(date -u -j -f %Y-%m-%dT%H:%M:%SZ "$AWS_CREDENTIAL_EXPIRATION" +%s) || return 0
  seconds=$((end - $(date +%s)))
  if [ "$seconds" -gt 0 ]; then
    printf '[role %dm] ' "$((seconds / 60))"
  else
    printf '[role expired] '
  fi
}

PS1='$(role_time_left)'$PS1
