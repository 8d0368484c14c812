# OpenSSL, static: TLS 1.2 and 1.3 client and the digests Python's hashlib wants.
# Runs in the unpacked source; leaves include/ and lib/ in $OUT.
# shellcheck shell=sh disable=SC2086
case $TARGET in
    x86_64-linux-musl) platform=linux-x86_64 ;;
    aarch64-linux-musl) platform=linux-aarch64 ;;
    x86_64-apple-macos*) platform=darwin64-x86_64-cc ;;
    arm64-apple-macos*) platform=darwin64-arm64-cc ;;
    *) echo "openssl.sh: no platform for $TARGET" >&2; exit 1 ;;
esac

# no-autoload-config: the host's openssl.cnf can name providers and engines to load; a static
#   program must not depend on it, nor be steered by whoever can write it.
# no-dso, no-module, no-engine: nothing is ever loaded at run time.
# The rest is what no AWS endpoint speaks, left out for size.
without="no-autoload-config no-shared no-dso no-module no-engine no-legacy no-tests no-apps no-docs
    no-afalgeng no-comp no-quic no-dtls no-ssl3 no-cms no-ts no-srp no-gost no-camellia no-aria
    no-seed no-idea no-bf no-cast no-rc2 no-rc4 no-sm2 no-sm3 no-sm4 no-whirlpool no-md4 no-mdc2
    no-slh-dsa no-fips no-ui-console"

# Kernels before 3.17 have no getrandom, and OpenSSL would wait there for /dev/random and leave a
# segment of shared memory to say that it did. A node that runs jobs was seeded long ago.
seed=-DOPENSSL_RAND_SEED_DEVRANDOM_SHM_ID=-1

# --openssldir only matters as the built-in place of the system's certificates.
CC=cc AR=ar RANLIB=ranlib perl ./Configure "$platform" $without \
    --prefix=/usr --libdir=lib --openssldir=/etc/ssl \
    "$seed" -O2 -g0 -ffunction-sections -fdata-sections
make -j"$JOBS" build_libs
make install_dev DESTDIR="$PWD/destdir"
cp -R destdir/usr/include destdir/usr/lib "$OUT/"
