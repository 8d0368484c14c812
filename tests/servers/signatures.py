"""Whether a request is signed with a key's secret, by botocore's own signer (SigV4)."""

import calendar
import time
from collections.abc import Mapping

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def credential_scope(authorization: str) -> list[str] | None:
    """Key id, date, region, service, `aws4_request` from an Authorization header."""
    if "Credential=" not in authorization:
        return None
    scope = authorization.split("Credential=")[1].split(",", maxsplit=1)[0].split("/")
    return scope if len(scope) == 5 else None


def signed_at(headers: Mapping[str, str]) -> int:
    """When a request says that it was signed, in seconds since the epoch."""
    return calendar.timegm(time.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ"))


def is_signed_by(
    credentials: Credentials,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    signer: type[SigV4Auth] = SigV4Auth,
) -> bool:
    """Tell whether the Authorization header holds the signature that the credentials give.

    `headers` have lower-case names, and a credential scope in Authorization.
    """
    authorization = headers["authorization"]
    scope = credential_scope(authorization)
    assert scope is not None
    signed = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    request = AWSRequest(
        method=method,
        url=url,
        headers={name: headers[name] for name in signed if name in headers},
        data=body,
    )
    request.context["timestamp"] = headers["x-amz-date"]
    by_credentials = signer(credentials, scope[3], scope[2])
    to_sign = by_credentials.string_to_sign(request, by_credentials.canonical_request(request))
    return authorization.endswith("Signature=" + by_credentials.signature(to_sign, request))
