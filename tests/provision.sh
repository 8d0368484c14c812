#!/bin/sh
# Install Debian or Ubuntu packages: those named as arguments, else what the tests need beyond
# Python (apt-packages.txt). Only what is missing, and only as root; elsewhere it says what to
# install, and the tests that need it are SKIPPED.
set -eu

wanted=${*:-$(sed 's/#.*//' "$(dirname "$0")/apt-packages.txt" | tr -s ' \t\n' ' ')}
if ! command -v apt-get >/dev/null 2>&1; then
    echo "SKIPPED: no apt-get here; tests that need one of these tools are skipped: $wanted"
    exit 0
fi

missing=
for package in $wanted; do
    case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true) in
        'install ok installed') ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "SKIPPED: tests that need one of these packages (install them as root):$missing"
    exit 0
fi

echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
install() {
    # shellcheck disable=SC2086  # a list of words
    apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 $missing \
        >/dev/null 2>"$log"
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The package lists may be absent or too old: fetch them only when the first try says so.
install || { apt-get update -qq -o DPkg::Lock::Timeout=300 && install; } || {
    cat "$log" >&2
    exit 1
}
