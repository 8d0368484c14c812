"""The private directory: where it may be, who may see it, and what becomes of leftovers."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aws_role_exec.errors import OutputError
from aws_role_exec.renewal import directory


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir()
    return made


@pytest.mark.parametrize("name", ["a b", "a$HOME", "a'b", "ä", "a:b", "a%b", "a~b"])
def test_a_path_that_sdks_misread_is_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    environ = {"XDG_RUNTIME_DIR": str(tmp_path / name), "TMPDIR": "relative"}
    assert directory.candidates(environ) == ["/tmp"]


def test_the_users_runtime_directory_goes_before_tmpdir_before_tmp(place: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(place), "TMPDIR": str(place.parent)}
    assert directory.candidates(environ) == [str(place), str(place.parent), "/tmp"]
    assert directory.candidates({"XDG_RUNTIME_DIR": str(place / "gone")}) == ["/tmp"]


def test_a_place_where_others_could_swap_it_is_passed_over(place: Path) -> None:
    place.chmod(0o777)
    assert directory.candidates({"TMPDIR": str(place)}) == ["/tmp"]
    place.chmod(0o1777)
    assert directory.candidates({"TMPDIR": str(place)}) == [str(place), "/tmp"]


def test_it_is_private_with_a_plain_name_and_gone_in_the_end(place: Path) -> None:
    made = directory.make([str(place)])
    path = Path(made.write("token", b"secret"))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"secret"
    assert all(c.isalnum() or c == "-" for c in path.parent.name)
    made.remove()
    assert list(place.iterdir()) == []


def test_the_next_run_removes_what_a_killed_one_left(place: Path) -> None:
    code = (
        "import os, signal, sys; from aws_role_exec.renewal import directory\n"
        f"directory.make([{str(place)!r}]).write('token', b'x'); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -9
    assert len(list(place.iterdir())) == 1
    made = directory.make([str(place)])
    assert [str(path) for path in place.iterdir()] == [made.path]
    made.remove()


def test_it_leaves_what_is_in_use_and_what_is_not_its_own(place: Path) -> None:
    (place / "aws-role-exec-notes.txt").write_text("mine")
    (place / "aws-role-exec-1-shared").mkdir(mode=0o755)
    (place / "aws-role-exec-2-link").symlink_to(place / "aws-role-exec-1-shared")
    first, second = directory.make([str(place)]), directory.make([str(place)])
    first.write("token", b"x")
    third = directory.make([str(place)])
    assert len(list(place.iterdir())) == 6
    for made in (first, second, third):
        made.remove()
    assert len(list(place.iterdir())) == 3


def test_the_next_place_is_taken_where_the_first_is_full(place: Path, tmp_path: Path) -> None:
    made = directory.make([str(tmp_path / "gone"), str(place)])
    assert made.path.startswith(str(place))
    made.remove()


def test_without_any_place_each_is_told_with_why(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        directory.make([str(tmp_path / "gone")])
    assert str(caught.value) == (
        f"--renew: cannot create a private directory: {tmp_path / 'gone'}: {os.strerror(2)}"
    )
