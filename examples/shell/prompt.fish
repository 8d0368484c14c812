# fish: show the remaining time of the role in this shell, as in "[role 42m]", at the right.
# Put it into ~/.config/fish/functions/fish_right_prompt.fish.

function role_time_left
    set -q AWS_CREDENTIAL_EXPIRATION; or return 0
    # GNU and busybox date, else macOS and BSD date.
    set -l end (date -u -d $AWS_CREDENTIAL_EXPIRATION +%s 2>/dev/null)
    or set end (date -u -j -f %Y-%m-%dT%H:%M:%SZ $AWS_CREDENTIAL_EXPIRATION +%s)
    or return
    set -l seconds (math $end - (date +%s))
    if test $seconds -gt 0
        printf '[role %dm]' (math --scale=0 $seconds / 60)
    else
        printf '[role expired]'
    end
end

function fish_right_prompt
    role_time_left
end
