#!/bin/sh
# Install aws-role-exec from its releases: verify first, then install.
#
#   sh install.sh [--version V] [--dir DIR] [--no-signature]
#
# You need not be root: the default directory is ~/.local/bin, for root /usr/local/bin. The archive
# must match its checksum in checksums.txt; if cosign or minisign is installed, checksums.txt must
# also match its signature; and the program must run here and have the requested version.
# If DIR is named bin, the manual page and the completions go to share/ beside it.
# AWS_ROLE_EXEC_RELEASES is the URL of a mirror with the layout of the releases.
# Proxies come from the environment, as for curl and wget.
set -eu

releases=${AWS_ROLE_EXEC_RELEASES:-https://github.com/scttfrdmn/aws-role-exec/releases}
# Of the release workflow, at a tag; `check_signature` adds the version that was asked for.
identity='^https://github\.com/scttfrdmn/aws-role-exec/\.github/workflows/release\.yml@refs/tags/v'
issuer='https://token.actions.githubusercontent.com'
minisign_key=''

fail() {
    echo "install.sh: $1" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# download NAME: the release's file of that name into the scratch directory.
download() {
    if has curl; then
        curl --fail --silent --show-error --location --retry 3 \
            --proto "=$protocols" --output "$scratch/$1" "$from/$1"
    elif has wget; then
        wget -q -O "$scratch/$1" "$from/$1"
    else
        fail "needs curl or wget"
    fi || fail "cannot download $from/$1"
}

sum_of() {
    if has sha256sum; then
        sha256sum "$1"
    elif has shasum; then
        shasum -a 256 "$1"
    elif has openssl; then
        openssl dgst -sha256 -r "$1"
    else
        fail "needs sha256sum, shasum or openssl to check the download"
    fi | cut -d ' ' -f 1
}

check_signature() {
    if has cosign; then
        download checksums.txt.sigstore.json
        [ "$version" = latest ] || identity=$identity$(printf %s "$version" | sed 's/[.+]/\\&/g')\$
        cosign verify-blob --bundle "$scratch/checksums.txt.sigstore.json" \
            --certificate-identity-regexp "$identity" --certificate-oidc-issuer "$issuer" \
            "$scratch/checksums.txt" >"$scratch/cosign.log" 2>&1 ||
            { cat "$scratch/cosign.log" >&2; fail "the signature of checksums.txt is not ours"; }
        echo "install.sh: signature checked with cosign"
    elif [ -n "$minisign_key" ] && has minisign; then
        download checksums.txt.minisig
        minisign -V -q -P "$minisign_key" -m "$scratch/checksums.txt" \
            -x "$scratch/checksums.txt.minisig" || fail "the signature of checksums.txt is not ours"
        echo "install.sh: signature checked with minisign"
    else
        echo "install.sh: signature not checked: there is no cosign here" >&2
    fi
}

cannot_write() {
    fail "cannot write to $directory: name another with --dir ($(tail -n 1 "$scratch/error"))"
}

# install_pages PREFIX: the manual page and the completions, where man and the shells look for them
# below a prefix. What cannot be written there is left out: the program is installed.
install_pages() {
    for page in man/man1/aws-role-exec.1 bash-completion/completions/aws-role-exec \
        zsh/site-functions/_aws-role-exec fish/vendor_completions.d/aws-role-exec.fish; do
        { mkdir -p "$1/share/${page%/*}" && cp "$scratch/share/$page" "$1/share/$page" &&
            chmod 0644 "$1/share/$page"; } 2>/dev/null ||
            echo "install.sh: left out: $1/share/$page" >&2
    done
}

main() {
    version=latest
    signature=yes
    directory=
    while [ $# -gt 0 ]; do
        case $1 in
            --version) version=${2:?--version needs a value}; version=${version#v}; shift ;;
            --dir) directory=${2:?--dir needs a value}; shift ;;
            --no-signature) signature=no ;;
            -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit ;;
            *) fail "unknown option $1 (--version, --dir, --no-signature)" ;;
        esac
        shift
    done
    if [ -z "$directory" ]; then
        if [ "$(id -u)" = 0 ]; then
            directory=/usr/local/bin
        else
            directory=${HOME:?install.sh: no HOME: say where with --dir}/.local/bin
        fi
    fi

    case $(uname -s) in
        Linux) system=linux ;;
        Darwin) system=darwin ;;
        *) fail "no release for $(uname -s); see the README for other ways" ;;
    esac
    case $(uname -m) in
        x86_64 | amd64) processor=amd64 ;;
        aarch64 | arm64) processor=arm64 ;;
        *) fail "no release for $(uname -s) on $(uname -m); pip install aws-role-exec works" ;;
    esac
    archive=aws-role-exec_${system}_${processor}.tar.gz

    case $version in
        latest) from=$releases/latest/download ;;
        *) from=$releases/download/v$version ;;
    esac
    # Plain HTTP only where somebody named a mirror that speaks it.
    case $releases in
        http://*) protocols=http,https ;;
        *) protocols=https ;;
    esac

    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    download checksums.txt
    [ "$signature" = no ] || check_signature
    wanted=$(sed -n "s/^\([0-9a-f]\{64\}\)  $archive\$/\1/p" "$scratch/checksums.txt")
    [ -n "$wanted" ] || fail "this release has no $archive"
    download "$archive"
    got=$(sum_of "$scratch/$archive")
    [ "$got" = "$wanted" ] ||
        fail "$archive is damaged or not ours: its sha256 is $got, checksums.txt says $wanted"

    tar -xzf "$scratch/$archive" -C "$scratch"
    mkdir -p "$directory" || fail "cannot make $directory: name another with --dir"
    # Beside its place and then renamed: a running one is not disturbed, half a one never seen.
    new=$directory/.aws-role-exec.$$
    trap 'rm -rf "$scratch" "$new"' EXIT
    { cp "$scratch/aws-role-exec" "$new" && chmod 0755 "$new"; } 2>"$scratch/error" || cannot_write
    # A mirror may hold an older release under this name, well signed; a file may not run here.
    told=$("$new" --version 2>&1) || fail "$archive does not run here: $told"
    case $version in
        latest | "${told#aws-role-exec }") ;;
        *) fail "$from holds $told, not version $version" ;;
    esac
    mv -f "$new" "$directory/aws-role-exec" 2>"$scratch/error" || cannot_write
    echo "install.sh: $directory/aws-role-exec ($told)"
    case $directory in
        */bin) install_pages "${directory%/bin}" ;;
    esac
    case :$PATH: in
        *":$directory:"*) ;;
        *) echo "install.sh: $directory is not in PATH" >&2 ;;
    esac
}

# In a function, called last: half a script does nothing.
main "$@"
