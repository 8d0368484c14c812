"""What must never be printed: secrets that are known, and passwords that stand in URLs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SHORTEST = 8  # characters; a shorter secret would blot out innocent words
_SHORTEST_IN_ENVIRONMENT = 16  # as short as a token may be for its variable's name alone
_HIDDEN = "***"
_LONGEST_MESSAGE = 400  # characters that are shown of what a service says
# What we sent and a service may quote: whoever has it could send it again.
_SENT = ("signature=", "webidentitytoken=", "x-amz-security-token", "x-amz-sso_bearer_token")
# A variable whose name ends so says where a secret is, and not what it is.
_WHEREABOUTS = ("_ARN", "_DIR", "_FILE", "_ID", "_NAME", "_PATH", "_URI", "_URL")
_URL_ENDS = frozenset(" \t\r\n\"'<>`/?#\\")

_secrets: set[str] = set()


def keep_secret(*values: str) -> None:
    """Remember what must never be printed, however it gets into a message."""
    _secrets.update(value for value in values if len(value) >= _SHORTEST)


def redact(text: str) -> str:
    """Take the secrets out of a text that may quote someone else's message."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return hide_passwords(text)


def cite(message: str) -> str:
    """Return what a service or a helper says on one line, without secrets, of bounded length."""
    text = " ".join(redact(message).split())  # before it is cut: half a secret is one, too
    lower = text.lower()
    if any(name in lower for name in _SENT):
        import re  # hardly ever

        names = "|".join(name if name.endswith("=") else rf"{name}\W+" for name in _SENT)
        text = re.sub(rf"({names})[^\s,;&]+", rf"\1{_HIDDEN}", text, flags=re.IGNORECASE)
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "..."


def hide_passwords(text: str) -> str:
    """Return the text with `***@` for user and password in each URL (RFC 3986, userinfo).

    >>> hide_passwords("no answer from http://user:pass@host:9/")
    'no answer from http://***@host:9/'
    """
    before, *rest = text.split("://")
    shown = [before]
    for part in rest:
        length = len(_authority(part))
        userinfo, at, _ = part[:length].rpartition("@")
        shown.append(_HIDDEN + part[len(userinfo) :] if at and userinfo else part)
    return "://".join(shown)


def secrets_in(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the caller's own secrets: what a name says is one, and the passwords in URLs."""
    for name, value in environ.items():
        if len(value) >= _SHORTEST_IN_ENVIRONMENT and _names_a_secret(name, value):
            yield value
        if "@" in value and ("://" in value or name.upper().endswith("_PROXY")):
            yield from _passwords(value)


def _names_a_secret(name: str, value: str) -> bool:
    name = name.upper()
    return (
        ("SECRET" in name or "TOKEN" in name)
        and not name.endswith(_WHEREABOUTS)
        and not value.startswith(("/", "./", "../", "~", "arn:", "http://", "https://", "file:"))
    )


def _passwords(url: str) -> Iterator[str]:
    """Yield the password of a URL, as it is written and as a proxy or server gets it."""
    userinfo = _authority(url.rpartition("://")[2]).rpartition("@")[0]  # proxies need no scheme
    password = userinfo.partition(":")[2]
    if password:
        from urllib.parse import unquote  # few have a password in a URL

        yield from (userinfo, password, unquote(password))


def _authority(text: str) -> str:
    """Return the part of a URL after `://` that names user, password, host and port.

    A password with a bare `/`, `?` or `#` is not well-formed, and a password all the same: what
    stands before the last `@` of the word belongs to it.
    """
    word = text.split(None, 1)[0] if text.strip() and not text[0].isspace() else ""
    end = next((place for place, letter in enumerate(word) if letter in _URL_ENDS), len(word))
    at = word.find("@", end)
    # An `@` in a path (`http://host/a@b`) follows a host, which has no colon but its port's.
    host, colon, after = word[:end].partition(":")
    is_password = colon and "@" not in host and not (after.isdecimal() or not after)
    return word[: at + 1] if at >= 0 and is_password and "@" not in word[:end] else word[:end]
