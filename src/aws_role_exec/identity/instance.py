"""The instance metadata service of EC2 (IMDS), version 2, and version 1 where that is all."""

from __future__ import annotations

from aws_role_exec.errors import Fault, IdentityError, Refusal
from aws_role_exec.identity import answers
from aws_role_exec.identity.base import Base
from aws_role_exec.network.patience import DOUBTFUL_ATTEMPTS, insist
from aws_role_exec.redaction import cite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from aws_role_exec.identity.base import Surroundings
    from aws_role_exec.network.exchange import Answer

    T = TypeVar("T")

_ADDRESS, _ADDRESS_IPV6 = "http://169.254.169.254/", "http://[fd00:ec2::254]/"
_TOKEN_PATH = "latest/api/token"  # noqa: S105 - a path
_ROLE_PATH = "latest/meta-data/iam/security-credentials/"
_LIFETIME = {"x-aws-ec2-metadata-token-ttl-seconds": "21600"}
_DEFAULT_SECONDS = ("1", "")  # as botocore, for connecting and for each wait for an answer
WHAT = "the instance metadata service"
_NO_SERVICE = ("connect timeout", "no such host", "unreachable")


def find(surroundings: Surroundings) -> Base | None:
    """Return the keys of the instance's role.

    None where the service is switched off (AWS_EC2_METADATA_DISABLED), cannot be connected to,
    or has no role. AWS_METADATA_SERVICE_TIMEOUT counts; AWS_METADATA_SERVICE_NUM_ATTEMPTS does
    not, since overload and silence are met with patience until the deadline. An Expiration that
    has passed is no error, as in botocore: IMDS serves the last keys it has while it cannot get
    new ones. Raises IdentityError where the service is here and refuses.
    """
    if surroundings.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    service = _Service(surroundings)
    try:
        return service.find()
    except Fault as fault:
        if fault.name in _NO_SERVICE:
            surroundings.tell(f"{WHAT}: {fault}")
            return None
        raise answers.identity_error(fault, WHAT) from fault


class _Service:
    """The service, at the address that the settings name."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._base = _address(surroundings)
        self._seconds = _timeout_seconds(surroundings)
        self._silences = 0
        self.is_silent = False

    def find(self) -> Base | None:
        """Return the keys of the role, None if there is none."""
        surroundings = self._surroundings
        surroundings.wire.deadline.waiting_for = f"{WHAT} ({self._base.rstrip('/')})"
        token = self._insist(self._fetch_token)
        proof = {"x-aws-ec2-metadata-token": token} if token else {}
        if not token and surroundings.settings.is_true("ec2_metadata_v1_disabled"):
            raise IdentityError(
                f"source credentials: {WHAT} returned no token, and"
                " AWS_EC2_METADATA_V1_DISABLED forbids requests without one",
                hint=_HOP_LIMIT if self.is_silent else None,
            )
        role = self._get(_ROLE_PATH, proof)
        if not role:
            return None
        if not role.isascii() or not role.isprintable() or set(role) & set(" /?#<>"):
            raise IdentityError(
                f"source credentials: {self._base} responds, but is not {WHAT}",
                hint="is it a proxy or a login page? See HTTP_PROXY and NO_PROXY",
            )
        text = self._get(_ROLE_PATH + role, proof)
        if not text:
            return None
        try:
            found = answers.read_object(text.encode())
        except ValueError:
            raise IdentityError(
                f"source credentials: {WHAT} returned something that is not a JSON object"
            ) from None
        return _base_in(found)

    def _fetch_token(self) -> str | None:
        """Return a token for version 2; None where there is version 1 only.

        Where tokens do not arrive although the service answers otherwise, a router on the way
        took them: their packets live for so many hops only. That is believed of a service that
        wants a token once several did not arrive, as one may be late. An overloaded service
        answers neither, and raises the fault of that.
        """
        try:
            answer = self._send("PUT", _TOKEN_PATH, _LIFETIME)
        except Fault as fault:
            if fault.name != "read timeout":
                raise
            without = self._send("GET", _ROLE_PATH, {})
            self._silences += 1
            if without.status in (401, 403) and self._silences < DOUBTFUL_ATTEMPTS:
                raise
            self.is_silent = True
            return None
        token = answer.body.decode("latin-1")
        return token if answer.status == 200 and token.isascii() and token.isprintable() else None

    def _get(self, path: str, proof: Mapping[str, str]) -> str | None:
        """Return what the service has there, None if it has nothing."""
        answer = self._insist(lambda: self._send("GET", path, proof))
        if answer.status in (401, 403) and self.is_silent:
            raise IdentityError(
                f"source credentials: {WHAT} is reachable, but its responses to token"
                " requests do not arrive",
                hint=_HOP_LIMIT,
            )
        return answer.body.decode("utf-8", "replace") if answer.status == 200 else None

    def _insist(self, ask: Callable[[], T]) -> T:
        try:
            return insist(
                ask, self._surroundings.wire.deadline, self._surroundings.tell, answers.passing
            )
        except Refusal as refusal:  # none that passes comes out
            raise answers.identity_error(refusal, WHAT) from refusal

    def _send(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Return an answer; raises Refusal where the service has too much to do."""
        answer = self._surroundings.wire.send(
            method,
            self._base + path,
            headers,
            b"",
            connect_seconds=self._seconds,
            answer_seconds=self._seconds,
        )
        if answer.status == 429 or answer.status >= 500:
            raise Refusal("", "", answer.status, answer.headers)
        return answer


