# zlib, static. Runs in the unpacked source; leaves include/ and lib/ in $OUT.
# shellcheck shell=sh disable=SC2086 # flags are words
flags="-O2 -g0 -fPIC -ffunction-sections -fdata-sections -DHAVE_UNISTD_H -D_LARGEFILE64_SOURCE=1"
# Straight to the compiler: zlib's own configure has nothing to find out for musl.
units="adler32 crc32 deflate infback inffast inflate inftrees trees zutil compress uncompr
       gzclose gzlib gzread gzwrite"
objects=""
for unit in $units; do
    cc $flags -c "$unit.c" -o "$unit.o"
    objects="$objects $unit.o"
done
mkdir -p "$OUT/lib" "$OUT/include"
ar rcs "$OUT/lib/libz.a" $objects
cp zlib.h zconf.h "$OUT/include/"
