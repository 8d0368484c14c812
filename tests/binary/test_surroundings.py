"""Nothing around the file makes a difference to it, and it makes none to its surroundings."""

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from aws_role_exec.network.trust import HASHED_DIRECTORIES, SYSTEM_STORES
from runner import ROLE, Runner
from servers.certificates import Authority
from servers.sts import Sts

from .conftest import needs_root

TRUE = ("--", "/bin/true")

#: Makes the running program's mount namespace its own and then the mounts given.
IN_MOUNTS = 'set -e; mount --make-rprivate /; eval "$MOUNTS"; unset MOUNTS; exec "$@"'


def with_mounts(mounts: str) -> list[str]:
    """Prefix that runs the program, in the same process, among mounts of its own."""
    unshare = ["unshare", "--mount", "env", f"MOUNTS={mounts}"]
    return [*unshare, "sh", "-c", IN_MOUNTS, "sh"]


@needs_root
class TestTemporaryPlaces:
    def test_noexec(self, run: Runner) -> None:
        mounts = f"mount -t tmpfs -o noexec tmpfs {shlex.quote(str(run.tmp))}"
        assert run.become(prefix=with_mounts(mounts)).env["AWS_ACCESS_KEY_ID"].startswith("ASIA")

    def test_read_only(self, run: Runner) -> None:
        # Over themselves: the checkout may lie in one of them.
        mounts = "; ".join(
            f"mount --bind {place} {place}; mount -o remount,bind,ro {place}"
            for place in (shlex.quote(str(run.tmp)), "/tmp", "/var/tmp")
        )
        assert run.become(prefix=with_mounts(mounts)).env["AWS_ACCESS_KEY_ID"].startswith("ASIA")

    def test_everything_read_only(self, run: Runner) -> None:
        """As in a container with a read-only root file system."""
        run.assume(*TRUE, prefix=with_mounts("mount -o remount,bind,ro /")).ok()

    def test_none(self, run: Runner) -> None:
        run.assume(*TRUE, env={"TMPDIR": "/nonexistent"}).ok()


class TestTheEnvironment:
    @pytest.mark.parametrize("name", ["HOME", "PATH", "TMPDIR", "LANG"])
    def test_without(self, run: Runner, name: str) -> None:
        assert name not in run.become(env={name: None}).env

    def test_empty(self, run: Runner) -> None:
        """`env -i`: what is said about the missing credentials is the program's own word."""
        run.env.clear()
        run.env["AWS_EC2_METADATA_DISABLED"] = "true"
        run.assume(*TRUE).failure(125)

    def test_meant_for_python(self, run: Runner, tmp_path: Path) -> None:
        """Neither obeyed nor changed on the way to the command."""
        for module in ("sitecustomize", "usercustomize", "encodings", "os", "botocore"):
            (tmp_path / f"{module}.py").write_text("raise SystemExit('imported from PYTHONPATH')")
        nonsense = {
            "PYTHONHOME": "/nonexistent",
            "PYTHONPATH": str(tmp_path),
            "PYTHONSTARTUP": str(tmp_path / "os.py"),
            "PYTHONPLATLIBDIR": "nonsense",
            "PYTHONHASHSEED": "nonsense",
            "PYTHONUTF8": "nonsense",
            "PYTHONIOENCODING": "utf-32",
            "PYTHONCOERCECLOCALE": "warn",
            "PYTHONWARNINGS": "error",
            "PYTHONMALLOC": "nonsense",
            "PYTHONTRACEMALLOC": "nonsense",
            "PYTHONINSPECT": "1",
            "PYTHONVERBOSE": "2",
            "PYTHONPROFILEIMPORTTIME": "1",
            "PYTHONDEVMODE": "1",
            "PYTHONINTMAXSTRDIGITS": "1",
            "PYTHONBREAKPOINT": "os.abort",
            "PYTHONOPTIMIZE": "nonsense",
            "PYTHONEXECUTABLE": "/nonexistent",
        }
        became = run.become(env=nonsense)
        assert became.result.err == ""
        assert {name: became.env[name] for name in nonsense} == nonsense

    def test_meant_for_the_dynamic_linker(self, run: Runner, tmp_path: Path) -> None:
        (tmp_path / "libc.so.6").write_text("no library")
        nonsense = {"LD_LIBRARY_PATH": str(tmp_path), "LD_PRELOAD": str(tmp_path / "libc.so.6")}
        result = run("--version", env=nonsense).ok()
        assert result.err == ""
        # The command gets both, unchanged; `env` itself is dynamic and could not start.
        became = run.become(env={"LD_LIBRARY_PATH": "/nonexistent", "LD_PRELOAD": ""})
        assert became.env["LD_LIBRARY_PATH"] == "/nonexistent"
        assert became.env["LD_PRELOAD"] == ""

    def test_meant_for_openssl(self, run: Runner, tmp_path: Path) -> None:
        """A configuration can name libraries to load; no one's is read."""
        configuration = tmp_path / "openssl.cnf"
        configuration.write_text("openssl_conf = nonsense\n[nonsense]\nengines = more\n")
        env = {"OPENSSL_CONF": str(configuration), "OPENSSL_MODULES": str(tmp_path)}
        run.assume(*TRUE, env=env).ok()

    @pytest.mark.parametrize("locale", ["C", "POSIX", "xx_XX.nonsense", "de_DE.ISO-8859-1"])
    def test_locale(self, run: Runner, locale: str) -> None:
        """Arguments and variables come through byte for byte, whatever they mean where."""
        argv = [b"plain", b"gr\xc3\xbc\xc3\x9fe", b"\xff\xfe latin \xe9", b""]
        env = {"LC_ALL": locale, "LANG": None, "ODD": b"\x80\xff=\xe9"}
        became = run.become(argv=argv, env=env)
        assert became.argv == argv
        assert b"ODD=\x80\xff=\xe9" in became.environ
        assert b"LC_ALL=" + locale.encode() in became.environ
        assert not [word for word in became.environ if word.startswith((b"LC_CTYPE", b"PYTHON"))]

    def test_gains_the_keys_and_the_region_and_nothing_else(self, run: Runner) -> None:
        before = set(run.environment())
        gained = set(run.become().env) - before
        assert gained == {
            "AWS_CREDENTIAL_EXPIRATION",
            "AWS_DEFAULT_REGION",
            "AWS_REGION",
            "AWS_SESSION_TOKEN",
        }


