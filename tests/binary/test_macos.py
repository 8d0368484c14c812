"""The executables for macOS, as far as they can be told from here: what dyld and the kernel read,
what they want of libSystem, and what is frozen into them."""

import hashlib
import marshal
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lief
import pytest
import yaml

from runner import Runner
from servers.certificates import Authority
from servers.moto import Moto
from servers.proxy import Proxy

from . import frozen
from .conftest import MACOS, ROOT, built, needs_root

sys.path.insert(0, str(ROOT / "build"))
from build import (  # type: ignore[import-not-found]
    OLDEST_MACOS,
    TARGETS,
    Cache,
    clean_environment,
)

MACOS_ONLY = ROOT / "build" / "macos"
TARGET = TARGETS["Linux", "x86_64"]
PROCESSORS = {"darwin_arm64": "ARM64", "darwin_amd64": "X86_64"}
MEGABYTE = 1_000_000


@pytest.fixture(params=MACOS)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def executable(name: str) -> Path:
    return built(name)


@pytest.fixture
def parsed(executable: Path) -> lief.MachO.Binary:
    binary = lief.parse(str(executable))
    assert isinstance(binary, lief.MachO.Binary)
    return binary


@pytest.fixture(scope="session")
def zig() -> Path:
    """The compiler's wheel in the build's cache."""
    place: Path = Cache().wheels("zig")
    return place


class TestTheFile:
    def test_is_an_executable_of_its_processor(self, name: str, parsed: lief.MachO.Binary) -> None:
        assert parsed.header.cpu_type.name == PROCESSORS[name]
        assert parsed.header.file_type == lief.MachO.Header.FILE_TYPE.EXECUTE

    def test_lies_anywhere_in_memory(self, parsed: lief.MachO.Binary) -> None:
        """arm64 runs nothing else."""
        assert parsed.is_pie

    def test_wants_libsystem_and_nothing_else(self, parsed: lief.MachO.Binary) -> None:
        """Nor is there a path, from the file or its user, that another library could come from."""
        assert [library.name for library in parsed.libraries] == ["/usr/lib/libSystem.B.dylib"]
        assert not parsed.has_rpath
        assert parsed.dylinker is not None
        assert parsed.dylinker.name == "/usr/lib/dyld"

    def test_says_the_oldest_system_that_it_runs_on(self, parsed: lief.MachO.Binary) -> None:
        """Every load command is one that dyld of that system knows."""
        version = parsed.build_version
        assert version is not None
        assert version.platform == lief.MachO.BuildVersion.PLATFORMS.MACOS
        assert list(version.minos) == [OLDEST_MACOS, 0, 0]
        commands = {command.command.name for command in parsed.commands}
        assert commands <= KNOWN_COMMANDS, commands - KNOWN_COMMANDS

    def test_gives_its_first_thread_the_stack_that_python_needs(
        self, parsed: lief.MachO.Binary
    ) -> None:
        assert parsed.main_command is not None
        assert parsed.main_command.stack_size == 16 << 20

    def test_no_part_may_be_written_and_executed(self, parsed: lief.MachO.Binary) -> None:
        write, execute = 2, 4
        for segment in parsed.segments:
            assert segment.init_protection & (write | execute) != write | execute, segment.name
            assert segment.max_protection & (write | execute) != write | execute, segment.name

    def test_is_small(self, executable: Path) -> None:
        assert executable.stat().st_size <= 20 * MEGABYTE

    def test_names_no_place_of_the_build_machine(self, executable: Path) -> None:
        content = executable.read_bytes()
        for place in (str(ROOT), str(Path.home() / ".cache"), "aws-role-exec-build-"):
            assert place.encode() not in content, place


#: As of macOS 11; a linker for newer ones only writes LC_DYLD_CHAINED_FIXUPS and others.
KNOWN_COMMANDS = {
    "BUILD_VERSION",
    "CODE_SIGNATURE",
    "DATA_IN_CODE",
    "DYLD_INFO_ONLY",
    "DYSYMTAB",
    "FUNCTION_STARTS",
    "LOAD_DYLIB",
    "LOAD_DYLINKER",
    "MAIN",
    "SEGMENT_64",
    "SOURCE_VERSION",
    "SYMTAB",
    "UUID",
}


