#!/bin/bash
# What action.yml runs to install the program: fetch one version, check it, put it on PATH.
# VERSION, SHA256, ATTESTATION and GH_TOKEN are the action's inputs. Nothing is left if a check fails.
set -euo pipefail

repository=scttfrdmn/aws-role-exec
releases=${AWS_ROLE_EXEC_RELEASES:-https://github.com/$repository/releases}

fail() {
  echo "::error::aws-role-exec: $1"
  exit 1
}

# Without a version: that of the commit which `uses:` names, so that it pins the program too.
own=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$GITHUB_ACTION_PATH/src/aws_role_exec/__init__.py")
version=${VERSION:-$own}
version=${version#v}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "'$version' is no version, as 1.2.3"

case $RUNNER_OS in
  Linux) system=linux extension=tar.gz program=aws-role-exec ;;
  macOS) system=darwin extension=tar.gz program=aws-role-exec ;;
  Windows) system=windows extension=zip program=aws-role-exec.exe ;;
  *) fail "no release for $RUNNER_OS" ;;
esac
case $RUNNER_ARCH in
  X64) processor=amd64 ;;
  ARM64) processor=arm64 ;;
  *) fail "no release for $RUNNER_OS on $RUNNER_ARCH" ;;
esac
archive=aws-role-exec_${system}_$processor.$extension

place=$RUNNER_TEMP/aws-role-exec-$version
scratch=$(mktemp -d "$RUNNER_TEMP/aws-role-exec.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

download() {
  curl --fail --silent --show-error --location --retry 3 --output "$1" \
    "$releases/download/v$version/$1" || fail "cannot download $1 of version $version"
}

download "$archive"
if [ -n "$SHA256" ]; then
  echo "$SHA256  $archive" >wanted
else
  download checksums.txt
  grep -E "^[0-9a-f]{64}  $archive\$" checksums.txt >wanted || fail "checksums.txt has no $archive"
fi
if command -v sha256sum >/dev/null; then sum=(sha256sum); else sum=(shasum -a 256); fi
"${sum[@]}" --check --status wanted ||
  fail "$archive is damaged or not the one that was asked for: its sum is not $(cut -d ' ' -f 1 wanted)"
if [ "$ATTESTATION" = true ]; then
  gh attestation verify "$archive" --repo "$repository" \
    --signer-workflow "$repository/.github/workflows/release.yml" \
    --source-ref "refs/tags/v$version" ||
    fail "$archive was not built by the release workflow of $repository at v$version"
fi

if [ "$extension" = zip ]; then unzip -q "$archive" "$program"; else tar -xzf "$archive" "$program"; fi
told=$("./$program" --version) || fail "the program does not run here"
[ "$told" = "aws-role-exec $version" ] || fail "the archive of version $version holds '$told'"
mkdir -p "$place"
mv "$program" "$place/"
echo "$place" >>"$GITHUB_PATH"
echo "version=$version" >>"$GITHUB_OUTPUT"
echo "$told, checked, is on PATH"
