# zsh: show in the prompt the remaining time of the role in this shell, as in "[role 42m] ".
# Source it from ~/.zshrc.

zmodload zsh/datetime
setopt prompt_subst

role_time_left() {
  [[ -n ${AWS_CREDENTIAL_EXPIRATION-} ]] || return 0
  local end
  TZ=UTC strftime -r -s end %Y-%m-%dT%H:%M:%SZ "$AWS_CREDENTIAL_EXPIRATION" || return 0
  local seconds=$((end - EPOCHSECONDS))
  if ((seconds > 0)); then
    print -n "[role $((seconds / 60))m] "
  else
    print -n '[role expired] '
  fi
}

PROMPT='$(role_time_left)'$PROMPT
