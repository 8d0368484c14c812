"""An S3 on loopback that keeps clients busy until they have lived through several sessions.

Each client has a bucket of its own name. Every object in it says `more` until that client has
signed with keys of which enough have expired, then `done`; a listing goes on for as long. So a
client's work takes as many sessions as the test wants, on a machine of any speed.
"""

import threading
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from botocore.auth import S3SigV4Auth
from botocore.credentials import Credentials

from servers.loopback import Handler, Server
from servers.signatures import credential_scope, is_signed_by, signed_at
from servers.sts import Key, Sts

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
WORDS = {True: "done", False: "more"}  # of one length, since some clients ask for that first


@dataclass(frozen=True)
class Request:
    """One request as it arrived, in seconds since the epoch. `problem` is S3's error code, `arn`
    who signed it."""

    at: float
    line: str
    access_key: str | None
    arn: str | None
    problem: str | None


class _Conversation(Handler):
    server: "Bucket"

    def do_GET(self) -> None:
        self.server.closing.wait(self.server.pause_seconds)
        address = urllib.parse.urlsplit(self.path)
        client, _, name = address.path.removeprefix("/").partition("/")
        query = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
        headers = {key.lower(): value for key, value in self.headers.items()}
        problem = self.server.receive(self, client, headers)
        if problem:
            self._refuse(problem)
        elif "location" in query:
            self._xml(200, f'<LocationConstraint xmlns="{NAMESPACE}"/>')
        elif name:
            self._object(name, is_done=self.server.is_done(client))
        else:
            self._listing(client, query)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, status: int, body: str, **headers: str) -> None:
        """Answer with the body, or with its length only."""
        if self.command == "GET":
            self.reply(status, body, **headers)
            return
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _xml(self, status: int, body: str) -> None:
        document = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
        self._send(status, document, Content_Type="application/xml")

    def _refuse(self, code: str) -> None:
        status = 400 if code == "ExpiredToken" else 403
        self._xml(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>")

    def _object(self, name: str, *, is_done: bool) -> None:
        if name.endswith(".asc"):  # a raster of one cell, Arc/Info's ASCII grid
            body = f"ncols 1\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\n{int(is_done)}\n"
        else:
            body = f"state\n{WORDS[is_done]}\n"
        headers = {"ETag": f'"{WORDS[is_done]}"', "Last_Modified": "Sat, 21 Mar 2026 20:00:00 GMT"}
        first, last = 0, len(body) - 1
        if wanted := self.headers.get("Range"):
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last = int(begin), min(int(end or last), last)
            headers["Content_Range"] = f"bytes {first}-{last}/{len(body)}"
        headers["Accept_Ranges"] = "bytes"
        self._send(206 if wanted else 200, body[first : last + 1], **headers)

    def _listing(self, client: str, query: Mapping[str, str]) -> None:
        """A page of one object; the marker of either version of the request counts on."""
        is_v2 = query.get("list-type") == "2"
        marker = query.get("continuation-token") or query.get("marker", "")
        number = int(marker or 0)
        following = f"{number + 1:08}"
        is_truncated = not self.server.is_done(client)
        next_marker = "NextContinuationToken" if is_v2 else "NextMarker"
        self._xml(
            200,
            f'<ListBucketResult xmlns="{NAMESPACE}"><Name>{client}</Name>'
            f"<Prefix>{query.get('prefix', '')}</Prefix><MaxKeys>1</MaxKeys>"
            f"<KeyCount>1</KeyCount><IsTruncated>{str(is_truncated).lower()}</IsTruncated>"
            + (f"<{next_marker}>{following}</{next_marker}>" if is_truncated else "")
            + f"<Contents><Key>{query.get('prefix', '')}{following}</Key>"
            "<LastModified>2026-03-21T20:00:00.000Z</LastModified>"
            '<ETag>"0"</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>'
            "</ListBucketResult>",
        )


class Bucket(Server):
    """Buckets named after their clients, for the roles of `sts`.

    A client is done when it has signed with keys of which `expiries` have expired. Answers come
    after `pause_seconds`, so that nobody asks without a pause.
    """

    handler = _Conversation

    def __init__(self, sts: Sts, expiries: int, pause_seconds: float = 0.3) -> None:
        super().__init__()
        self.sts = sts
        self.expiries = expiries
        self.pause_seconds = pause_seconds
        self._requests: dict[str, list[Request]] = {}
        self._lock = threading.Lock()

    def requests(self, client: str) -> list[Request]:
        """What the client sent so far."""
        with self._lock:
            return list(self._requests.get(client, ()))

    def expired(self, client: str) -> int:
        """How many keys that the client signed with had expired when it last sent a request."""
        requests = self.requests(client)
        used = {request.access_key for request in requests if not request.problem}
        return sum(self.sts.keys[key].expires < requests[-1].at for key in used if key)

    def is_done(self, client: str) -> bool:
        """Tell whether the client has lived through enough sessions."""
        return self.expired(client) >= self.expiries

    def receive(self, conversation: Handler, client: str, headers: Mapping[str, str]) -> str | None:
        """Record a request; returns what S3 has against it."""
        scope = credential_scope(headers.get("authorization", ""))
        key = self.sts.keys.get(scope[0]) if scope else None
        problem = "AccessDenied" if scope is None else self._problem(conversation, headers, key)
        request = Request(
            at=time.time(),
            line=f"{conversation.command} {conversation.path}",
            access_key=scope[0] if scope else None,
            arn=key.arn if key else None,
            problem=problem,
        )
        with self._lock:
            self._requests.setdefault(client, []).append(request)
        return problem

    def _problem(
        self, conversation: Handler, headers: Mapping[str, str], key: Key | None
    ) -> str | None:
        if key is None:
            return "InvalidAccessKeyId"
        if headers.get("x-amz-security-token") != key.token:
            return "InvalidToken"
        if not key.is_good_at(signed_at(headers)):
            return "ExpiredToken"
        credentials = Credentials(key.access_key, key.secret, key.token)
        url = f"{self.url}{conversation.path}"
        if not is_signed_by(credentials, conversation.command, url, headers, b"", S3SigV4Auth):
            return "SignatureDoesNotMatch"
        return None
