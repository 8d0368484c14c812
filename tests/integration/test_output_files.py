"""--output: whole or not at all, where it is safe, 0600, and nothing left behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import ROLE, Result, Runner, wait_for
from servers import sts as behave
from servers.sts import Sts

SOMEONE_ELSE = 65534
FORMATS = ["env", "json", "credentials-file"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "place"
    path.mkdir(mode=0o700)
    return path


def write(run: Runner, path: str | Path, *more: str, **options: object) -> Result:
    return run.assume("--format", "json", "--output", str(path), *more, **options)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def root_only() -> None:
    if os.geteuid() != 0:
        pytest.skip("SKIPPED: needs root, to make files that belong to someone else")


class TestARegularFile:
    @pytest.mark.parametrize("fmt", FORMATS)
    def test_is_written_for_every_format(self, run: Runner, place: Path, fmt: str) -> None:
        """stdout stays empty then."""
        path = place / "creds"
        result = run.assume("--format", fmt, "--output", str(path)).ok()
        assert result.stdout == b""
        assert "ASIA" in path.read_text()
        assert os.listdir(place) == ["creds"]

    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
    def test_is_0600_under_any_umask(self, run: Runner, place: Path, umask: int) -> None:
        """A hostile or careless umask changes nothing."""
        write(run, place / "creds", umask=umask).ok()
        assert mode(place / "creds") == 0o600

    def test_may_be_named_relative_to_the_working_directory(self, run: Runner) -> None:
        """`--output creds`."""
        write(run, "creds").ok()
        assert json.loads((run.cwd / "creds").read_text())["Version"] == 1

    def test_of_ones_own_is_replaced_and_tightened(self, run: Runner, place: Path) -> None:
        """`mktemp` then `--output`: the seed's own example."""
        path = place / "creds"
        path.write_text("old " * 10_000)
        path.chmod(0o644)
        before = path.stat().st_ino
        write(run, path).ok()
        assert json.loads(path.read_text())["Version"] == 1
        assert mode(path) == 0o600
        assert path.stat().st_ino != before, "a new file took its place"

    def test_who_holds_the_old_one_open_never_sees_the_new(self, run: Runner, place: Path) -> None:
        """A descriptor opened while the file was 0644 is worth nothing."""
        path = place / "creds"
        path.write_text("old")
        path.chmod(0o644)
        with path.open() as old:
            write(run, path).ok()
            assert old.read() == "old"

    def test_is_never_seen_half(self, run: Runner, place: Path) -> None:
        """A reader that polls finds the old file or the whole new one."""
        path = place / "creds"
        path.write_text("{}")
        seen: set[str] = set()
        stop = threading.Event()

        def poll() -> None:
            while not stop.is_set():
                seen.add(path.read_text())

        thread = threading.Thread(target=poll)
        thread.start()
        for _ in range(3):
            write(run, path).ok()
        stop.set()
        thread.join()
        for text in seen:
            json.loads(text)
        assert len(seen) >= 2

    def test_works_in_a_directory_that_cannot_be_listed(self, run: Runner, place: Path) -> None:
        """/run/... with mode 0711, and directories one may only enter and write."""
        place.chmod(0o300)
        write(run, place / "creds").ok()
        place.chmod(0o700)
        assert (place / "creds").exists()

    def test_works_in_tmp(self, run: Runner, tmp_path: Path) -> None:
        """A sticky world-writable directory is what /tmp is."""
        sticky = tmp_path / "sticky"
        sticky.mkdir()
        sticky.chmod(0o1777)
        write(run, sticky / "creds").ok()

    def test_works_without_proc(
        self, run: Runner, place: Path, needs: Callable[[str, str], str]
    ) -> None:
        """In a bare chroot, where a file without a name cannot be given one."""
        root_only()
        script = 'mount -t tmpfs tmpfs /proc && exec "$@"'
        prefix = (needs("unshare", "util-linux"), "--mount", "sh", "-c", script, "sh")
        path = place / "creds"
        for _ in range(2):
            write(run, path, prefix=prefix, umask=0).ok()
            assert json.loads(path.read_text())["Version"] == 1
            assert mode(path) == 0o600
            assert os.listdir(place) == ["creds"]

    def test_may_have_an_odd_name(self, run: Runner, place: Path) -> None:
        """Spaces, newlines, bytes that are no text."""
        for name in (b"a b", b"a\nb", b"\xff", b"-x", b"n" * 255):
            path = os.fsencode(place) + b"/" + name
            run.assume("--format", "json", "--output", path).ok()
            assert os.path.exists(path)
            os.unlink(path)


