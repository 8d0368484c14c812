"""What a shell offers on Tab: click does the talking to shells, this knows the values.

Imported only when a shell asks, by way of `_AWS_ROLE_EXEC_COMPLETE`.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, ClassVar

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from aws_role_exec.configuration import files
from aws_role_exec.errors import UsageError
from aws_role_exec.output import formats, ownership
from aws_role_exec.request import regions
from aws_role_exec.request.options import COMPLETION_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_role_exec.configuration.files import Section


def offer(kind: str, beginning: str, environ: Mapping[str, str]) -> list[CompletionItem]:
    """Return what a word of this kind (`Option.completes`) that begins so could become."""
    if kind == "file" or (kind == "command" and "/" in beginning):
        return [CompletionItem(beginning, type="file")]
    values = VALUES[kind](beginning, environ)
    return [CompletionItem(value) for value in values if value.startswith(beginning)]


def _roles(_beginning: str, environ: Mapping[str, str]) -> list[str]:
    return _configured("role_arn", environ)


def _mfa_devices(_beginning: str, environ: Mapping[str, str]) -> list[str]:
    return _configured("mfa_serial", environ)


def _configured(key: str, environ: Mapping[str, str]) -> list[str]:
    sections = _read_profiles(environ).values()
    values = {section[key] for section in sections if key in section}
    return sorted(value for value in values if isinstance(value, str))


def _profiles(_beginning: str, environ: Mapping[str, str]) -> list[str]:
    return sorted(_read_profiles(environ))


def _read_profiles(environ: Mapping[str, str]) -> Mapping[str, Section]:
    """Return the profiles; none where a file cannot be understood, which a run will say."""
    try:
        return files.read(environ).profiles
    except UsageError:
        return {}


def _policies(beginning: str, _environ: Mapping[str, str]) -> list[str]:
    """Return `file://` and the files there; JSON is nobody's to guess."""
    scheme = "file://"
    if not beginning.startswith(scheme):
        return [scheme]
    directory = os.path.dirname(beginning.removeprefix(scheme))
    with contextlib.suppress(OSError), os.scandir(directory or ".") as entries:
        return sorted(
            scheme + os.path.join(directory, entry.name) + ("/" if entry.is_dir() else "")
            for entry in entries
        )
    return []


def _commands(beginning: str, environ: Mapping[str, str]) -> list[str]:
    found = set()
    for directory in environ.get("PATH", "").split(os.pathsep):
        with contextlib.suppress(OSError), os.scandir(directory or ".") as entries:
            for entry in entries:
                named_so = entry.name.startswith(beginning) and entry.is_file()
                if named_so and os.access(entry.path, os.X_OK):
                    found.add(entry.name)
    return sorted(found)


def _users(_beginning: str, _environ: Mapping[str, str]) -> list[str]:
    if os.name == "nt":
        return []
    import pwd  # POSIX only

    return sorted({entry.pw_name for entry in pwd.getpwall()})


VALUES: dict[str, Callable[[str, Mapping[str, str]], list[str]]] = {
    "command": _commands,
    "format": lambda _beginning, _environ: list(formats.FORMATS),
    "mfa": _mfa_devices,
    "mode": lambda _beginning, _environ: [f"{mode:04o}" for mode in ownership.MODES],
    "policy": _policies,
    "profile": _profiles,
    "region": lambda _beginning, _environ: list(regions.PLACES),
    "role": _roles,
    "user": _users,
}
"""The kinds of words, and what there is of each."""


class _Bash(BashComplete):
    """click's, for words with colons and equals signs in them: ARNs.

    bash takes such a word for several and replaces only the last, so it is put together from
    the line, and what stands before the last colon is taken off the answers.
    """

    source_template: ClassVar[str] = """\
%(complete_func)s() {
    local IFS=$'\\n' word=${COMP_LINE:0:COMP_POINT} before= response
    word=${word##*[[:space:]]}
    [[ $word == --*=* ]] && word=${word#*=}
    [[ $COMP_WORDBREAKS == *:* ]] && before=${word%%"${word##*[:=]}"}

    COMPREPLY=()
    response=$(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1") ||
        return

    for completion in $response; do
        local kind=${completion%%%%,*} value=${completion#*,}

        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                COMPREPLY+=("${value#"$before"}")
                [[ $value == *[/=] ]] && compopt -o nospace
                ;;
        esac
    done

    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def source(self) -> str:
        """Return the script, without asking bash for its version first, as click does."""
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor's, and the cursor's as far as it goes."""
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)
        beginning = "" if line[-1:].isspace() or not words else words.pop()
        return words[1:], beginning


add_completion_class(_Bash, "bash")


def check_instruction(instruction: str, environ: Mapping[str, str]) -> None:
    """Raise UsageError unless a completion script could have given this in its variable.

    It is `<shell>_source`, or `<shell>_complete` with the line in further variables; click
    fails with a KeyError, or without a word, for anything else.
    """
    shell, _, action = instruction.partition("_")
    kind = get_completion_class(shell)
    if kind is None or action not in ("source", "complete"):
        raise UsageError(
            f"{COMPLETION_VARIABLE}: '{instruction[:80]}' is not what a completion script asks",
            hint="write bash_source, zsh_source or fish_source to get the script of that shell",
        )
    needed = ("COMP_WORDS",) if shell == "bash" else ("COMP_WORDS", "COMP_CWORD")
    for name in needed if action == "complete" else ():
        value = environ.get(name)
        if value is None or (name == "COMP_CWORD" and shell != "fish" and not value.isdecimal()):
            raise UsageError(
                f"{COMPLETION_VARIABLE}: {instruction} needs the line in {name}",
                hint="only a shell's completion script asks so; unset the variable",
            )
