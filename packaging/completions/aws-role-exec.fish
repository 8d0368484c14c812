function _aws_role_exec_completion
    set -l response (env _AWS_ROLE_EXEC_COMPLETE=fish_complete COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -t) aws-role-exec)

    for completion in $response
        set -l part (string split --max 1 , -- $completion)

        switch $part[1]
            case command
                set -l words (commandline -opc)
                set -l rest (string escape -- $words[(math $part[2] + 1)..])
                complete -C (string join ' ' -- $rest (commandline -ct))
                return
            case dir
                __fish_complete_directories $part[2]
            case file
                __fish_complete_path $part[2]
            case plain
                printf '%s\n' $part[2]
        end
    end
end

complete --no-files --command aws-role-exec --arguments "(_aws_role_exec_completion)"
