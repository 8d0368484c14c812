"""Profiles in a file that is there already: whose they are, so that nobody's are lost."""

from __future__ import annotations

READ_BYTES = 1 << 20
"""How much of a file is looked at; one of ours is far smaller."""
_OUR_KEYS = frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region"})
"""What `--format credentials-file` writes: a session's, with a token, and nothing else."""
_SHOWN_AT_MOST = 3


def of_others(content: bytes) -> str:
    """Return the names of the sections that no run of ours wrote; "" where there are none.

    A section is a line in brackets, with what stands under it. Ours is alone in its file, has a
    session token and no line that we don't write: what it holds has an end anyway. A section
    without a token has someone's long-lived keys, or none.
    """
    found: list[tuple[str, set[str]]] = []
    for line in content.decode("utf-8-sig", "replace").splitlines():
        text = line.strip()
        if text.startswith("[") and "]" in text and "=" not in text:
            found.append((text[1 : text.index("]")].strip(), set()))
        elif text and found:
            found[-1][1].add(text.partition("=")[0].strip().lower())
    if not found or (len(found) == 1 and found[0][1] == _OUR_KEYS):
        return ""
    names = ", ".join(name[:80] for name, _ in found[:_SHOWN_AT_MOST])
    return names + (", ..." if len(found) > _SHOWN_AT_MOST else "")
