# CPython, static, every extension module built in. Runs in the unpacked source; leaves in $OUT
#   lib/       libpython3.a and the helper archives that go with it
#   include/   Python.h and friends
# and, if it is the first build,
#   python/    an ordinary installation: bin/python3 is the build's own Python too
# $DEPS holds include/ and lib/ of zlib and OpenSSL; $BUILD_PYTHON is empty for the first
# build and names a Python of the same version for the cross-compiled ones.
# shellcheck shell=sh disable=SC2086

# Modules that need a library we do not link, or that nothing in the program imports.
# ctypes is out on purpose: nothing that is frozen imports it, and it would need libffi.
for module in _tkinter _dbm _gdbm _curses _curses_panel readline _sqlite3 _uuid _bz2 _lzma \
    _ctypes _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _scproxy \
    xxlimited xxlimited_35; do
    export "py_cv_module_$module=n/a"
done

cross=""
if [ -n "$BUILD_PYTHON" ]; then
    cross="--host=$TARGET --build=x86_64-linux-gnu --with-build-python=$BUILD_PYTHON"
    # What configure would have to run a program of the target to find out.
    export ac_cv_file__dev_ptmx=yes ac_cv_file__dev_ptc=no ac_cv_buggy_getaddrinfo=no
fi

static=-static
case $TARGET in
    *-apple-*)
        static="" # there are no static programs: the system's own library stays dynamic
        # This configure knows no Mac that is built for elsewhere: let it take the processor's
        # name for the system's, as with WebAssembly. And it links every program with a framework
        # that only _scproxy wants, which is not linked in.
        sed -e 's/^.wasm32-\*-\* | wasm64-\*-\*)$/*-apple-macos* | &/' \
            -e 's/^.LIBS=".LIBS -framework CoreFoundation"$/:/' configure >configure.new
        if [ "$(diff configure configure.new | grep -c '^>')" != 2 ]; then
            echo "cpython.sh: this configure is another one" >&2
            exit 1
        fi
        cat configure.new >configure
        export CONFIG_SITE="$MACOS/config.site" # what it would have to run a program to find out
        export CPPFLAGS="-I$MACOS/include"      # what zig's headers lack
        ;;
esac

# MODULE_BUILDTYPE=static builds the modules into libpython; LINKFORSHARED would export all
# symbols for extension modules that cannot exist here. pkg-config would find the host's
# libraries. mimalloc, there for Python without its lock, would only read /proc/sys at each
# start. /usr as prefix is a name only: nothing is looked for there.
export CC=cc CXX=cc AR=ar RANLIB=ranlib READELF=readelf PKG_CONFIG=false
export MODULE_BUILDTYPE=static LINKFORSHARED=" "
export ZLIB_CFLAGS="-I$DEPS/include" ZLIB_LIBS="-L$DEPS/lib -lz"
./configure --prefix=/usr $cross --disable-shared --disable-test-modules \
    --without-mimalloc --with-ensurepip=no --with-openssl="$DEPS" --without-readline \
    CFLAGS="-O2 -g0 -ffunction-sections -fdata-sections" \
    LDFLAGS="$static"
make -j"$JOBS"
# configure goes on without a module it cannot build; these we cannot go on without.
for module in _ssl _hashlib zlib pyexpat _socket; do
    grep -q "\"$module\"" Modules/config.c || { echo "cpython.sh: no $module" >&2; exit 1; }
done

mkdir -p "$OUT/lib"
make inclinstall DESTDIR="$PWD/headers" >headers.log
mv headers/usr/include/python3.* "$OUT/include"
if [ -z "$BUILD_PYTHON" ]; then
    make install DESTDIR="$PWD/destdir" COMPILEALL_OPTS="-j$JOBS" >install.log
    mv destdir/usr "$OUT/python"
fi
cp libpython3.*.a "$OUT/lib/libpython3.a"
# Archives that Makefile links beside libpython: hashes, expat, decimal.
for archive in Modules/_hacl/*.a Modules/expat/*.a Modules/_decimal/libmpdec/*.a; do
    [ -f "$archive" ] && cp "$archive" "$OUT/lib/"
done
