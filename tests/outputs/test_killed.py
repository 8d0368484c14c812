"""Killed between any two system calls, or let down by the file system: whole, or not at all."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import aws_role_exec
from outputs.conftest import THIRD, VICTIM
from runner import Runner
from servers.sts import Sts

TEXT = "x" * 5000 + "\n"
ASIDE = ".aws-role-exec-creds"

# The module alone, since its system calls are few and always the same.
DRIVER = f"""
import sys
source, path, way, owner = sys.argv[1:]
sys.path.insert(0, source)
from aws_role_exec.output import files, places
from aws_role_exec.output import ownership as owners
if way == "aside":
    files._UNNAMED = 1  # O_WRONLY: as if the file system had no files without a name
ownership = owners.Ownership({VICTIM}, {THIRD}, 0o640) if owner == "given" else None
places.find_destination(path, ownership).write("x" * 5000 + "\\n")
"""
LINE = re.compile(r"^(\w+)\(")


@pytest.fixture
def strace(needs: Callable[..., str], tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    source = str(Path(aws_role_exec.__file__).parents[1])

    def run(path: Path, way: str, owner: str, *inject: str) -> tuple[int, list[str]]:
        """The driver's exit status, and the names of the system calls it made."""
        log = tmp_path / "log"
        words = [needs("strace"), "-qq", "-o", str(log), *inject]
        words += [sys.executable, "-I", "-S", "-c", DRIVER, source, str(path), way, owner]
        code = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True).returncode
        names = (LINE.match(line) for line in log.read_text().splitlines())
        return code, [name[1] for name in names if name]

    return run


def expected(status: os.stat_result, owner: str) -> bool:
    mode, uid = (0o640, VICTIM) if owner == "given" else (0o600, os.geteuid())
    return (status.st_mode & 0o777, status.st_uid) == (mode, uid)


@pytest.mark.parametrize("owner", ["own", "given"])
@pytest.mark.parametrize("before", ["new", "replaced"])
@pytest.mark.parametrize("way", ["unnamed", "aside"])
def test_killed_between_any_two_system_calls(
    strace: Callable[..., tuple[int, list[str]]],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    way: str,
    before: str,
    owner: str,
) -> None:
    """The old file or the whole new one; and what may be left beside it, the next run clears."""
    if owner == "given":
        request.getfixturevalue("root")
    place = tmp_path / "place"
    path, aside = place / "creds", place / ASIDE

    def prepare() -> None:
        place.mkdir(exist_ok=True)
        for old in place.iterdir():
            old.unlink()
        if before == "replaced":
            path.write_text("old\n")

    prepare()
    strace(path, way, owner)  # leaves compiled modules behind, which change the calls
    prepare()
    code, names = strace(path, way, owner)
    assert code == 0
    assert path.read_text() == TEXT
    # From the blocking of signals before the first byte to their unblocking.
    first = names.index("fchmod") - names[names.index("fchmod") :: -1].index("rt_sigprocmask")
    last = names.index("rt_sigprocmask", first + 1)
    assert {"openat", "fchmod", "write", "fsync", "close"} <= set(names[first:last])
    if owner == "given":  # the group's bits come after the group, and the text after both
        steps = [name for name in names[first:last] if name in ("fchmod", "fchown", "write")]
        assert steps == ["fchmod", "fchown", "fchmod", "write"]
    left_over = 0
    for index in range(first, last + 1):
        name, nth = names[index], names[: index + 1].count(names[index])
        prepare()
        code, made = strace(path, way, owner, "-e", f"inject={name}:signal=KILL:when={nth}")
        assert code == -signal.SIGKILL
        assert made[-1] == name, "killed somewhere else"
        there = set(os.listdir(place))
        assert there <= {"creds", ASIDE}
        if "creds" in there:
            text = path.read_text()
            assert text == TEXT or (before == "replaced" and text == "old\n")
            assert text == "old\n" or expected(path.stat(), owner)
        else:
            assert before == "new"
        if ASIDE in there:
            left_over += 1
            assert (way, before) != ("unnamed", "new"), "a new file is never anywhere else"
            assert way == "aside" or aside.read_text() == TEXT
            assert aside.stat().st_mode & 0o037 == 0
            os.utime(aside, (0, 0))
            assert strace(path, way, owner)[0] == 0
            assert os.listdir(place) == ["creds"]
            assert path.read_text() == TEXT
    if way == "unnamed":
        assert left_over <= 1, "only between the link and the rename"


