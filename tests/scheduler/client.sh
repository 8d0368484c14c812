#!/bin/bash
# Ask for the credentials again and again, as an SDK does, and print each new key.
# Ends after as many keys as its argument says; without one it goes on until it is ended. In bash,
# since the user of a job may be one who cannot run the Python of the tests.
[[ $AWS_CONTAINER_CREDENTIALS_FULL_URI =~ ^http://([0-9.]+):([0-9]+)(/.*)$ ]] || exit
host=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]} path=${BASH_REMATCH[3]}
seen=()
echo "ready $$ $SLURM_TASK_PID"
while [ "${#seen[@]}" != "$1" ]; do
  exec 3<>"/dev/tcp/$host/$port" || exit
  printf 'GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n\r\n' \
    "$path" "$host" "$AWS_CONTAINER_AUTHORIZATION_TOKEN" >&3
  answer=$(cat <&3)
  exec 3>&-
  if [[ ! $answer =~ ^HTTP/1.1\ 200\ .*\"AccessKeyId\":\ \"([A-Z0-9]+)\" ]]; then
    echo "$answer" >&2
    exit 1
  fi
  key=${BASH_REMATCH[1]}
  if [[ " ${seen[*]} " != *" $key "* ]]; then
    seen+=("$key")
    echo "key ${SLURMD_NODENAME:-host} $port $key"
  fi
  sleep 0.2
done