def _base_in(found: Mapping[str, Any]) -> Base:
    """Return the keys in the service's document, which tells its own errors in `Code`."""
    names = ("AccessKeyId", "SecretAccessKey", "Token")
    code, message = str(found.get("Code") or ""), str(found.get("Message") or "")
    if code not in ("", "Success") and not all(found.get(name) for name in names):
        said = f"{cite(code)}: {cite(message) or 'no message'}"
        raise IdentityError(f"source credentials: {WHAT}: {said}", hint=_CODE_HINTS.get(code))
    keys = answers.read_keys(found, names, WHAT)
    if answers.to_utc(str(found.get("Expiration"))) is None:
        raise IdentityError(f"source credentials: {WHAT} returned no expiration time")
    return Base(keys, "iam-role", WHAT)


# Codes of the service's own documents (EC2 User Guide, "Instance metadata").
_CODE_HINTS = {
    "AssumeRoleUnauthorizedAccess": "the trust policy of the instance's role must allow"
    " ec2.amazonaws.com",
    "InstanceProfileNotFound": "the instance profile was deleted or replaced: attach one again",
}
_HOP_LIMIT = (
    "in a container? Raise the hop limit: aws ec2 modify-instance-metadata-options"
    " --http-put-response-hop-limit 2 --instance-id ID"
)


def _address(surroundings: Surroundings) -> str:
    """Return where the service is, ending in a slash; an address that is set goes first."""
    settings = surroundings.settings
    found = settings.find("ec2_metadata_service_endpoint")
    if found:
        url, place = found
        answers.check_url(url, place)
        return url if url.endswith("/") else url + "/"
    found = settings.find("ec2_metadata_service_endpoint_mode")
    if not found:
        return _ADDRESS_IPV6 if settings.is_true("imds_use_ipv6") else _ADDRESS
    mode, place = found
    if mode.lower() not in ("ipv4", "ipv6"):
        raise IdentityError(f"source credentials: {place} is neither IPv4 nor IPv6")
    return _ADDRESS_IPV6 if mode.lower() == "ipv6" else _ADDRESS


def _timeout_seconds(surroundings: Surroundings) -> float:
    text, place = surroundings.settings.find("metadata_service_timeout") or _DEFAULT_SECONDS
    if not text.strip().isdecimal() or int(text) < 1:
        raise IdentityError(f"source credentials: {place} is not a whole number of seconds")
    return float(text)