class TestSignature:
    """Without one, even an ad hoc one, the kernel of an arm64 Mac kills a program at its start."""

    MAGIC, DIRECTORY = 0xFADE0CC0, 0xFADE0C02
    ADHOC, LINKER_SIGNED, SHA256 = 0x2, 0x20000, 2

    def test_every_page_has_the_hash_that_is_signed(self) -> None:
        executable = built("darwin_arm64")
        content = executable.read_bytes()
        parsed = lief.parse(str(executable))
        assert isinstance(parsed, lief.MachO.Binary)
        place = parsed.code_signature
        assert place is not None
        assert place.data_offset + place.data_size == len(content), "the last of the file"
        signature = content[place.data_offset :]
        magic, _, count, kind, offset = struct.unpack_from(">5I", signature)
        assert (magic, count, kind) == (self.MAGIC, 1, 0)

        directory = signature[offset:]
        magic, length, _, flags, hashes, named, specials, slots, limit = struct.unpack_from(
            ">9I", directory
        )
        size, algorithm, platform, page = struct.unpack_from("4B", directory, 36)
        assert magic == self.DIRECTORY
        assert flags == self.ADHOC | self.LINKER_SIGNED
        assert (size, algorithm, platform, specials) == (32, self.SHA256, 0, 0)
        assert directory[named : directory.index(b"\0", named)] == b"aws-role-exec"
        assert limit == place.data_offset, "all before the signature is signed"
        pages = [content[at : min(at + (1 << page), limit)] for at in range(0, limit, 1 << page)]
        assert len(pages) == slots
        signed = [directory[at : at + 32] for at in range(hashes, hashes + 32 * slots, 32)]
        assert signed == [hashlib.sha256(one).digest() for one in pages]
        assert length == hashes + 32 * slots

    def test_what_runs_is_signed_as_the_programs_own(self) -> None:
        """The segment that the kernel takes the right to be executed from is the whole text."""
        parsed = lief.parse(str(built("darwin_arm64")))
        assert isinstance(parsed, lief.MachO.Binary)
        place = parsed.code_signature
        assert place is not None
        directory = bytes(parsed.code_signature.content)[20:]
        base, limit, flags = struct.unpack_from(">3Q", directory, 64)
        text = parsed.get_segment("__TEXT")
        assert text is not None
        assert (base, limit, flags) == (text.file_offset, text.file_size, 1), "a main program"


def wanted(parsed: lief.MachO.Binary) -> set[str]:
    """The symbols that dyld looks up when the program starts."""
    return {str(symbol.name) for symbol in parsed.imported_symbols}


class Stub(yaml.SafeLoader):
    """Reads the list of a library's symbols (tapi-tbd, version 4)."""


Stub.add_constructor("!tapi-tbd", lambda loader, node: loader.construct_mapping(node, deep=True))


def exported(zig: Path, processor: str) -> Iterator[str]:
    """What libSystem and the libraries that it is made of have, for a processor."""
    stub = zig / "ziglang/lib/libc/darwin/libSystem.tbd"
    for library in yaml.load_all(stub.read_text(), Stub):
        for part in (*library.get("exports", ()), *library.get("reexports", ())):
            if any(re.match(rf"{processor}e?-macos$", target) for target in part["targets"]):
                for kind in ("symbols", "weak-symbols", "thread-local-symbols"):
                    yield from part.get(kind, ())


class TestSymbols:
    def test_libsystem_has_every_one_that_is_wanted(
        self, name: str, parsed: lief.MachO.Binary, zig: Path
    ) -> None:
        symbols = wanted(parsed)
        assert {"_execve", "_kqueue", "_getaddrinfo", "_getpwuid_r"} <= symbols
        missing = symbols - set(exported(zig, TARGET[name].partition("-")[0]))
        assert not missing

    def test_the_oldest_system_has_them(
        self, name: str, parsed: lief.MachO.Binary, zig: Path, tmp_path: Path
    ) -> None:
        """A program that takes the address of each compiles: in the headers, each says since when
        it is there, and naming a newer one is an error."""
        names = {re.sub(r"\$.*", "", symbol.removeprefix("_")) for symbol in wanted(parsed)}
        program = "".join(f"#include <{header}>\n" for header in HEADERS.split())
        program += "#define _XOPEN_SOURCE\n#include <ucontext.h>\n"  # it insists
        program += "const void *all[] = {\n"
        names -= set(UNDECLARED.split())
        program += "".join(f"    (const void *)&{one},\n" for one in sorted(names)) + "};\n"
        done = self.compile(zig, name, tmp_path, program)
        assert done.returncode == 0, done.stderr

    def test_a_newer_one_is_an_error(self, name: str, zig: Path, tmp_path: Path) -> None:
        program = "#include <sys/stat.h>\nint main(void) { return mkfifoat(0, 0, 0); }\n"
        done = self.compile(zig, name, tmp_path, program)
        assert done.returncode != 0
        assert "'mkfifoat' is only available on macOS 13.0 or newer" in done.stderr

    def compile(
        self, zig: Path, name: str, tmp_path: Path, program: str
    ) -> subprocess.CompletedProcess[str]:
        """As the build compiles for macOS."""
        (tmp_path / "program.c").write_text(program)
        environment = clean_environment(zig, TARGET[name]) | {"TREE": str(tmp_path)}
        command = ["cc", f"-I{MACOS_ONLY / 'include'}", "-Wno-deprecated-declarations"]
        command += ["-ferror-limit=0", "-c", "program.c", "-o", "program.o"]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )


