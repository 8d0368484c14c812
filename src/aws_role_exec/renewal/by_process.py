"""`--renew=process`: for commands that reach no helper, on other nodes and in containers.

The command gets a profile whose `credential_process` is a script that runs this program again.
The script, the profile and nothing else stand in a directory that the user names.
"""

from __future__ import annotations

import os
import sys

from aws_role_exec.errors import OutputError, UsageError
from aws_role_exec.handover import execute
from aws_role_exec.output import formats
from aws_role_exec.renewal import command, directory
from aws_role_exec.request.options import TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_role_exec.credentials import Credentials
    from aws_role_exec.request.options import Options
    from aws_role_exec.request.request import Request

_PREFIX = "role-process-"
_SCRIPT = "credentials.sh"
_OF_THE_SESSION = ("--duration", "--session-name", "--policy", "--sts-timeout")
_NOT_PASSED_ON = {
    *_OF_THE_SESSION,  # passed on as they were understood
    *("--renew", "--renew-dir", "--mfa-serial", "--mfa-code", "--format", "--output", "--owner"),
    *("--mode", "--profile-name", "--color", "--completion"),
}
_OUR_PREFIX = "AWS_ROLE_EXEC_"


class ByProcess:
    """The files of a command that renews by `credential_process`; none is written yet."""

    def __init__(self, request: Request, given: Options, environ: Mapping[str, str]) -> None:
        """Look at the place. Raises UsageError where there can be no files."""
        self._request = request
        self._environ = environ
        self._place = os.path.abspath(request.renew_dir or "")
        obstacle = directory.obstacle(self._place)
        if obstacle is not None:
            raise UsageError(f"{given.label('--renew-dir')}: {self._place}: {obstacle}")
        self._script = _script(request, given, environ)

    def hand_over(self, _: Credentials) -> dict[str, str]:
        """Write the files and return the variables that the command gets.

        The credentials have shown that STS gives them; each of the command's processes asks for
        its own. The files stay: whoever made the directory knows when it is not needed any more.
        Raises OutputError.
        """
        request = self._request
        sections = command.read_sections(request.settings.configuration.paths[0])
        profile = command.profile_name(sections)
        try:
            private = directory.make_in(self._place, _PREFIX)
            script = private.write(_SCRIPT, self._script.encode("utf-8", "surrogateescape"))
            ours = {"region": request.region, "credential_process": f"/bin/sh {script}"}
            config = command.configuration(sections, ours)
            return {
                "AWS_PROFILE": profile,
                "AWS_SHARED_CREDENTIALS_FILE": private.write(
                    "credentials", f"[{profile}]\n".encode()
                ),
                "AWS_CONFIG_FILE": private.write("config", config.encode("utf-8")),
                **command.settings(request.region, self._environ),
            }
        except OSError as error:
            raise OutputError(f"--renew-dir: {self._place}: {error.strerror}") from None

    become = staticmethod(execute.become)


def _script(request: Request, given: Options, environ: Mapping[str, str]) -> str:
    """Return the script: the caller's AWS variables as they were, then this program again."""
    theirs = {
        name: value
        for name, value in environ.items()
        if name in request.token_variables
        or (name.startswith("AWS_") and not name.startswith(_OUR_PREFIX) and name.isidentifier())
    }
    lines = [
        "# Requests the role's credentials again, as aws-role-exec --renew=process did.",
        "unset $(env | sed -n 's/^\\(AWS_[A-Za-z0-9_]*\\)=.*/\\1/p')",  # the command's
    ]
    lines += [f"export {name}={formats.join([value])}" for name, value in sorted(theirs.items())]
    lines.append(f"cd {formats.join([os.getcwd()])} || exit")
    lines.append("exec " + formats.join((*_program(), *_words(request, given))))
    return "\n".join(lines) + "\n"


def _words(request: Request, given: Options) -> list[str]:
    words = ["--format", "json"]
    for option in TABLE:
        if option.flag in _NOT_PASSED_ON or option.kind == "flag":
            continue
        value = getattr(given, option.name)
        for text in value if option.kind == "list" else [value]:
            if text:
                words += [option.flag, text]
    if request.role_arns:
        words += ["--duration", f"{request.duration_seconds}s"]
        words += ["--session-name", request.session_name]
    words += ["--sts-timeout", f"{request.sts_timeout_seconds}s"]
    return [*words, *(["--policy", request.policy] if request.policy else [])]


def _program() -> list[str]:
    """Return the words that start this program. Raises UsageError where its path is not known."""
    if not getattr(sys, "frozen", False):
        return [sys.executable, "-m", "aws_role_exec"]
    if not sys.executable:
        raise UsageError(
            "--renew=process: cannot find the path of this program", hint="is /proc mounted?"
        )
    return [sys.executable]
