"""The terminal, asked for what a person alone knows; never through stdin or stdout.

Those belong to the command that this process becomes.
"""

from __future__ import annotations

import os
import sys

from aws_role_exec.errors import IdentityError, UsageError
from aws_role_exec.sts import refusals, session_options

if sys.platform == "win32":
    _INPUT, _OUTPUT = "CONIN$", "CONOUT$"
else:
    _INPUT = _OUTPUT = "/dev/tty"

_ATTEMPTS = 3
NO_TERMINAL = "an MFA code is required, but there is no terminal to prompt on"


def is_there() -> bool:
    """Tell whether this process has a terminal."""
    try:
        os.close(os.open(_INPUT, os.O_RDWR))
    except OSError:
        return False
    return True


def ask_mfa_code(prompt: str) -> str:
    """Ask for the code of an MFA device and return it.

    What is typed can be seen: a code is good once and for seconds, and a signal that ends us
    at a hidden prompt would leave the terminal mute.

    Raises IdentityError when there is no terminal, or no code comes from it.
    """
    try:
        source = os.open(_INPUT, os.O_RDWR)
    except OSError:
        hint = refusals.IDENTITY_HINTS["terminal"]
        raise IdentityError(f"MFA: {NO_TERMINAL}", hint=hint) from None
    target = source
    try:
        if _OUTPUT != _INPUT:
            target = os.open(_OUTPUT, os.O_RDWR)
        for _ in range(_ATTEMPTS):
            os.write(target, prompt.encode("utf-8", "backslashreplace"))
            line = _read_line(source)
            try:
                return session_options.check_mfa_code(line.strip())
            except UsageError as error:
                os.write(target, f"{error}\n".encode())
    except OSError as error:
        raise IdentityError(f"MFA: the terminal: {error.strerror}") from None
    finally:
        os.close(source)
        if target != source:
            os.close(target)
    raise IdentityError("MFA: no code was entered")


def _read_line(source: int) -> str:
    """Return a line; raises IdentityError at the end of input (Ctrl-D, or a hang-up)."""
    line = b""
    while not line.endswith((b"\n", b"\r")):
        part = os.read(source, 128)
        if not part:
            raise IdentityError("MFA: no code was entered")
        line += part
    return line.decode("ascii", "replace")
