"""Session policies: read, checked and minified before anything goes over the network."""

from __future__ import annotations

from aws_role_exec.errors import UsageError

LONGEST = 2048
"""Characters a session policy may have (STS API reference: AssumeRole, Policy)."""
_FILE_LIMIT_BYTES = 1 << 20  # a policy file is a few KiB; this one is something else


def load(text: str) -> str:
    """Return the policy to send: from `file://PATH` or the text itself, checked and minified.

    Raises UsageError when the file cannot be read, when it is not a JSON policy document
    (an object whose `Statement`s each have `Effect` Allow or Deny), or when it is longer
    than STS takes.
    """
    import json  # noqa: PLC0415 - most runs have no policy

    if text.startswith("file://"):
        text = _read(text.removeprefix("file://"))
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise UsageError("not a policy: nested too deeply") from None
    except ValueError as error:
        raise UsageError(f"not valid JSON: {error}", hint=_quoting_hint(text)) from None
    _check(document)
    minified = _minify(document)
    if len(minified) > LONGEST:
        raise UsageError(
            f"{len(minified)} characters when minified, and STS takes {LONGEST}",
            hint="make it shorter, or put it into a managed policy of the role",
        )
    return minified


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(_FILE_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path} cannot be read: {reason}") from None
    if len(content) > _FILE_LIMIT_BYTES:
        raise UsageError(f"{path} is larger than any policy")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None


def _quoting_hint(text: str) -> str | None:
    if not text.strip():
        return "it is empty; is a variable not set?"
    if not text.lstrip().startswith("{"):
        return "to read it from a file write file://PATH"
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
                f"not a policy: statement {number} needs an Effect of Allow or Deny, spelled so"
            )


def _minify(document: object) -> str:
    """Write JSON without spaces, escaping only what STS's character set does not hold."""
    import json  # noqa: PLC0415 - as above

    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return "".join(c if " " <= c <= "\xff" else json.dumps(c)[1:-1] for c in text)