class TestTheProgram:
    """The same, from outside."""

    def write(self, run: Runner, needs: Callable[..., str], path: Path, *inject: str):
        words = ["-f", "-qq", "-o", "/dev/null", *(word for i in inject for word in ("-e", i))]
        return run.assume(
            "--format", "json", "--output", str(path), prefix=[needs("strace"), *words]
        )

    @pytest.mark.parametrize("existing", [False, True])
    @pytest.mark.parametrize("call", ["fchmod", "fsync", "linkat", "renameat,rename,renameat2"])
    def test_killed(
        self, run: Runner, tmp_path: Path, needs: Callable[..., str], call: str, existing: bool
    ) -> None:
        place = tmp_path / "place"
        place.mkdir()
        path = place / "creds"
        if existing:
            path.write_text("good")
        result = self.write(run, needs, path, f"inject={call}:signal=KILL")
        if call.startswith("rename") and not existing:
            result.ok()  # a new file is not renamed
            return
        assert result.code == -signal.SIGKILL
        assert set(os.listdir(place)) <= ({"creds", ASIDE} if existing else {"creds"})
        if existing:
            assert path.read_text() == "good"
            if (place / ASIDE).exists():
                os.utime(place / ASIDE, (0, 0))
            run.assume("--format", "json", "--output", str(path)).ok()
            assert os.listdir(place) == ["creds"]

    @pytest.mark.parametrize("existing", [False, True])
    @pytest.mark.parametrize(
        "fault",
        [
            "fsync:error=ENOSPC",
            "fsync:error=EIO",
            "fsync:error=EDQUOT",
            "fchmod:error=EPERM",
            "linkat:error=EIO",
            "renameat,rename,renameat2:error=EIO",
            "renameat,rename,renameat2:error=ESTALE",
            "linkat,renameat,rename,renameat2:error=ENOSPC",
        ],
    )
    def test_a_failing_file_system(
        self, run: Runner, sts: Sts, tmp_path: Path, needs: Callable[..., str], fault: str,
        existing: bool,
    ) -> None:  # fmt: skip
        """One line, exit 125; a good file stays, nothing is left beside it."""
        place = tmp_path / "place"
        place.mkdir()
        path = place / "creds"
        if existing:
            path.write_text("good")
        result = self.write(run, needs, path, f"inject={fault}")
        if fault.startswith("renameat") and not existing:
            result.ok()  # a new file is not renamed
            return
        assert str(path) in result.failure(125).line
        assert os.listdir(place) == (["creds"] if existing else [])
        assert not existing or path.read_text() == "good"
        assert sts.issued

    @pytest.mark.parametrize("existing", [False, True])
    def test_where_files_must_have_a_name(
        self, run: Runner, tmp_path: Path, needs: Callable[..., str], existing: bool
    ) -> None:
        """Linking refused, as it is to others than the owner: written beside, and renamed."""
        place = tmp_path / "place"
        place.mkdir()
        if existing:
            (place / "creds").write_text("good")
        fault = "inject=linkat:error=EPERM"
        self.write(run, needs, place / "creds", fault).ok()
        assert "AccessKeyId" in (place / "creds").read_text()
        fault = "inject=renameat,rename,renameat2:error=EIO"
        before = (place / "creds").read_text()
        self.write(run, needs, place / "creds", "inject=linkat:error=EPERM", fault).failure(125)
        assert (place / "creds").read_text() == before
        assert os.listdir(place) == ["creds"]

    @pytest.mark.usefixtures("root")
    def test_without_proc(self, run: Runner, tmp_path: Path, needs: Callable[..., str]) -> None:
        """An empty chroot has none."""
        script = 'mount -t tmpfs tmpfs /proc && exec "$@"'
        prefix = [needs("unshare", "util-linux"), "--mount", "sh", "-c", script, "sh"]
        run.assume("--format", "json", "--output", "creds", prefix=prefix).ok()
        assert os.listdir(run.cwd) == ["creds"]

    @pytest.mark.usefixtures("root")
    def test_a_full_disk_keeps_the_good_file(
        self, run: Runner, tmp_path: Path, needs: Callable[..., str]
    ) -> None:
        """A refresh that finds no room."""
        place = tmp_path / "disk"
        place.mkdir()
        script = """
            mount -t tmpfs -o size=8k,mode=700 tmpfs "$0" && cd "$0" || exit 98
            echo good >creds && head -c 4096 /dev/zero >filler
            "$@"; code=$?
            [ "$(cat creds)" = good ] && [ "$(ls -A | tr '\\n' ' ')" = "creds filler " ] || exit 99
            exit $code
        """
        prefix = [needs("unshare", "util-linux"), "--mount", "sh", "-c", script, str(place)]
        result = run.assume("--format", "json", "--output", f"{place}/creds", prefix=prefix)
        assert "No space left" in result.failure(125).line
