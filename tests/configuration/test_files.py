"""Files as people have them: marks of editors, odd places, and words for what is wrong."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from aws_role_exec.configuration import files
from aws_role_exec.configuration.files import Configuration, expand, read
from aws_role_exec.errors import UsageError

Write = Callable[..., Configuration]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the two files and read them as the program does."""

    def both(config: str | bytes = "", credentials: str | bytes = "") -> Configuration:
        environ = {}
        for variable, name, content in (
            (files.CONFIG_VARIABLE, "config", config),
            (files.CREDENTIALS_VARIABLE, "credentials", credentials),
        ):
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            environ[variable] = str(path)
        return read(environ)

    return both


class TestRead:
    def test_a_byte_order_mark_is_skipped(self, write: Write) -> None:
        marked = "\ufeff[default]\r\nregion = eu-west-1\r\n"
        assert write(marked, marked).profiles == {"default": {"region": "eu-west-1"}}

    def test_a_key_of_the_credentials_file_counts_first(self, write: Write) -> None:
        found = write("[profile dev]\nregion = a\noutput = json\n", "[dev]\nregion = b\n")
        assert found.profiles["dev"] == {"region": "b", "output": "json"}
        assert found.in_config["dev"]["region"] == "a"
        assert found.in_credentials["dev"] == {"region": "b"}

    def test_the_files_of_the_home_directory_are_read(self, tmp_path: Path) -> None:
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws/config").write_text("[default]\nregion = eu-west-1\n")
        (tmp_path / ".aws/credentials").write_text("[ci]\naws_access_key_id = AKIA\n")
        assert set(read({"HOME": str(tmp_path)}).profiles) == {"default", "ci"}

    @pytest.mark.parametrize("named", ["$HOME/{}", "${{HOME}}/{}", "~/{}", "$EMPTY~/{}"])
    def test_a_path_that_nobody_expanded_is_expanded(self, tmp_path: Path, named: str) -> None:
        (tmp_path / "cfg").write_text("[default]\nregion = eu-west-1\n")
        (tmp_path / "crd").write_text("[ci]\naws_access_key_id = AKIA\n")
        environ = {
            "HOME": str(tmp_path),
            "EMPTY": "",
            "AWS_CONFIG_FILE": named.format("cfg"),
            "AWS_SHARED_CREDENTIALS_FILE": named.format("crd"),
        }
        assert set(read(environ).profiles) == {"default", "ci"}

    def test_a_variable_that_is_empty_names_no_file(self, tmp_path: Path) -> None:
        """As botocore: the home directory's keys would be another identity."""
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws/credentials").write_text("[default]\naws_access_key_id = AKIA\n")
        environ = {"HOME": str(tmp_path), "AWS_SHARED_CREDENTIALS_FILE": ""}
        assert read(environ).profiles == {}

    @pytest.mark.parametrize("place", ["missing", "missing/deeper", ".", "/dev/null", "\0"])
    def test_what_is_no_file_says_nothing(self, tmp_path: Path, place: str) -> None:
        found = read({"AWS_CONFIG_FILE": str(tmp_path / place), "HOME": str(tmp_path)})
        assert found.profiles == {}
        assert found.unreadable == ()

    def test_no_secret_is_in_the_representation(self, write: Write) -> None:
        found = write("[default]\naws_secret_access_key = hidden\n", "[x]\nkey = hidden\n")
        assert "hidden" not in repr(found)
        assert "default" in repr(found)


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="as root, who can become somebody else"
)
class TestUnreadable:
    def read_as_nobody(self, environ: dict[str, str]) -> tuple[str, ...]:
        os.seteuid(65534)
        try:
            return read(environ).unreadable
        finally:
            os.seteuid(0)

    def test_a_file_of_somebody_else_is_named_with_the_reason(self, tmp_path: Path) -> None:
        path = Path("/tmp") / f"aws-role-exec-{os.getpid()}"
        path.write_text("[default]\n")
        path.chmod(0o600)
        try:
            found = self.read_as_nobody({"AWS_SHARED_CREDENTIALS_FILE": str(path), "HOME": "/"})
        finally:
            path.unlink()
        assert found == (f"{path}: Permission denied",)

    def test_another_users_home_hides_nothing(self, tmp_path: Path) -> None:
        """A container's user often has root's home."""
        tmp_path.chmod(0o700)
        assert self.read_as_nobody({"HOME": str(tmp_path)}) == ()

    def test_a_directory_that_a_variable_points_into_is_said(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        named = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "HOME": "/"}
        assert self.read_as_nobody(named) == (f"{tmp_path / 'config'}: Permission denied",)


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("content", "line", "what"),
        [
            ("region = eu-west-1\n", 1, "not in any section"),
            ("# x\n\nkey\n[default]\n", 3, "not in any section"),
            ("[default]\nregion eu-west-1\n", 2, "neither"),
            ("[default]\n= hidden\n", 2, "neither"),
            ("[]\n", 1, "not in any section"),
            ("[default\nregion = x\n", 1, "not in any section"),
            ("[a]\n[b]\n[a]\n", 3, r"duplicate section \[a\], first in line 1"),
            ("[a]\nk = hidden\n\nK = hidden\n", 4, r"duplicate key k in \[a\], first in line 2"),
            ("[a]\nr = x\ns3 =\n  max = 3\n  hidden\n", 3, "block `s3`"),
            ("[DEFAULT]\ns3 =\n  hidden\n[a]\n", 2, "block `s3`"),
            (b"[a]\nk = \xe9\n", 2, "not UTF-8"),
        ],
    )
    def test_file_line_and_fault_are_named_and_no_value(
        self, write: Write, tmp_path: Path, content: str | bytes, line: int, what: str
    ) -> None:
        for name, contents in (("config", (content, "")), ("credentials", ("", content))):
            path = re.escape(str(tmp_path / name))
            with pytest.raises(UsageError, match=f"{path}, line {line}: .*{what}") as caught:
                write(*contents)
            assert "hidden" not in f"{caught.value} {caught.value.hint}"


class TestExpand:
    ENVIRON = {"HOME": "/home/me", "A": "/a", "É": "x", "TILDE": "~"}  # noqa: RUF012 - a constant

    @pytest.mark.parametrize(
        "path",
        [
            *("~", "~/x", "~root/x", "~nobody-of-that-name/x", "x~", "/x", "", "./~/x"),
            *("$A/x", "${A}/x", "$Ax", "${A}x", "$A$A", "$UNSET/x", "${UNSET}/x", "$", "$$A"),
            *("${A", "${}", "$/x", "x$A", "$É", "${É}", "$TILDE/x", "a${A}b${UNSET}c$Ad", "$-A"),
        ],
    )
    def test_paths_are_expanded_as_python_does(
        self, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        for name in list(os.environ):
            monkeypatch.delenv(name)
        for name, value in self.ENVIRON.items():
            monkeypatch.setenv(name, value)
        expected = os.path.expanduser(os.path.expandvars(path))
        assert expand(path, self.ENVIRON) == expected

    @pytest.mark.parametrize("home", ["", "/", "/home/me/"])
    def test_the_end_of_home_is_no_double_slash(
        self, monkeypatch: pytest.MonkeyPatch, home: str
    ) -> None:
        monkeypatch.setenv("HOME", home)
        for path in ("~", "~/x"):
            assert expand(path, {"HOME": home}) == os.path.expanduser(path)
