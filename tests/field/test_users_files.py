"""A file or directory of the user's, or of others', that --output names by mistake.

theurichde/go-aws-sso#95 and Nike-Inc/gimme-aws-creds#77: profiles gone from a file with several.
"""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import Result, Runner
from servers import sts as behave
from servers.sts import Asked, Conversation, Sts

KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = dummy-dummy-dummy\n"
SOMEONE_ELSE = 65534
ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ, ACL_GROUP, ACL_MASK, ACL_OTHER = 1, 2, 4, 8, 16, 32
ALL = 2**32 - 1


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "place"
    path.mkdir(mode=0o700)
    return path


def write(run: Runner, path: Path, *more: str) -> Result:
    return run.assume("--format", "credentials-file", "--output", str(path), *more)


class TestProfiles:
    @pytest.mark.parametrize(
        "content",
        [
            f"[default]\n{KEYS}[prod]\n{KEYS}",
            f"[default]\n{KEYS}",
            f"[prod]\n{KEYS}aws_session_token = x\n",
            "[default]\nregion = eu-west-1\n",
            f"# mine\n\n[ default ]\r\n{KEYS}",
            f"\ufeff[default]\n{KEYS}",
            "[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/dev\n",
            "[job]\ncredential_process = /bin/cat keys.json\n",
        ],
        ids=["two", "one", "a session's", "region", "comment", "BOM", "config", "process"],
    )
    @pytest.mark.parametrize("form", ["credentials-file", "env", "json"])
    def test_are_never_lost(
        self, run: Runner, sts: Sts, place: Path, content: str, form: str
    ) -> None:
        """`--output ~/.aws/credentials` is refused before STS is asked, whatever the format."""
        path = place / "credentials"
        path.write_bytes(content.encode())
        for more in ((), ("--profile-name", "job")) if form == "credentials-file" else ((),):
            failure = run.assume("--format", form, "--output", str(path), *more).failure(2)
            assert "would be lost" in failure.line
            assert "AWS_SHARED_CREDENTIALS_FILE" in (failure.hint or "")
        assert path.read_bytes() == content.encode()
        assert not sts.asked

    def test_that_we_wrote_are_written_anew(self, run: Runner, place: Path) -> None:
        """A cron job may write its file each hour."""
        path = place / "credentials"
        for number in range(3):
            write(run, path, "--profile-name", f"job{number % 2}").ok()
        assert path.read_text().startswith("[job0]\n")

    @pytest.mark.parametrize("content", ["", "\n", "export A=b\n", "{}\n", "old"])
    def test_other_files_of_ones_own_are_replaced(
        self, run: Runner, place: Path, content: str
    ) -> None:
        """`mktemp` makes an empty one."""
        path = place / "creds"
        path.write_text(content)
        write(run, path).ok()
        assert "[default]" in path.read_text()

    def test_that_appear_while_sts_is_asked_are_kept(
        self, run: Runner, sts: Sts, place: Path
    ) -> None:
        """Another tool may have logged in meanwhile."""
        path = place / "credentials"
        content = f"[default]\n{KEYS}"

        def meanwhile(conversation: Conversation, asked: Asked) -> None:
            path.write_text(content)
            behave.ok(conversation, asked)

        sts.script(meanwhile)
        write(run, path).failure(125)
        assert path.read_text() == content
        assert os.listdir(place) == ["credentials"]


@pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED: needs root, to give directories away")
class TestDirectories:
    def test_of_a_foreign_group_that_may_write_are_refused(
        self, run: Runner, sts: Sts, place: Path
    ) -> None:
        """Its members could put a file of their own in the place of ours."""
        os.chown(place, 0, SOMEONE_ELSE)
        for mode in (0o775, 0o770, 0o2775):
            place.chmod(mode)
            assert "its group" in write(run, place / "creds").failure(2).line
        assert not sts.asked
        assert not os.listdir(place)

    def test_with_a_sticky_bit_are_accepted(self, run: Runner, place: Path) -> None:
        """As /tmp is: nobody can replace what is ours."""
        os.chown(place, 0, SOMEONE_ELSE)
        place.chmod(0o1775)
        write(run, place / "creds").ok()

    def test_of_the_users_own_group_are_accepted(self, run: Runner, place: Path) -> None:
        """Where each user has a group of their own, home directories may be 0775."""
        place.chmod(0o775)
        write(run, place / "creds").ok()

    def test_that_the_group_may_only_read_are_accepted(self, run: Runner, place: Path) -> None:
        os.chown(place, 0, SOMEONE_ELSE)
        place.chmod(0o755)
        write(run, place / "creds").ok()

    @pytest.mark.parametrize("tag", [ACL_USER, ACL_GROUP])
    def test_that_an_access_control_list_opens_are_refused(
        self, run: Runner, sts: Sts, place: Path, tag: int
    ) -> None:
        """The mode shows the list's mask in place of the group's rights."""
        set_access(place, tag, SOMEONE_ELSE, 0o7)
        assert "access control list" in write(run, place / "creds").failure(2).line
        assert not sts.asked

    @pytest.mark.parametrize("tag", [ACL_USER, ACL_GROUP])
    def test_with_a_list_that_only_lets_read_are_accepted(
        self, run: Runner, place: Path, tag: int
    ) -> None:
        set_access(place, tag, SOMEONE_ELSE, 0o5)
        write(run, place / "creds").ok()


def set_access(directory: Path, tag: int, number: int, permissions: int) -> None:
    """Add an entry to the directory's access control list (acl(5), as setfacl does)."""
    entries = [
        (ACL_USER_OBJ, 0o7, ALL),
        (tag, permissions, number),
        (ACL_GROUP_OBJ, 0o7, ALL),
        (ACL_MASK, 0o7, ALL),
        (ACL_OTHER, 0, ALL),
    ]
    value = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *entry) for entry in sorted(entries)
    )
    try:
        os.setxattr(directory, "system.posix_acl_access", value)
    except OSError as error:
        pytest.skip(f"SKIPPED: no access control lists on this file system: {error.strerror}")


class TestFullDisk:
    def test_leaves_nothing_behind(
        self, run: Runner, tmp_path: Path, needs: Callable[..., str]
    ) -> None:
        """A file that is not whole never gets its name."""
        if os.geteuid() != 0:
            pytest.skip("SKIPPED: needs root, to mount a small file system")
        full = tmp_path / "full"
        full.mkdir()
        script = (
            f"mount -t tmpfs -o size=4k tmpfs {full}; head -c 4096 /dev/zero >{full}/a;"
            f' "$@"; code=$?; ls {full}; exit $code'
        )
        prefix = (needs("unshare", "util-linux"), "--mount", "sh", "-c", script, "sh")
        result = run.assume("--format", "json", "--output", f"{full}/creds", prefix=prefix)
        result.failure(125)
        assert result.out == "a\n"
