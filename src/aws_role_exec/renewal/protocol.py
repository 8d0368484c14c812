"""The container credentials protocol, as a server: a GET with a token, answered in JSON.

What ECS's and EKS's agents speak, and what nearly every SDK renews from (AWS SDKs and Tools
Reference Guide, "Container credential provider"). Without input and output.
"""

from __future__ import annotations

from _operator import _compare_digest  # what `hmac` gives out, without its imports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aws_role_exec.credentials import Credentials

PATH = "/credentials"
MOST_BYTES = 8192
"""Of a request's line and headers; SDKs send a few hundred."""
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
}


def is_whole(received: bytes) -> bool:
    """Tell whether this is all that has to be read of a request, or more than is read of any."""
    return b"\r\n\r\n" in received or b"\n\n" in received or len(received) > MOST_BYTES


def refusal(received: bytes, token: str) -> bytes | None:
    """Return the answer to a request that gets no credentials; None for one that does.

    `token` is what the Authorization header must be, to the letter; comparing takes as long for
    every wrong one of its length.
    """
    if len(received) > MOST_BYTES:
        return failure(431, "TooLarge", "the request is too large")
    head = received.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    first, *lines = head.split(b"\n")
    words = first.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return failure(400, "BadRequest", "this is not an HTTP/1 request")
    given = [
        value.strip(b" \t")
        for name, _, value in (line.partition(b":") for line in lines)
        if name.lower() == b"authorization"
    ]
    if len(given) != 1 or not _compare_digest(given[0], token.encode()):
        return failure(401, "Unauthorized", "AWS_CONTAINER_AUTHORIZATION_TOKEN is wrong")
    if words[0] != b"GET":
        return failure(405, "MethodNotAllowed", "request credentials with GET")
    if words[1].partition(b"?")[0] != PATH.encode():
        return failure(404, "NotFound", f"the path is {PATH}")
    return None


def success(credentials: Credentials) -> bytes:
    """Return the answer that hands the credentials over."""
    return _answer(
        200,
        {
            "RoleArn": credentials.assumed_role_arn,
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "Token": credentials.session_token,
            "Expiration": credentials.expiration,
        },
    )


def failure(status: int, code: str, message: str) -> bytes:
    """Return an answer without credentials; the message is for whoever reads an SDK's error."""
    return _answer(status, {"code": code, "message": message})


def _answer(status: int, document: dict[str, str]) -> bytes:
    from _json import encode_basestring_ascii as quote  # `json` imports `re`

    body = "{" + ", ".join(f"{quote(name)}: {quote(text)}" for name, text in document.items()) + "}"
    allow = "Allow: GET\r\n" if status == 405 else ""
    return (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n{allow}"
        f"Cache-Control: no-store\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    ).encode("ascii")
