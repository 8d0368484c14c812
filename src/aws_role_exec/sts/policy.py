"""Session policies: read, checked and minified before anything goes over the network."""

from __future__ import annotations

from aws_role_exec import inputs
from aws_role_exec.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

LONGEST = 2048
"""Characters a session policy may have (STS API reference: AssumeRole, Policy)."""
_FILE_LIMIT_BYTES = 1 << 20  # a policy file is a few KiB; this one is something else
_DEEPEST = 32  # levels; IAM's grammar has six, and the parser's own limit is the stack's


def load(text: str) -> str:
    """Return the policy to send: from `file://PATH` or the text itself, checked and minified.

    Raises UsageError when the file cannot be read, when it is not a JSON policy document
    (an object whose `Statement`s each have `Effect` Allow or Deny, no key twice in one object),
    or when it is longer than STS takes.
    """
    import json  # most runs have no policy

    if text.startswith("file://"):
        text = _read(text.removeprefix("file://"))
    if _depth(text) > _DEEPEST:
        raise UsageError("not a policy: nested too deeply")
    try:
        document = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_Object)
    except ValueError as error:
        raise UsageError(f"not valid JSON: {error}", hint=_quoting_hint(text)) from None
    for place, first, second in _repetitions(document, ""):
        spelled = f"'{first}'" if first == second else f"'{first}', also written '{second}',"
        raise UsageError(
            f"duplicate key {spelled} in {place or 'the policy'}",
            hint="only one of them would count; merge them under one key",
        )
    _check(document)
    minified = _minify(document)
    if len(minified) > LONGEST:
        raise UsageError(
            f"{len(minified)} characters when minified; STS accepts {LONGEST}",
            hint="shorten it, or use a managed policy (--policy-arn)",
        )
    return minified


class _Object(dict[str, "Any"]):
    """A JSON object, and the first key that it has twice, in both spellings."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: tuple[str, str] | None = None
        spelled: dict[str, str] = {}
        for key, _ in pairs:
            # IAM compares the names of condition keys, tags in them included, without case.
            name = key.casefold()
            if name in spelled:
                self.repeated = self.repeated or (spelled[name], key)
            spelled[name] = key


def _repetitions(value: object, place: str) -> Iterator[tuple[str, str, str]]:
    """Yield where a key stands twice, as in `Statement[0].Condition`, and its two spellings."""
    if isinstance(value, _Object):
        if value.repeated is not None:
            yield place, *value.repeated
        for key, inner in value.items():
            yield from _repetitions(inner, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _repetitions(inner, f"{place}[{number}]")


def _depth(text: str) -> int:
    """Return how deep the brackets outside of strings go."""
    deepest = depth = 0
    is_string = is_escaped = False
    for character in text:
        if is_string:
            if is_escaped:
                is_escaped = False
            elif character == "\\":
                is_escaped = True
            elif character == '"':
                is_string = False
        elif character == '"':
            is_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _read(path: str) -> str:
    content = inputs.read(path, _FILE_LIMIT_BYTES)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None


def _quoting_hint(text: str) -> str | None:
    if not text.strip():
        return "the value is empty; is a variable unset?"
    if text.lstrip().startswith("arn:"):
        return "for a managed policy, use --policy-arn"
    if not text.lstrip().startswith("{"):
        return "to read a file, write file://PATH"
    return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check(document: object) -> None:
    """Raise UsageError unless the document has the outer shape of a policy (IAM grammar)."""
    if not isinstance(document, dict):
        raise UsageError("not a policy: it must be a JSON object")
    if "Statement" not in document:
        raise UsageError("not a policy: it has no Statement")
    statements = document["Statement"]
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise UsageError("not a policy: Statement must be an object or a non-empty array of them")
    for number, statement in enumerate(statements, 1):
        if not isinstance(statement, dict):
            raise UsageError(f"not a policy: statement {number} is not an object")
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise UsageError(
                f"not a policy: statement {number} needs an Effect, exactly Allow or Deny"
            )


def _minify(document: object) -> str:
    """Write JSON without spaces, escaping only what STS's character set does not hold."""
    import json  # as above

    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return "".join(c if " " <= c <= "\xff" else json.dumps(c)[1:-1] for c in text)