class TestWhoRunsIt:
    UNKNOWN = ("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups")

    @needs_root
    def test_a_user_without_an_entry_in_passwd(self, run: Runner) -> None:
        result = run.assume(*TRUE, prefix=self.UNKNOWN, cwd="/", env={"HOME": None})
        result.ok()

    @needs_root
    def test_without_a_name_at_all(self, run: Runner, sts: Sts) -> None:
        """Only the number is left to make a session name of."""
        env = {"HOME": None, "USER": None, "LOGNAME": None}
        run.assume(*TRUE, prefix=self.UNKNOWN, cwd="/", env=env).ok()
        assert "54321" in sts.asked[0].params["RoleSessionName"]

    def test_64_at_once(self, run: Runner, sts: Sts) -> None:
        """As when a job array starts on one node: all of them get there."""
        started = [run.start("--role-arn", ROLE, *TRUE) for _ in range(64)]
        running = [context.__enter__() for context in started]
        try:
            assert [process.wait(120) for process in running] == [0] * 64
        finally:
            for context in started:
                context.__exit__(None, None, None)
        assert len(sts.issued) == 64


PLANTED = "raise SystemExit('a planted module was imported')"


class TestWhatLiesBesideIt:
    def plant(self, directory: Path) -> None:
        for module in ("certifi", "awscrt", "sitecustomize", "ssl", "click", "aws_role_exec"):
            (directory / f"{module}.py").write_text(PLANTED)
        for package in ("botocore", "encodings", "urllib3", "importlib", "lib/python3.13"):
            (directory / package).mkdir(parents=True)
            (directory / package / "__init__.py").write_text(PLANTED)
        (directory / "lib/python3.13/os.py").write_text(PLANTED)
        (directory / "openssl.cnf").write_text("openssl_conf = nonsense\n")
        (directory / "pyvenv.cfg").write_text("home = .\n")
        (directory / "cacert.pem").write_text("nonsense")
        (directory / "python313.zip").write_text("nonsense")
        (directory / "python313._pth").write_text(".\n")

    def test_is_ignored(self, run: Runner, program: list[str], tmp_path: Path) -> None:
        directory = tmp_path / "beside"
        directory.mkdir()
        run.program = [shutil.copy(program[0], directory)]
        self.plant(directory)
        run.become(cwd=directory)
        run.become(cwd=directory, env={"HOME": None})
        run("--help", cwd=directory).ok()

    def test_in_the_working_directory_is_ignored(self, run: Runner) -> None:
        self.plant(run.cwd)
        run.become()
        run.become(env={"PYTHONPATH": ".", "PATH": f".:{run.env['PATH']}"})


@needs_root
class TestAnEmptyChroot:
    """No /proc, no /dev, no /etc: nothing but the file."""

    @pytest.fixture
    def chroot(self, run: Runner, tmp_path: Path) -> Path:
        directory = tmp_path / "chroot"
        directory.mkdir()
        shutil.copy(run.program[0], directory)
        run.program = ["chroot", str(directory), "/aws-role-exec"]
        return directory

    def test_version_and_help(self, run: Runner, chroot: Path) -> None:
        assert run("--version").ok().out.startswith("aws-role-exec ")
        run("--help").ok()
        assert os.listdir(chroot) == ["aws-role-exec"]

    def test_becomes_the_command(self, run: Runner, chroot: Path) -> None:
        """The one command there is in there is the program itself."""
        result = run.assume("--", "/aws-role-exec", "--version").ok()
        assert result.out.startswith("aws-role-exec ")
        assert os.listdir(chroot) == ["aws-role-exec"]


