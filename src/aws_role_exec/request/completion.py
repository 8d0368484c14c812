"""What a shell offers on Tab: click does the talking to shells, this knows the values.

Imported only when a shell asks, by way of `_AWS_ROLE_EXEC_COMPLETE`. The command and its words
are left to the shell, as after sudo: it is told which word the command is.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
from typing import TYPE_CHECKING, ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from aws_role_exec.configuration import files
from aws_role_exec.errors import UsageError
from aws_role_exec.messages import PROGRAM
from aws_role_exec.output import formats, ownership
from aws_role_exec.request import regions
from aws_role_exec.request.options import COLORS, COMPLETION_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_role_exec.configuration.files import Section


def offer(kind: str, beginning: str, environ: Mapping[str, str]) -> list[CompletionItem]:
    """Return what a word of this kind (`Option.completes`) that begins so could become."""
    if kind == "file" or (kind == "command" and "/" in beginning):
        return [CompletionItem(beginning, type="file")]
    values = VALUES[kind](beginning, environ)
    return [CompletionItem(value) for value in values if value.startswith(beginning)]


def offer_command(words: tuple[str, ...], beginning: str) -> list[CompletionItem]:
    """Return how the command goes on: its place, for the shell, and what serves where that fails.

    `words` are the command's before the cursor.
    """
    place = CompletionItem(str(len(words)), type=_COMMAND)
    return [place, *offer("file" if words else "command", beginning, os.environ)]


_COMMAND = "command"


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


def _files_after(scheme: str, beginning: str) -> list[str]:
    """Return the scheme and, once it is typed, the files there."""
    if not beginning.startswith(scheme):
        return [scheme]
    directory = os.path.dirname(beginning.removeprefix(scheme))
    with contextlib.suppress(OSError), os.scandir(directory or ".") as entries:
        return sorted(
            scheme + os.path.join(directory, entry.name) + ("/" if entry.is_dir() else "")
            for entry in entries
        )
    return []


def _policies(beginning: str, _environ: Mapping[str, str]) -> list[str]:
    """Return `file://` and the files there; JSON is nobody's to guess."""
    return _files_after("file://", beginning)


def _tokens(beginning: str, environ: Mapping[str, str]) -> list[str]:
    """Return where OIDC tokens come from; of variables, those that hold a JSON Web Token."""
    holders = [name for name, value in environ.items() if value.startswith("eyJ")]
    variables = [f"env:{name}" for name in sorted(holders)] or ["env:"]
    return [*variables, *_files_after("file:", beginning), "github"]


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
    "color": lambda _beginning, _environ: list(COLORS),
    "command": _commands,
    "duration": lambda _beginning, _environ: ["15m", "1h", "4h", "8h", "12h", "auto"],
    "format": lambda _beginning, _environ: list(formats.FORMATS),
    "mfa": _mfa_devices,
    "mode": lambda _beginning, _environ: [f"{mode:04o}" for mode in ownership.MODES],
    "policy": _policies,
    "profile": _profiles,
    "region": lambda _beginning, _environ: list(regions.PLACES),
    "role": _roles,
    "session_name": lambda _beginning, _environ: ["auto"],
    "shell": lambda _beginning, _environ: list(SHELLS),
    "timeout": lambda _beginning, _environ: ["10s", "30s", "2m"],
    "token": _tokens,
    "user": _users,
}
"""The kinds of words, and what there is of each."""


class _Shell(ShellComplete):
    """A shell that completes the command itself: it is told which of the line's words that is."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return what a shell is to offer; a command's place is counted from the line's start."""
        found = super().get_completions(args, incomplete)
        for item in found:
            if item.type == _COMMAND:
                item.value = str(self.place(1 + len(args) - int(item.value)))
        return found

    def place(self, words: int) -> int:
        """Return the place of the command, behind so many words, as this shell counts it."""
        return words


class _Bash(_Shell, BashComplete):
    """click's, for words with colons and equals signs in them: ARNs.

    bash takes such a word for several and replaces only the last, so it is put together from
    the line, and what stands before the last colon is taken off the answers. The command is left
    to bash-completion, which has a function for that; its place is counted in characters.
    """

    source_template: ClassVar[str] = """\
%(complete_func)s() {
    local IFS=$'\\n' word=${COMP_LINE:0:COMP_POINT} before= response completion
    word=${word##*[[:space:]]}
    [[ $word == --*=* ]] && word=${word#*=}
    [[ $COMP_WORDBREAKS == *:* ]] && before=${word%%"${word##*[:=]}"}

    COMPREPLY=()
    response=$(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1") ||
        return

    for completion in $response; do
        local kind=${completion%%%%,*} value=${completion#*,}

        case $kind in
            command)
                local at=0 number offset_function
                for offset_function in _comp_command_offset _command_offset; do
                    declare -F "$offset_function" >/dev/null || continue
                    for ((number = 0; number < COMP_CWORD; number++)); do
                        while [[ ${COMP_LINE:at:1} == [[:space:]] ]]; do ((at++)); done
                        ((at >= value)) && break
                        ((at += ${#COMP_WORDS[number]}))
                    done
                    unset IFS
                    "$offset_function" "$number"
                    return
                done
                ;;
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                COMPREPLY+=("${value#"$before"}")
                [[ $value == *[/=:] ]] && compopt -o nospace
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

    def place(self, words: int) -> int:
        """Return how many characters of the line stand before the command."""
        line = io.StringIO(os.environ["COMP_WORDS"])
        lexer = shlex.shlex(line, posix=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        for _ in range(words):
            lexer.get_token()
        return line.tell()


class _Zsh(_Shell, ZshComplete):
    """click's, which leaves the command to zsh's own completion."""

    source_template: ClassVar[str] = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a completions described response
    local type key descr
    (( ! $+commands[%(prog_name)s] )) && return 1

    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \
%(complete_var)s=zsh_complete %(prog_name)s)}")

    for type key descr in ${response}; do
        if [[ $type == command ]]; then
            shift $key words
            (( CURRENT -= key ))
            _normal
            return
        elif [[ $type == plain ]]; then
            if [[ $descr == _ ]]; then
                completions+=("$key")
            else
                described+=("$key":"$descr")
            fi
        elif [[ $type == dir ]]; then
            _path_files -/
        elif [[ $type == file ]]; then
            _path_files -f
        fi
    done

    if [[ -n $described ]]; then
        _describe -V unsorted described -U
    fi

    if [[ -n $completions ]]; then
        compadd -U -V unsorted -a completions
    fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    # autoload from fpath, call function directly
    %(complete_func)s "$@"
else
    # eval/source/. command, register function for later
    compdef %(complete_func)s %(prog_name)s
fi
"""


