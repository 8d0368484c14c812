# What the command is: the process that was started, and nothing between it and its caller.

### the command's exit status is the run's
status 7 aws-role-exec --role-arn "$ROLE" -- sh -c 'exit 7'

### the command has the process ID that the run had
sh -c 'echo $$; exec aws-role-exec --role-arn "$0" -- sh -c "echo \$\$"' "$ROLE" >ids
is "$(sed -n 1p ids)" "$(sed -n 2p ids)"

### the command's parent is the caller
sh -c 'echo $$; aws-role-exec --role-arn "$0" -- sh -c "echo \$PPID"; :' "$ROLE" >ids
is "$(sed -n 1p ids)" "$(sed -n 2p ids)"

### the command has no child that it did not start
aws-role-exec --role-arn "$ROLE" -- sh -c 'read -r found </proc/$$/task/$$/children || echo none' >children
is "$(cat children)" none

### a signal that ends the command ends the run
status 143 aws-role-exec --role-arn "$ROLE" -- sh -c 'kill -TERM $$'

### a signal that the caller ignores is ignored by the command
status 7 sh -c 'trap "" HUP; exec aws-role-exec --role-arn "$0" -- sh -c "kill -HUP \$\$; exit 7"' "$ROLE"

### SIGPIPE ends the command as if it had been started by itself
aws-role-exec --role-arn "$ROLE" -- sh -c 'yes; echo $? >&2' 2>ended | head -n 1 >/dev/null
is "$(cat ended)" 141

### arguments reach the command byte for byte, empty and not UTF-8 ones too
aws-role-exec --role-arn "$ROLE" -- printf '<%s>' '' 'a b' "$(printf '\351')" '*' >arguments
is "$(cat arguments)" "$(printf '<><a b><\351><*>')"

### options after the command are the command's
aws-role-exec --role-arn "$ROLE" -- echo --role-arn --dry-run -h >words
is "$(cat words)" '--role-arn --dry-run -h'

### without -- too
aws-role-exec --role-arn "$ROLE" echo --format json >words
is "$(cat words)" '--format json'

### a second -- is the command's
aws-role-exec --role-arn "$ROLE" -- echo -- a >words
is "$(cat words)" '-- a'

### standard input is the command's
is "$(echo hello | aws-role-exec --role-arn "$ROLE" -- cat)" hello

### descriptors that the caller opened are the command's
aws-role-exec --role-arn "$ROLE" -- sh -c 'echo hello >&3' 3>third
is "$(cat third)" hello

### a descriptor that the caller closed stays closed
status 7 aws-role-exec --role-arn "$ROLE" -- sh -c '[ -e /proc/$$/fd/0 ] || exit 7' <&-

### working directory and umask stay as they are
mkdir elsewhere
(cd elsewhere && umask 027 && aws-role-exec --role-arn "$ROLE" -- sh -c 'pwd; umask' >../found)
is "$(cat found)" "$PWD/elsewhere
0027"

### a script without #! runs under sh
echo 'echo "$1"' >script && chmod +x script
is "$(aws-role-exec --role-arn "$ROLE" -- ./script hello)" hello

### a command that does not exist: 127, before STS is asked
status 127 aws-role-exec --role-arn "$ROLE" -- no-such-command
is "$(asked)" 0

### a command that may not be run: 126, before STS is asked
echo hello >text
status 126 aws-role-exec --role-arn "$ROLE" -- ./text
is "$(asked)" 0