class TestSystemCalls:
    """What the kernel saw until the command took over."""

    @pytest.fixture
    def trace(self, run: Runner, needs: Callable[..., str], tmp_path: Path) -> list[str]:
        log = tmp_path / "strace.log"
        strace = [needs("strace"), "-f", "-s", "256", "-o", str(log), "--"]
        run.assume(*TRUE, prefix=strace).ok()
        lines = log.read_text(errors="replace").splitlines()
        (end,) = [number for number, line in enumerate(lines) if 'execve("/bin/true"' in line]
        return lines[: end + 1]

    def test_one_process_from_first_to_last(self, trace: list[str]) -> None:
        execs = [line for line in trace if "execve(" in line]
        assert len(execs) == 2, execs  # strace's own start of the program, and the hand-over
        made = [line for line in trace if re.search(r"\b(fork|vfork|clone3?)\(", line)]
        processes = [line for line in made if "CLONE_THREAD" not in line]
        assert not processes, processes

    def test_writes_no_file(self, trace: list[str]) -> None:
        wrote = [
            line
            for line in trace
            if re.search(r"\b(O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE)\b", line)
            or re.search(r"\b(mkdir|rename|unlink|link|symlink|mknod|chmod|truncate)\w*\(", line)
            or "memfd_create(" in line
        ]
        assert not wrote, wrote

    def test_reads_what_botocore_and_libc_read_and_nothing_else(
        self, run: Runner, trace: list[str]
    ) -> None:
        """No file of Python, no configuration of OpenSSL, no library."""
        calls = [line for line in trace if re.search(r"\b(open|stat|access|readlink)\w*\(", line)]
        paths = {match for line in calls for match in re.findall(r'\(\w*,? ?"([^"]*)"', line)}
        expected = {"/dev/null", "/proc/self/exe", "/etc/localtime", "/etc/passwd", "/bin/true"}
        expected |= {run.program[0], *SYSTEM_STORES, *HASHED_DIRECTORIES}
        aws = str(run.home / ".aws")
        strange = {path for path in paths - expected if not path.startswith((aws, "/dev/null/"))}
        assert not strange, strange

    def test_leaves_signals_alone(self, run: Runner) -> None:
        """Python ignores SIGPIPE and SIGXFSZ; the command inherits what our caller wanted."""
        became = run.assume("--", "/bin/cat", "/proc/self/status").ok().out
        # What subprocess itself puts back in a child of this Python.
        restored = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1
        assert ignored(became) == ignored(Path("/proc/self/status").read_text()) & ~restored

    @pytest.mark.parametrize("name", ["PIPE", "XFSZ", "HUP", "INT"])
    def test_leaves_ignored_signals_ignored(self, run: Runner, name: str) -> None:
        prefix = ["sh", "-c", f"trap '' {name}; exec \"$@\"", "sh"]
        became = run.assume("--", "/bin/cat", "/proc/self/status", prefix=prefix).ok().out
        assert ignored(became) & 1 << signal.Signals[f"SIG{name}"] - 1


def ignored(status: str) -> int:
    """Return the mask of ignored signals out of /proc/<pid>/status."""
    mask = re.search(r"SigIgn:\s+(\w+)", status)
    assert mask is not None
    return int(mask[1], 16)


#: System calls that came after Linux 3.10 (RHEL 7), as far as a program like this might try one.
NEWER_THAN_3_10 = (
    "renameat2,seccomp,getrandom,memfd_create,execveat,membarrier,copy_file_range,preadv2,pwritev2"
    ",statx,rseq,pidfd_open,clone3,close_range,openat2,faccessat2,epoll_pwait2,futex_waitv"
)


def test_an_old_kernel(
    run: Runner,
    needs: Callable[..., str],
    authority: Authority,
    sts_servers: Callable[..., Sts],
    tmp_path: Path,
) -> None:
    """One that knows nothing of what was added since 3.10, as strace makes it look."""
    server = sts_servers(authority.context())
    env = {"AWS_CA_BUNDLE": str(authority.bundle), "AWS_ENDPOINT_URL_STS": server.url}
    strace = [needs("strace"), "-f", "-o", str(tmp_path / "log")]
    strace += ["-e", f"inject={NEWER_THAN_3_10}:error=ENOSYS", "--"]
    run.assume(*TRUE, env=env, prefix=strace).ok()
    assert "getrandom" in (tmp_path / "log").read_text()


def test_a_full_output_is_an_error(program: list[str]) -> None:
    """Lost output is no success, even if all that failed is the last flush."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*program, "--version"], stdout=full, stderr=subprocess.PIPE, env={})
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