HEADERS = """
arpa/inet.h copyfile.h crt_externs.h ctype.h dirent.h dlfcn.h errno.h fcntl.h grp.h ifaddrs.h
langinfo.h locale.h mach-o/dyld.h mach/mach.h mach/mach_time.h math.h net/if.h netdb.h netinet/in.h
poll.h pthread.h pwd.h sched.h semaphore.h setjmp.h signal.h spawn.h stdio.h stdlib.h string.h
strings.h sys/event.h sys/file.h sys/ioctl.h sys/mman.h sys/mount.h sys/random.h sys/resource.h
sys/select.h sys/socket.h sys/stat.h sys/sysctl.h sys/time.h sys/times.h sys/uio.h sys/utsname.h
sys/wait.h syslog.h termios.h time.h unistd.h util.h wchar.h wctype.h
CommonCrypto/CommonRandom.h
"""
#: What the compiler and the linker ask for by themselves, and a program declares for itself: as old
#: as macOS on these processors.
UNDECLARED = """
__bzero __memcpy_chk __memmove_chk __memset_chk __sprintf_chk __strcat_chk __strcpy_chk
__strncat_chk __strncpy_chk __udivti3 __umodti3 dyld_stub_binder environ
"""


class TestFrozenModules:
    def test_are_those_of_linux_but_for_one(self, executable: Path) -> None:
        """The same names, the same bytecode; which branch it takes is decided at run time."""
        ours, linux = frozen.modules(executable), frozen.modules(built("linux_amd64"))
        assert set(ours) - set(linux) == {"_scproxy"}
        del ours["_scproxy"]
        assert ours == linux

    def test_what_is_built_in_is_linuxs_and_kqueue(self, executable: Path) -> None:
        ours = frozen.built_in(executable)
        linux = frozen.built_in(built("linux_amd64"))
        assert {"_ssl", "_socket", "select", "pwd", "posix", "_posixsubprocess"} <= ours
        assert ours == linux
        assert b"KQ_FILTER_VNODE" in executable.read_bytes()
        assert b"KQ_FILTER_VNODE" not in built("linux_amd64").read_bytes()


@pytest.fixture
def on_macos(run: Runner, name: str, tmp_path: Path) -> Runner:
    """The executable's own modules, run here as if it were there: see as_macos.py."""
    executable = built(name)
    modules = tmp_path / "modules"
    modules.write_bytes(marshal.dumps((frozen.modules(executable), frozen.built_in(executable))))
    python = max(
        Cache().root.glob("cpython-x86_64-linux-musl-*/python/bin/python3"),
        key=lambda path: path.stat().st_mtime,
    )
    as_macos = Path(__file__).with_name("as_macos.py")
    without_proc = 'mount -t tmpfs none /proc && exec "$@"'
    run.program = ["unshare", "--mount", "sh", "-c", without_proc, "sh"]
    run.program += [str(python), "-I", "-S", str(as_macos), str(modules)]
    return run


@needs_root
class TestBranchesForMacos:
    def test_a_role_is_assumed_over_tls(
        self, on_macos: Runner, moto_tls: Moto, authority: Authority
    ) -> None:
        env = {"AWS_ENDPOINT_URL_STS": moto_tls.url, "AWS_CA_BUNDLE": str(authority.bundle)}
        became = on_macos.become(argv=["word"], env=env)
        assert became.env["AWS_SESSION_TOKEN"]

    def test_botocores_road_is_open_too(
        self, on_macos: Runner, moto_tls: Moto, authority: Authority
    ) -> None:
        """What it imports asks for the system's proxies there, and learns of none."""
        env = {"AWS_ENDPOINT_URL_STS": moto_tls.url, "AWS_CA_BUNDLE": str(authority.bundle)}
        with Proxy(None) as proxy:
            on_macos.assume("--", "/bin/true", env={**env, "HTTPS_PROXY": proxy.url}).ok()
            assert proxy.asked

    def test_credentials_are_renewed_beside_the_command(self, on_macos: Runner) -> None:
        """By a process that is started another way there, and whose end is looked for."""
        done = on_macos.assume("--renew", "--", "/usr/bin/env").ok()
        assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in done.out

    def test_a_file_is_written(self, on_macos: Runner) -> None:
        on_macos.assume("--format", "env", "--output", "keys").ok()
        assert (on_macos.cwd / "keys").stat().st_mode & 0o777 == 0o600