class _Fish(_Shell, FishComplete):
    """click's, with commas in descriptions, and the command left to fish's own completion."""

    source_template: ClassVar[str] = """\
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \
COMP_CWORD=(commandline -t) %(prog_name)s)

    for completion in $response
        set -l part (string split --max 1 , -- $completion)

        switch $part[1]
            case command
                set -l words (commandline -opc)
                set -l rest (string escape -- $words[(math $part[2] + 1)..])
                complete -C (string join ' ' -- $rest (commandline -ct))
                return
            case dir
                __fish_complete_directories $part[2]
            case file
                __fish_complete_path $part[2]
            case plain
                printf '%%s\\n' $part[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _PowerShell(_Shell):
    """PowerShell 5.1 and 7, which click does not know."""

    name = "powershell"
    source_template: ClassVar[str] = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $before = @($commandAst.CommandElements | Where-Object {
            $_.Extent.EndOffset -lt $cursorPosition -or -not $wordToComplete
        })
    $env:COMP_WORDS = (@($before | ForEach-Object {
                if ($null -ne $_.Value) { $_.Value } else { $_.Extent.Text }
            }) + $wordToComplete) -join "`n"
    $env:%(complete_var)s = 'powershell_complete'
    try {
        $response = @(& %(prog_name)s)
    } finally {
        Remove-Item 'Env:COMP_WORDS', 'Env:%(complete_var)s'
    }

    foreach ($line in $response) {
        $type, $value, $help = $line -split "`t", 3
        if ($type -eq 'command') {
            if ([int] $value -lt $before.Count) {
                $start = $before[[int] $value].Extent.StartOffset - $commandAst.Extent.StartOffset
                $end = $cursorPosition - $commandAst.Extent.StartOffset
                $rest = $commandAst.Extent.Text.PadRight($end).Substring($start, $end - $start)
            } else {
                $rest = $wordToComplete
            }
            [System.Management.Automation.CommandCompletion]::CompleteInput(
                $rest, $rest.Length, $null).CompletionMatches
            return
        }
        if ($type -eq 'plain') {
            if (-not $help) { $help = $value }
            [System.Management.Automation.CompletionResult]::new(
                $value, $value, 'ParameterValue', $help)
        }
    }
}
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor's, and the cursor's as far as it goes."""
        *words, beginning = os.environ["COMP_WORDS"].split("\n")
        return words[1:], beginning

    def format_completion(self, item: CompletionItem) -> str:
        """Return what is offered as a line of the kind, the word and what it means."""
        return f"{item.type}\t{item.value}\t{item.help or ''}"


SHELLS: dict[str, type[_Shell]] = {
    "bash": _Bash,
    "zsh": _Zsh,
    "fish": _Fish,
    "powershell": _PowerShell,
}
for _name, _class in SHELLS.items():
    add_completion_class(_class, _name)


def script(shell: str) -> str:
    """Return a shell's completion script. Raises UsageError for a shell that has none."""
    kind = SHELLS.get(shell)
    if kind is None:
        raise UsageError(
            f"--completion: no such shell '{shell[:80]}'",
            hint=f"the shells are {', '.join(SHELLS)}",
        )
    return kind(click.Command(PROGRAM), {}, PROGRAM, COMPLETION_VARIABLE).source()


def check_instruction(instruction: str, environ: Mapping[str, str]) -> None:
    """Raise UsageError unless a completion script could have given this in its variable.

    It is `<shell>_source`, or `<shell>_complete` with the line in further variables; click
    fails with a KeyError, or without a word, for anything else.
    """
    shell, _, action = instruction.partition("_")
    kind = get_completion_class(shell)
    if kind is None or action not in ("source", "complete"):
        raise UsageError(
            f"{COMPLETION_VARIABLE}: '{instruction[:80]}' is not a completion request",
            hint=f"{PROGRAM} --completion SHELL prints the script for a shell",
        )
    has_cursor = shell in ("zsh", "fish")
    needed = ("COMP_WORDS", "COMP_CWORD") if has_cursor else ("COMP_WORDS",)
    for name in needed if action == "complete" else ():
        value = environ.get(name)
        if value is None or (name == "COMP_CWORD" and shell != "fish" and not value.isdecimal()):
            raise UsageError(
                f"{COMPLETION_VARIABLE}: {instruction} requires {name}",
                hint="only a shell's completion script sets it; unset the variable",
            )
