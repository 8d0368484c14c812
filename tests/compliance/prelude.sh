# What cases say beside POSIX sh. In $WORLD, which the run made, STS keeps what it was asked (a file
# for each request) and what it issued.

fail() {
    echo "$1" >&2
    exit 1
}

# status N COMMAND...: it exits with N.
status() {
    wanted=$1
    shift
    got=0
    "$@" || got=$?
    [ "$got" = "$wanted" ] || fail "status $got, not $wanted"
}

# status_is_not N COMMAND...
status_is_not() {
    unwanted=$1
    shift
    got=0
    "$@" || got=$?
    [ "$got" != "$unwanted" ] || fail "status $got"
}

# refused COMMAND...: it fails, STS was not asked, and `ran`, which the command would make, is missing.
refused() {
    status_is_not 0 "$@"
    missing ran
    is "$(asked)" 0
}

is() {
    [ "$1" = "$2" ] || fail "another value than expected" # which may be a secret
}

differ() {
    [ "$1" != "$2" ] || fail "the same value twice"
}

# has LINE FILE
has() {
    grep -qxF -e "$1" "$2" || fail "a line is missing that begins with ${1%%=*}"
}

# lacks BEGINNING FILE: it has lines, and none begins so.
lacks() {
    [ -s "$2" ] || fail "$2 is empty"
    ! grep -q -e "^$1" "$2" || fail "there is a line that begins with $1"
}

lacks_text() {
    ! grep -qF -e "$1" "$2" || fail "it holds what it must not"
}

missing() {
    [ ! -e "$1" ] || fail "$1 is there: the command ran"
}

mode() {
    stat -c %a "$1"
}

# asked: how many requests STS got.
asked() {
    find "$WORLD" -name '[0-9]*' | wc -l
}

# sent PARAMETER: its value in the last request.
sent() {
    sed -n "s/^$1=//p" "$WORLD/$(asked)"
}

# issued FIELD: of the last credentials.
issued() {
    sed -n "s/^$1=//p" "$WORLD/issued"
}

# field NAME FILE: of a JSON object.
field() {
    "$PYTHON" -I -c 'import json, sys; print(json.load(sys.stdin if sys.argv[2] == "-" else open(sys.argv[2]))[sys.argv[1]])' "$1" "$2"
}
