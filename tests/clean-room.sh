#!/bin/bash
# The README's two commands on a machine that has nothing but what they name: a fresh Debian 12 with
# its own Python, make and git, in a folder, by chroot. What is on a developer's machine by chance
# does not help here. `make clean-room`; other commands than the two can be given as arguments.
#
# Package sources, pip's settings and certificates are this machine's. With CACHE=1 the toolchain's
# cache is copied in as well, which saves its half hour. Nothing is left behind: mounts, processes
# and shared memory end with namespaces of their own, the folder is removed, by the next run if
# this one is killed by SIGKILL.
set -euo pipefail

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "SKIPPED: a clean room is made by root on Debian or Ubuntu"
  exit 0
fi
checkout=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)

if [ -z "${CLEAN_ROOM-}" ]; then
  "$checkout/tests/provision.sh" debootstrap util-linux
  rooms=/var/tmp/aws-role-exec-clean-room
  for left in "$rooms".*; do
    [ ! -d "$left" ] || flock --nonblock "$left" rm -rf --one-file-system "$left" || true
  done
  CLEAN_ROOM=$(mktemp -d "$rooms.XXXXXX")
  export CLEAN_ROOM
  exec 9<"$CLEAN_ROOM"
  flock 9 # held by every process of this run
  room=
  trap '{ kill -KILL "$room" && wait "$room"; } 2>/dev/null || true
    rm -rf --one-file-system "$CLEAN_ROOM"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' HUP TERM
  # In the background, as bash heeds a signal while it waits, and not while a command runs.
  setpriv --pdeathsig KILL \
    unshare --mount --propagation private --pid --ipc --fork --kill-child "$0" "$@" <&0 &
  room=$!
  wait "$room"
  exit
fi

root=$CLEAN_ROOM/root
mkdir "$root"
mount --bind "$root" "$root" # chroot and unshare want a root that is a mount
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null |
  sed -n 's/^URIs: //p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' | head -n 1) || true
debootstrap --variant=minbase --include=python3,make,git,ca-certificates bookworm "$root" "$mirror" \
  >"$CLEAN_ROOM/debootstrap.log" || { tail -n 20 "$CLEAN_ROOM/debootstrap.log" >&2; exit 1; }
for path in /etc/apt /etc/resolv.conf /etc/hosts /etc/pip.conf /root/.config/pip /root/.pip \
  /etc/ssl/certs /usr/local/share/ca-certificates ${PIP_FIND_LINKS-}; do
  [ ! -e "$path" ] || { mkdir -p "$root$(dirname "$path")" && cp -aT "$path" "$root$path"; }
done
if [ "${CACHE-}" = 1 ]; then # what is whole there: a build that runs now changes the rest
  mkdir -p "$root/root/.cache/aws-role-exec"
  find "$HOME/.cache/aws-role-exec" -mindepth 1 -maxdepth 1 -regex '.*/\(sources\|[^./].*-[0-9a-f]+\)' \
    -exec cp -a -t "$root/root/.cache/aws-role-exec" {} +
fi
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
git clone --quiet --no-local "$checkout" "$root/root/aws-role-exec"

settings=()
while IFS= read -r setting; do
  settings+=("$setting")
done < <(env | grep -E '^(PIP_[A-Z_]*|[A-Za-z]*_(proxy|PROXY)|SSL_CERT_(FILE|DIR))=' || true)
run() {
  echo "clean room: $1"
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive "${settings[@]}" \
    chroot "$root" sh -c "cd /root/aws-role-exec && $1" 9<&-
}
run "apt-get update -qq"
for command in "${@:-make demo}"; do run "$command"; done
[ $# != 0 ] || run "make test"
echo "clean room: all of it passed"