class TestRefusedPlaces:
    """Refused before STS is asked, with the reason, exit 2, and left as they were."""

    @pytest.fixture(autouse=True)
    def _no_request(self, sts: Sts) -> object:
        yield
        assert not sts.asked

    def test_a_symlink(self, run: Runner, place: Path) -> None:
        """Wherever it points, even to nothing."""
        target = place / "target"
        target.write_text("precious")
        (place / "link").symlink_to(target)
        (place / "dangling").symlink_to(place / "nothing")
        assert "symbolic link" in write(run, place / "link").failure(2).line
        write(run, place / "dangling").failure(2)
        assert target.read_text() == "precious"
        assert not (place / "nothing").exists()

    def test_a_directory(self, run: Runner, place: Path) -> None:
        """With and without the slash."""
        assert "directory" in write(run, place).failure(2).line
        write(run, f"{place}/").failure(2)
        write(run, f"{place}/.").failure(2)
        write(run, f"{place}/new/").failure(2)

    def test_someone_elses_file(self, run: Runner, place: Path) -> None:
        """Who owns the file could have opened it before."""
        root_only()
        path = place / "creds"
        path.write_text("theirs")
        os.chown(path, SOMEONE_ELSE, SOMEONE_ELSE)
        assert str(SOMEONE_ELSE) in write(run, path).failure(2).line
        assert path.read_text() == "theirs"

    def test_a_directory_that_everyone_may_write(self, run: Runner, place: Path) -> None:
        """Without the sticky bit anyone could replace the file."""
        place.chmod(0o777)
        write(run, place / "creds").failure(2)
        assert not list(place.iterdir())

    def test_a_path_through_someone_elses_link(self, run: Runner, tmp_path: Path) -> None:
        """A link planted in /tmp by another user leads nowhere."""
        root_only()
        sticky = tmp_path / "sticky"
        sticky.mkdir()
        sticky.chmod(0o1777)
        private = tmp_path / "private"
        private.mkdir(mode=0o700)
        link = sticky / "dir"
        link.symlink_to(private)
        os.lchown(link, SOMEONE_ELSE, SOMEONE_ELSE)
        write(run, link / "creds").failure(2)
        assert not list(private.iterdir())

    def test_a_missing_directory(self, run: Runner, place: Path) -> None:
        """None is made."""
        assert "No such file" in write(run, place / "no" / "creds").failure(2).line

    def test_a_socket(self, run: Runner, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is neither file nor FIFO."""
        path = place / "s"
        monkeypatch.chdir(place)  # a socket's path is short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("s")
            write(run, path).failure(2)

    def test_an_empty_name(self, run: Runner) -> None:
        """An unset variable in a script."""
        write(run, "").failure(2)

    def test_a_descriptor_that_is_not_open(self, run: Runner) -> None:
        """`/dev/fd/7` of a shell that forgot `7>`."""
        write(run, "/dev/fd/77").failure(2)


class TestWrittenDirectly:
    def test_dash_is_stdout(self, run: Runner) -> None:
        """As everywhere."""
        result = write(run, "-").ok()
        assert json.loads(result.stdout)["Version"] == 1
        assert not list(run.cwd.iterdir())

    def test_credentials_file_may_go_to_stdout_by_dash(self, run: Runner) -> None:
        """Asking for it explicitly is what counts."""
        result = run.assume("--format", "credentials-file", "--output", "-").ok()
        assert result.out.startswith("[default]\n")

    @pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}"])
    def test_a_descriptor(self, run: Runner, name: str) -> None:
        """`--output /dev/fd/3` with `3>` or `>(cmd)`."""
        if name.startswith("/proc") and not os.path.isdir("/proc/self"):
            pytest.skip("SKIPPED: no /proc on this platform")
        read, written = os.pipe()
        write(run, name.format(written), pass_fds=[written]).ok()
        os.close(written)
        with os.fdopen(read) as file:
            assert json.load(file)["Version"] == 1

    @pytest.mark.parametrize("name", ["/dev/stdout", "/dev/stderr"])
    def test_the_standard_streams_by_name(self, run: Runner, name: str, sts: Sts) -> None:
        """Asked for by name, credentials may even go to stderr."""
        with run.start(
            "--role-arn", ROLE, "--format", "json", "--output", name, stderr=subprocess.STDOUT
        ) as process:
            out, _ = process.communicate(timeout=60)
        assert json.loads(out)["AccessKeyId"] == sts.issued[0].access_key

    def test_a_fifo(self, run: Runner, place: Path) -> None:
        """The reader gets everything; the FIFO stays a FIFO."""
        fifo = place / "fifo"
        os.mkfifo(fifo, 0o600)
        read: list[str] = []
        thread = threading.Thread(target=lambda: read.append(fifo.read_text()))
        thread.start()
        write(run, fifo).ok()
        thread.join(30)
        assert json.loads(read[0])["Version"] == 1
        assert stat.S_ISFIFO(fifo.stat().st_mode)

    def test_dev_null(self, run: Runner) -> None:
        """A device stays a device."""
        write(run, "/dev/null").ok()
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)

    def test_a_reader_that_went_away_is_exit_125(self, run: Runner) -> None:
        """`aws-role-exec --format json | true`: SIGPIPE, or an error; never a traceback."""
        read, written = os.pipe()
        os.close(read)
        try:
            result = run.assume("--format", "json", stdout=written)
        finally:
            os.close(written)
        assert result.code in (125, -signal.SIGPIPE)


class TestNothingIsLeftBehind:
    @pytest.mark.parametrize("existing", [False, True])
    def test_when_sts_refuses(self, run: Runner, sts: Sts, place: Path, existing: bool) -> None:
        """What was there stays; what was not there is not."""
        sts.always(behave.ACCESS_DENIED)
        path = place / "creds"
        if existing:
            path.write_text("old")
        write(run, path).failure(125)
        assert [p.name for p in place.iterdir()] == (["creds"] if existing else [])
        assert not existing or path.read_text() == "old"

    def test_nothing_is_created_before_sts_has_answered(
        self, run: Runner, sts: Sts, place: Path
    ) -> None:
        """Not even a temporary file."""
        seen: list[list[str]] = []

        def look(conversation: behave.Conversation, asked: behave.Asked) -> None:
            seen.append(os.listdir(place))
            behave.ok(conversation, asked)

        sts.always(look)
        write(run, place / "creds").ok()
        assert seen == [[]]

    @pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "KILL"])
    def test_when_a_signal_comes_while_sts_thinks(
        self, run: Runner, sts: Sts, place: Path, name: str
    ) -> None:
        """Ctrl-C leaves no file."""
        sts.always(behave.hang)
        number = getattr(signal, "SIG" + name)
        with run.start("--role-arn", ROLE, "--format", "json", "--output", place / "creds") as p:
            wait_for(lambda: sts.asked)
            p.send_signal(number)
            _, err = p.communicate(timeout=30)
        assert p.returncode == -number
        assert b"Traceback" not in err
        assert not list(place.iterdir())

    def test_when_the_place_changes_while_sts_thinks(
        self, run: Runner, sts: Sts, place: Path
    ) -> None:
        """A symlink planted between check and use is not followed."""
        target = place / "target"
        target.write_text("precious")

        def plant(conversation: behave.Conversation, asked: behave.Asked) -> None:
            (place / "creds").symlink_to(target)
            behave.ok(conversation, asked)

        sts.always(plant)
        result = write(run, place / "creds")
        assert target.read_text() == "precious"
        assert result.code in (0, 125)
        assert sorted(os.listdir(place)) == ["creds", "target"]
        assert (place / "creds").is_symlink() == (result.code == 125)

    def test_when_the_directory_is_swapped_while_sts_thinks(
        self, run: Runner, sts: Sts, tmp_path: Path
    ) -> None:
        """The directory that was checked is the one that is written to."""
        first, evil = tmp_path / "first", tmp_path / "evil"
        first.mkdir(0o700)
        evil.mkdir(0o777)

        def swap(conversation: behave.Conversation, asked: behave.Asked) -> None:
            first.rename(tmp_path / "moved")
            first.symlink_to(evil)
            behave.ok(conversation, asked)

        sts.always(swap)
        write(run, first / "creds")
        assert not list(evil.iterdir())

    def test_when_the_disk_is_full(
        self, run: Runner, place: Path, needs: Callable[[str, str], str]
    ) -> None:
        """ENOSPC: exit 125, and no temporary file stays on the full disk."""
        root_only()
        # The mount lives in a namespace of its own and goes with it.
        script = """
            mount -t tmpfs -o size=4k,mode=700 tmpfs "$0" && head -c 4096 /dev/zero >"$0/filler"
            "$@"; code=$?; ls -A "$0"; exit $code
        """
        prefix = [needs("unshare", "util-linux"), "--mount", "sh", "-c", script, str(place)]
        result = write(run, place / "creds", prefix=prefix)
        assert "space" in result.failure(125).line
        assert result.out == "filler\n"

    def test_where_no_file_can_be_made(self, run: Runner) -> None:
        """sysfs takes no files, not even root's; that shows only in the attempt."""
        if not os.path.isdir("/sys/kernel"):
            pytest.skip("SKIPPED: no /sys on this platform")
        write(run, "/sys/kernel/creds").failure(125)

    def test_when_a_file_may_not_grow(self, run: Runner, place: Path) -> None:
        """`ulimit -f 0`: the limit's signal or its error, never half a file."""
        prefix = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh"]
        result = write(run, place / "creds", prefix=prefix)
        assert result.code in (125, -signal.SIGXFSZ)
        assert not list(place.iterdir())
