"""A terminal, the user's AWS configuration, and keys that the STS knows."""

import fcntl
import os
import select
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import Runner
from servers.metadata import CONTAINER, INSTANCE, SSO
from servers.sts import Key, Sts

KEYLESS: dict[str, str | bytes | None] = {
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
}
WORK = Key(
    "AKIAWORKEXAMPLE00000",
    "WorkSecret/Kd83+x",
    arn="arn:aws:iam::123456789012:user/bob",
)
MFA = "arn:aws:iam::123456789012:mfa/alice"
CODE = "137246"

# A session leader without a terminal that opens one gets it as its own (tty_ioctl(4)).
_TAKE_TERMINAL = (
    "import os, sys; os.close(os.open(sys.argv[1], os.O_RDWR)); os.execv(sys.argv[2], sys.argv[2:])"
)


class Terminal:
    """A pseudo-terminal; with `prefix` a program has it and still other standard streams."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        self.prefix = [sys.executable, "-I", "-c", _TAKE_TERMINAL, os.ttyname(self._slave)]
        self.shown = ""

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Read until the text was shown."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} was not shown, but {self.shown!r}"
            self.shown += os.read(self.master, 4096).decode()

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def settings(self) -> list[object]:
        return list(termios.tcgetattr(self._slave))

    def rest(self) -> str:
        """What else was shown."""
        flags = fcntl.fcntl(self.master, fcntl.F_GETFL)
        fcntl.fcntl(self.master, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        try:
            while part := os.read(self.master, 4096):
                self.shown += part.decode()
        except OSError:
            pass
        return self.shown

    def close(self) -> None:
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.fixture
def aws(run: Runner, sts: Sts) -> Path:
    """~/.aws with the profile `work`; the STS knows its key and those of the metadata servers."""
    for key in (WORK, INSTANCE, CONTAINER, SSO):
        sts.know(key)
    sts.mfa_codes[MFA] = {CODE}
    directory = run.home / ".aws"
    directory.mkdir()
    (directory / "credentials").write_text(
        f"[work]\naws_access_key_id = {WORK.access_key}\naws_secret_access_key = {WORK.secret}\n"
    )
    return directory
