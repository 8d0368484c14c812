"""Becoming the command: looked up before STS is asked, executed when it has answered."""

from __future__ import annotations

import errno
import os
import stat
import sys

from aws_role_exec.errors import CommandNotExecutableError, CommandNotFoundError

__all__ = ["become", "find_command"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Searched when PATH is not set, as in a Slurm Prolog; execvp(3) has such a default too."""
# Special built-ins, reserved words and the built-ins that few systems have as programs as well
# (POSIX: XCU 1.6, 2.4, 2.14), and those of bash and zsh.
_SHELL_WORDS = frozenset({
    "!", ".", ":", "alias", "autoload", "bg", "bind", "break", "builtin", "case", "cd",
    "command", "compgen", "complete", "continue", "declare", "dirs", "disown", "do", "done",
    "elif", "else", "enable", "esac", "eval", "exec", "exit", "export", "fc", "fi", "for",
    "function", "getopts", "hash", "help", "history", "if", "in", "jobs", "let", "local",
    "logout", "mapfile", "module", "popd", "pushd", "read", "readarray", "readonly", "return",
    "set", "setenv", "setopt", "shift", "shopt", "source", "suspend", "then", "times", "trap",
    "type", "typeset", "ulimit", "umask", "unalias", "unset", "until", "wait", "while", "{",
    "}", "[[",
})  # fmt: skip
_FIRST_LINE_BYTES = 128  # what a shell looks at to tell a script from a binary


def find_command(name: str, environ: Mapping[str, str]) -> str:
    """Return the path of the file that the command's name stands for.

    A name with a slash is a path; any other is searched in PATH as POSIX says: an empty
    entry is the working directory, and a file that may not be executed is passed over.

    Raises CommandNotFoundError (exit 127), or CommandNotExecutableError (exit 126) when all
    there is cannot be executed.
    """
    if os.name == "nt":
        import shutil  # PATHEXT and its rules are Windows's own

        found = shutil.which(name, path=environ.get("PATH"))
        if found is None:
            raise CommandNotFoundError(f"{name}: command not found")
        return found
    if not name:
        raise CommandNotFoundError(
            "'': command not found", hint="the command is an empty string; is a variable unset?"
        )
    if "/" in name:
        obstacle = _obstacle(name)
        if obstacle is None:
            return name
        if obstacle in (errno.ENOENT, errno.ENOTDIR):
            raise CommandNotFoundError(f"{name}: {os.strerror(obstacle)}", hint=_no_word_hint(name))
        raise CommandNotExecutableError(f"{name}: {os.strerror(obstacle)}")
    worst = None
    path_variable = environ.get("PATH", DEFAULT_PATH)
    for directory in path_variable.split(":"):
        path = os.path.join(directory, name) if directory else "./" + name
        obstacle = _obstacle(path)
        if obstacle is None:
            return path
        if obstacle not in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR) and worst is None:
            worst = CommandNotExecutableError(f"{path}: {os.strerror(obstacle)}")
    raise worst or CommandNotFoundError(
        f"{name}: command not found", hint=_not_found_hint(name, environ)
    )


def _no_word_hint(name: str) -> str | None:
    """Say why a word looks like no command, where it does."""
    variable, equals, _ = name.partition("=")
    if name.startswith("arn:"):
        return "each role needs its own --role-arn"
    if name.startswith("-"):
        return f"options of aws-role-exec go before --; a command goes after it, not {name}"
    if equals and variable.isidentifier():
        return "to set a variable for the command, use env: -- env NAME=value COMMAND"
    if len(name.split()) > 1:
        return (
            "this is one word with spaces in it: remove the quotes, or use a shell: -- sh -c '...'"
        )
    if any(sign in name for sign in ";&|<>"):
        return "; & | < and > need a shell: -- sh -c '...'"
    return None


def _not_found_hint(name: str, environ: Mapping[str, str]) -> str:
    """Say why a name without a slash is no command here."""
    hint = _no_word_hint(name)
    if hint is not None:
        return hint
    if name in _SHELL_WORDS:
        return f"{name} is part of the shell, not a program: -- sh -c '{name} ...'"
    if "PATH" not in environ:
        return f"PATH is not set; searched {DEFAULT_PATH}"
    if not environ["PATH"]:
        return "PATH is empty, so only the current directory was searched"
    if _obstacle("./" + name) is None:
        return f"the current directory is not in PATH: -- ./{name}"
    return "not found in PATH; aliases and functions exist only in your shell"


def _obstacle(path: str) -> int | None:
    """Return the errno that stands between us and executing the file, None when nothing does."""
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):
            return errno.EISDIR
    except OSError as error:
        return error.errno
    except ValueError:  # a null byte
        return errno.ENOENT
    effective = os.access in os.supports_effective_ids
    return None if os.access(path, os.X_OK, effective_ids=effective) else errno.EACCES


def _is_binary(path: str) -> bool:
    """Tell whether the file's first line has a null byte in it, as no script's has.

    POSIX asks for a text file (XCU 2.9.1.4); shells look at its beginning likewise. What cannot be
    read is left to the shell.
    """
    try:
        with open(path, "rb") as file:
            return b"\0" in file.read(_FIRST_LINE_BYTES).partition(b"\n")[0]
    except OSError:
        return False


if sys.platform == "win32":  # pragma: no cover - needs Windows
    from aws_role_exec.handover.windows import become
else:

    def become(path: str, arguments: tuple[str, ...], environ: Mapping[str, str]) -> NoReturn:
        """Replace this process by the command; never returns.

        `arguments[0]` is the name as the user wrote it. Raises CommandNotExecutableError (exit
        126) when the kernel refuses.
        """
        try:
            os.execve(path, arguments, environ)
        except OSError as error:
            failure = error
        if failure.errno == errno.ENOEXEC:
            if _is_binary(path):
                raise CommandNotExecutableError(
                    f"{path}: cannot execute binary file",
                    hint="it was built for another platform, or it is truncated",
                )
            # No `#!`: POSIX has a shell run such a file (XCU 2.9.1.4), and execvp(3) does so too.
            try:
                os.execve("/bin/sh", ["/bin/sh", path, *arguments[1:]], environ)
            except OSError as error:
                failure = error
        hint = None
        if failure.errno == errno.ENOENT:
            hint = (
                "the file exists, but its interpreter (the #! line, or the dynamic loader) does not"
            )
        elif failure.errno == errno.E2BIG:
            hint = "arguments and environment exceed the kernel's limit (see execve(2))"
        raise CommandNotExecutableError(f"{path}: {failure.strerror}", hint=hint)
