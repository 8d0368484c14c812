#!/bin/sh
# Make the executable for macOS, on a Mac, for the processor it has: dist/darwin_arm64 or
# dist/darwin_amd64. The recipe is build.py's; this checks what it needs and what came out.
# Never run so far: docs/binary.md.
#
#   build/macos.sh            make it
#   build/macos.sh --dry-run  say what would be run
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

case $(uname -m) in
    arm64) name=darwin_arm64 ;;
    x86_64) name=darwin_amd64 ;;
    *) echo "macos.sh: no recipe for $(uname -m)" >&2; exit 1 ;;
esac
if [ "${1:-}" = --dry-run ]; then
    echo "$python build/build.py $name"
    echo "otool -L dist/$name/aws-role-exec"
    exit
fi

[ "$(uname -s)" = Darwin ] || { echo "macos.sh: this is not a Mac" >&2; exit 1; }
xcode-select -p >/dev/null || { echo "macos.sh: first xcode-select --install" >&2; exit 1; }
# The bytecode is embedded with #embed, which Apple's clang knows since version 17 (Xcode 16.3).
echo '#if !defined(__has_embed)
#error
#endif' | cc -x c -fsyntax-only - 2>/dev/null || {
    echo "macos.sh: needs Xcode 16.3 or newer" >&2
    exit 1
}

"$python" build/build.py "$name"
if otool -L "dist/$name/aws-role-exec" | tail -n +2 | grep -v /usr/lib/libSystem; then
    echo "macos.sh: more than libSystem is dynamic" >&2
    exit 1
fi
"dist/$name/aws-role-exec" --version
