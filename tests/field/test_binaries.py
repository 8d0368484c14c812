"""A file that the kernel does not execute: a script without #! is a shell's, a binary is not.

No public thread: found by running an executable of another machine, and a cut one, on 0.1.0.
"""

from pathlib import Path

import pytest

from runner import Runner

ELF = b"\x7fELF\x02\x01\x01" + bytes(9)


@pytest.mark.parametrize(
    "content",
    [
        ELF + b"\x02\x00\xf7\x00" + bytes(200),
        ELF,
        b"MZ\x90\x00\x03\x00\x00\x00",
        b"\x00",
        b"\xcf\xfa\xed\xfe\x07\x00\x00\x01" + bytes(100),
    ],
    ids=["foreign", "cut", "Windows", "null", "macOS"],
)
def test_is_not_given_to_a_shell(run: Runner, tmp_path: Path, content: bytes) -> None:
    """126 and a word, in place of whatever a shell makes of it."""
    program = tmp_path / "program"
    program.write_bytes(content)
    program.chmod(0o755)
    failure = run.assume("--", str(program)).failure(126)
    assert "binary" in failure.line or "format" in failure.line.lower()


@pytest.mark.parametrize(
    "content", [b"echo hello\n", b"", b"echo hello; exit 0\n\x00\x7fELF payload", b"# \xff\n"]
)
def test_a_script_without_its_line_is(run: Runner, tmp_path: Path, content: bytes) -> None:
    """As POSIX says, an empty one and one with a payload behind its first line too."""
    script = tmp_path / "script"
    script.write_bytes(content)
    script.chmod(0o755)
    assert run.assume("--", str(script)).code == 0
