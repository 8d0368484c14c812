"""One tree of errors: each knows its exit code and may carry a hint."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

EXIT_USAGE = 2
EXIT_FAILURE = 125
EXIT_NOT_EXECUTABLE = 126
EXIT_NOT_FOUND = 127


class AwsRoleExecError(Exception):
    """The base of every error we raise on purpose; never raised itself.

    `str(error)` is one line, `<what failed>: <why>`, without a secret.
    `hint` is one line that says what to do about it, or None.
    """

    exit_code = EXIT_FAILURE

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(AwsRoleExecError):
    """The command line, a default from the environment, or an input file is wrong."""

    exit_code = EXIT_USAGE


class IdentityError(AwsRoleExecError):
    """There is no base identity to ask STS with."""


class StsError(AwsRoleExecError):
    """STS refused, or could not be reached in time."""


class OutputError(AwsRoleExecError):
    """The credentials could not be written where they were to go."""


class CommandNotExecutableError(AwsRoleExecError):
    """The command was found and cannot be executed (POSIX: exit 126)."""

    exit_code = EXIT_NOT_EXECUTABLE


class CommandNotFoundError(AwsRoleExecError):
    """The command was not found (POSIX: exit 127)."""

    exit_code = EXIT_NOT_FOUND


class Doubt(Exception):  # noqa: N818 - it is no error: it says whose matter this is
    """A step met something that it does not know, and leaves that step to botocore.

    `str(doubt)` says what it was, for `-v` and debug output: no secret, no value of a file.
    """


class Fault(Exception):  # noqa: N818 - the field's word for what happens on the way
    """A server gave no answer that can be used.

    `name` is a key of `sts.refusals.FAULTS`, `detail` what the system or a library said of it
    (may be empty), `url` who was asked.
    """

    def __init__(self, name: str, url: str, detail: str = "") -> None:
        super().__init__(f"{name}: {detail}" if detail else name)
        self.name = name
        self.url = url
        self.detail = detail


class Refusal(Exception):  # noqa: N818 - an answer, and an answer is no error of ours
    """A service answered and said no. `code` and `message` are its own, "" where it gave none.

    `status` is the HTTP status; `headers` are the answer's, names in lower case.
    """

    def __init__(self, code: str, message: str, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(code or f"HTTP {status}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers
