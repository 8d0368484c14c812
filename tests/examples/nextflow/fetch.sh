#!/bin/sh
# Put the Nextflow of pom.xml into the user's cache, unless it is there, and link its launcher as $1.
# Needs: java, and maven where there is something to fetch. Every jar must be one of sha256sums.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${AWS_ROLE_EXEC_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/aws-role-exec}
key=$(cat "$0" "$here/pom.xml" "$here/sha256sums" | sha256sum | cut -c1-20)
place=$cache/nextflow-$key

if ! [ -d "$place" ]; then
    for tool in java mvn; do
        command -v "$tool" >/dev/null || { echo "SKIPPED: no $tool, so no Nextflow here"; exit 0; }
    done
    echo "fetching Nextflow"
    mkdir -p "$cache"
    new=$(mktemp -d "$cache/.nextflow-$key.unfinished-XXXXXX")
    trap 'rm -rf "$new"' EXIT
    mvn --quiet --batch-mode --strict-checksums -Dstyle.color=never --file "$here/pom.xml" \
        -Dmaven.repo.local="$new/repository" \
        dependency:copy-dependencies -DoutputDirectory="$new/lib"
    (cd "$new/lib" && sha256sum ./*.jar | sed 's|\./||' | diff "$here/sha256sums" -)
    rm -rf "$new/repository"
    # Nextflow's own launcher ends the same way: exec, by which a signal reaches the JVM itself.
    # The options make a short run start in half the time.
    cat >"$new/nextflow" <<LAUNCHER
#!/bin/sh
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$place/lib/*" nextflow.cli.Launcher "\$@"
LAUNCHER
    chmod 0755 "$new" "$new/nextflow"
    [ -d "$place" ] || mv "$new" "$place"
fi
ln -sf "$place/nextflow" "$1"
