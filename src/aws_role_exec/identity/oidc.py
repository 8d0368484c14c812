"""An OIDC token as the base identity: where it is, and what it says of itself."""

from __future__ import annotations

import os

from aws_role_exec import inputs
from aws_role_exec.errors import Fault, IdentityError, Refusal, UsageError
from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_role_exec.identity.base import Surroundings

SHORTEST, LONGEST = 4, 20000
"""Characters of a token (STS API reference: AssumeRoleWithWebIdentity, WebIdentityToken)."""
GITHUB_AUDIENCE = "sts.amazonaws.com"
"""What the trust policies of GitHub's and AWS's documentation ask for."""

_ANSWER_SECONDS = 10.0  # of one attempt
_FORMS = "write file:PATH, env:NAME or github[:AUDIENCE]"


@record
class Token:
    """A token that is already here. `source` is how the option named it."""

    source: str
    value: str

    def __repr__(self) -> str:
        """Show which one it is, and no secret."""
        return f"Token({self.source})"


@record
class TokenEndpoint:
    """Where GitHub Actions gives a job its token, and the right to ask there."""

    source: str
    url: str
    bearer: str
    audience: str

    def __repr__(self) -> str:
        """Show which one it is, and no secret."""
        return f"TokenEndpoint({self.source})"


def find(source: str, environ: Mapping[str, str]) -> Token | TokenEndpoint:
    """Return the token that `file:PATH`, `env:NAME` or `github[:AUDIENCE]` stands for.

    Raises UsageError when there is none, never showing what was found instead.
    """
    kind, colon, rest = source.partition(":")
    if kind == "github":
        if colon and not rest:
            raise UsageError("'github:' has no audience", hint=_FORMS)
        return _github(source, rest or GITHUB_AUDIENCE, environ)
    if kind == "file" and rest:
        path = rest.removeprefix("//")
        return Token(source, check(os.fsdecode(inputs.read(path, 4 * LONGEST)), path))
    if kind == "env" and rest:
        if rest not in environ:
            raise UsageError(f"the variable {rest} is not set", hint=_FORMS)
        return Token(source, check(environ[rest], f"the variable {rest}"))
    shown = source[:200] if kind == "file" else kind[:20] + ("..." if len(source) > 20 else "")
    raise UsageError(f"'{shown}' is not a token source", hint=_FORMS)


def variables(source: str) -> tuple[str, ...]:
    """Return the variables that hold the token, or the right to ask for it."""
    kind, _, rest = source.partition(":")
    if kind == "env":
        return (rest,)
    return ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN") * (kind == "github")


def fetch(found: Token | TokenEndpoint, surroundings: Surroundings) -> str:
    """Return the token, asking GitHub's endpoint for it where it is not here yet.

    Overload and outages are met with patience until the deadline. Raises IdentityError for a
    refusal, or an answer that contains no token.
    """
    from aws_role_exec.redaction import keep_secret  # loaded by then

    if isinstance(found, Token):
        keep_secret(found.value)
        return found.value
    keep_secret(found.bearer)
    token = _ask_github(found, surroundings)
    keep_secret(token)
    return token


def _ask_github(endpoint: TokenEndpoint, surroundings: Surroundings) -> str:
    # With --web-identity github only:
    from aws_role_exec.identity import answers
    from aws_role_exec.network.patience import insist
    from aws_role_exec.sts import diagnose, protocol, refusals

    what, sought = "GitHub's endpoint", "OIDC token"
    wire = surroundings.wire
    wire.deadline.waiting_for = f"{sought}: {what}"
    surroundings.tell(f"requesting a token from GitHub for {endpoint.audience}")
    separator = "&" if "?" in endpoint.url else "?"
    url = f"{endpoint.url}{separator}audience={protocol.quote(endpoint.audience)}"
    headers = {
        "accept": "application/json; api-version=2.0",
        "authorization": f"bearer {endpoint.bearer}",
    }

    def ask() -> str:
        answer = wire.send("GET", url, headers, b"", answer_seconds=_ANSWER_SECONDS)
        value = answers.read(answer).get("value")
        return check(value if isinstance(value, str) else "", "GitHub's answer")

    try:
        return insist(ask, wire.deadline, surroundings.tell, diagnose.passing)
    except Fault as fault:
        hint = refusals.IDENTITY_HINTS["github out of reach"]
        raise answers.identity_error(fault, what, hint, sought=sought) from fault
    except Refusal as refusal:
        hint = refusals.IDENTITY_HINTS["github"]
        raise answers.identity_error(refusal, what, hint, sought=sought) from refusal
    except (ValueError, UsageError):
        raise IdentityError(f"{sought}: GitHub's response contains none") from None


def check(text: str, where: str) -> str:
    """Return the token found there, without the line break a file ends in.

    Raises UsageError, which does not quote it, for what cannot be a token.
    """
    token = text.strip()
    if not token:
        raise UsageError(f"{where} is empty", hint="was the token issued or mounted?")
    if not SHORTEST <= len(token) <= LONGEST:
        raise UsageError(f"{where}: a token has {SHORTEST} to {LONGEST} characters")
    if not all("!" <= character <= "~" for character in token):
        raise UsageError(
            f"{where} does not contain a token",
            hint="a token is one word, such as eyJhb...eyJpc...c2ln",
        )
    return token


def claims(token: str) -> dict[str, str]:
    """Return who issued a token, for whom, to whom: `iss`, `sub` and `aud`, where it says so.

    These are what a trust policy compares and are no secret; nothing is verified. A token
    that is not a JWT says nothing.
    """
    import base64
    import json

    try:
        payload = token.split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    found = {}
    for name in ("iss", "sub", "aud"):
        value = said.get(name)
        if isinstance(value, list):
            value = " ".join(map(str, value))
        if isinstance(value, str) and value:
            found[name] = value[:256]
    return found


def _github(source: str, audience: str, environ: Mapping[str, str]) -> TokenEndpoint:
    url = environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
    bearer = environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
    if not url or not bearer:
        if environ.get("GITHUB_ACTIONS") == "true":
            raise UsageError(
                "this job is not allowed to request a token from GitHub",
                hint="add the permission id-token: write to the job (pull requests from forks"
                " cannot have it)",
            )
        raise UsageError(
            "this is not a GitHub Actions job: ACTIONS_ID_TOKEN_REQUEST_URL is not set",
            hint="elsewhere, use file:PATH or env:NAME",
        )
    if not url.startswith(("https://", "http://")):
        raise UsageError("ACTIONS_ID_TOKEN_REQUEST_URL is not a URL")
    if not all("!" <= character <= "~" for character in url + bearer):
        raise UsageError("ACTIONS_ID_TOKEN_REQUEST_URL or _TOKEN is malformed")
    return TokenEndpoint(source, url, bearer, audience)
