"""One tree of errors: each knows its exit code and may carry a hint."""

from __future__ import annotations

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
