"""A profile's `credential_process`: a helper that prints keys.

It is run as botocore runs it: split as a shell would, without a shell, with the caller's
environment and standard input. Beyond that it is bounded in time and in what it may print, and
recognized when it comes back to itself.
"""

from __future__ import annotations

import time
from hashlib import sha256

from aws_role_exec.errors import IdentityError
from aws_role_exec.identity import answers, children
from aws_role_exec.identity.base import Base
from aws_role_exec.redaction import cite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from aws_role_exec.credentials import Keys
    from aws_role_exec.identity.base import Surroundings

INSIDE = "AWS_ROLE_EXEC_INSIDE"
"""Tells this program which helpers it was started by. Like all our variables it never reaches a
command; a helper that is, or runs, this program gets it through any shell script between."""
_OWN = "AWS_ROLE_EXEC_"
_DEBUG = "AWS_ROLE_EXEC_DEBUG"


def find_for(surroundings: Surroundings, command: str, profile: str) -> Base:
    """Return the keys that a profile's helper prints.

    Raises IdentityError, which says which helper of which profile and what was wrong, and never
    what it printed; TimeoutError when the deadline passes.
    """
    what = f"the credential_process of profile {profile}"
    words = split(command, what)
    what += f" ({words[0]})"
    return Base(_read(_run(words, what, surroundings), what), "custom-process", what)


def print_keys(words: Sequence[str], what: str, surroundings: Surroundings) -> bytes:
    """Return what a helper printed, which is keys; for botocore, which reads it again.

    Raises as `find_for` does.
    """
    what += f" ({words[0]})"
    output = _run(words, what, surroundings)
    _read(output, what)
    return output


def split(command: str, what: str) -> list[str]:
    """Return the words of a command; raises IdentityError when it has none, or an open quote."""
    if any(character in command for character in "\"'\\") or children.IS_WINDOWS:
        from aws_role_exec.identity import botocore_chain  # quoting is its matter

        try:
            words = botocore_chain.split_command(command)
        except ValueError:
            raise IdentityError(f"source credentials: {what} has an unclosed quote") from None
    else:
        words = command.split()
    if not words:
        raise IdentityError(f"source credentials: {what} names no program")
    return words


def _run(words: Sequence[str], what: str, surroundings: Surroundings) -> bytes:
    """Run a helper and return what it printed.

    Our own options' variables were for this run, and not for a helper that is this program
    again. Raises IdentityError when the helper cannot be started, fails, prints far too much or
    has come back to itself; TimeoutError when the deadline passes.
    """
    surroundings.tell(f"running {what}")
    environ, deadline = surroundings.environ, surroundings.wire.deadline
    deadline.waiting_for = what
    mark = sha256("\0".join(words).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    inside = environ.get(INSIDE, "").split()
    if mark in inside:
        raise IdentityError(
            f"source credentials: {what} runs aws-role-exec, which would run it again",
            hint="use another profile in it (aws-role-exec --profile NAME ...); see also"
            " AWS_PROFILE",
        )
    kept = {
        name: value
        for name, value in environ.items()
        if name and (not name.startswith(_OWN) or name == _DEBUG)
    }
    try:
        outcome = children.run(words, {**kept, INSIDE: " ".join((*inside, mark))}, deadline)
    except TimeoutError:
        raise
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise IdentityError(f"source credentials: {what} cannot be run: {why}") from None
    except ValueError:
        raise IdentityError(
            f"source credentials: {what} printed more than 1 MiB, or has a null byte"
        ) from None
    if outcome.status:
        raise _failure(outcome, what)
    return outcome.output


def _failure(outcome: children.Outcome, what: str) -> IdentityError:
    ended = (
        f"failed with exit status {outcome.status}"
        if outcome.status > 0
        else f"was killed by signal {-outcome.status}"
    )
    said, hint = _summarise(outcome.error)
    if not said:
        hint = "it printed no reason: run it yourself"
    return IdentityError(
        f"source credentials: {what} {ended}" + (f": {said}" if said else ""), hint=hint
    )


def _summarise(error: bytes) -> tuple[str, str | None]:
    """Return the last line that a helper said on stderr, and its hint if it gives one as we do."""
    lines = [line.strip() for line in error.decode("utf-8", "replace").splitlines()]
    hints = [line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")]
    others = [line for line in lines if line and not line.startswith("hint: ")]
    last = others[-1].removeprefix("aws-role-exec: source credentials: ") if others else ""
    said = cite(_mask(last))
    return said, cite(_mask(hints[-1])) if hints else None


def _mask(line: str) -> str:
    """Return the line without what may be a secret: long words of letters of both cases and digits.

    As when a script traces itself with `set -x`.
    """
    word, shown = "", []
    for character in (*line, ""):
        if character and (character.isalnum() or character in "+=_-"):
            word += character
            continue
        is_mixed = not (word.isupper() or word.islower()) and any(map(str.isdigit, word))
        shown += ["***" if len(word) >= 16 and is_mixed else word, character]
        word = ""
    return "".join(shown)


def _read(output: bytes, what: str) -> Keys:
    """Return the keys in what a helper printed (AWS CLI User Guide, "Sourcing credentials")."""
    try:
        found = answers.read_object(output)
    except ValueError:
        raise IdentityError(
            f"source credentials: {what} printed {_describe(output)}",
            hint="stdout must hold one JSON object and nothing else; send logs to stderr",
        ) from None
    _check_version(found, what)
    keys = answers.read_keys(
        found, ("AccessKeyId", "SecretAccessKey", "SessionToken"), f"the output of {what}"
    )
    if found.get("Expiration") is not None:
        answers.check_expiration(found["Expiration"], f"the output of {what}", time.time())
    return keys


def _describe(output: bytes) -> str:
    """Return what a helper printed in place of a JSON object, without quoting it."""
    text = output.strip()
    if not text:
        return "nothing"
    if text.startswith(b"<"):
        return "an HTML or XML page"
    if text.startswith((b"{", b"\xef\xbb\xbf{")):
        return "JSON that is malformed, cut short or followed by something else"
    return "text before the JSON object" if b"{" in text else "text that is not JSON"


def _check_version(found: Mapping[str, Any], what: str) -> None:
    version = found.get("Version")
    if version != 1:
        shown = (
            (f"Version {version}") if isinstance(version, int) else "a Version that is not a number"
        )
        shown = "no Version" if version is None else shown
        raise IdentityError(f"source credentials: {what} printed {shown}; it must be 1")
