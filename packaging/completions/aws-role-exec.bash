_aws_role_exec_completion() {
    local IFS=$'\n' word=${COMP_LINE:0:COMP_POINT} before= response completion
    word=${word##*[[:space:]]}
    [[ $word == --*=* ]] && word=${word#*=}
    [[ $COMP_WORDBREAKS == *:* ]] && before=${word%"${word##*[:=]}"}

    COMPREPLY=()
    response=$(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" _AWS_ROLE_EXEC_COMPLETE=bash_complete "$1") ||
        return

    for completion in $response; do
        local kind=${completion%%,*} value=${completion#*,}

        case $kind in
            command)
                local at=0 number offset_function
                for offset_function in _comp_command_offset _command_offset; do
                    declare -F "$offset_function" >/dev/null || continue
                    for ((number = 0; number < COMP_CWORD; number++)); do
                        while [[ ${COMP_LINE:at:1} == [[:space:]] ]]; do ((at++)); done
                        ((at >= value)) && break
                        ((at += ${#COMP_WORDS[number]}))
                    done
                    unset IFS
                    "$offset_function" "$number"
                    return
                done
                ;;
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                COMPREPLY+=("${value#"$before"}")
                [[ $value == *[/=:] ]] && compopt -o nospace
                ;;
        esac
    done

    return 0
}

complete -o nosort -F _aws_role_exec_completion aws-role-exec
