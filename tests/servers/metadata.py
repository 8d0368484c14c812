"""Where machines in AWS get their own identity: IMDSv2, the container endpoint, SSO's portal."""

import datetime
import json
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from servers.loopback import Handler, Server, reset
from servers.sts import Key

INSTANCE = Key(
    "ASIAINSTANCEEXAMPLE0",
    "InstanceSecret/Kd83+x",
    "InstanceToken//Zx9==",
    "arn:aws:sts::123456789012:assumed-role/node/i-0123456789abcdef0",
)
CONTAINER = Key(
    "ASIACONTAINEREXAMPLE",
    "ContainerSecret/Kd83+x",
    "ContainerToken//Zx9==",
    "arn:aws:sts::123456789012:assumed-role/task/0123456789abcdef",
)
SSO = Key(
    "ASIASSOEXAMPLE000000",
    "SsoSecret/Kd83+x",
    "SsoToken//Zx9==",
    "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Dev_0123/alice",
)


def _in_an_hour() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)


def _document(key: Key, **more: str) -> str:
    return json.dumps(
        {
            "AccessKeyId": key.access_key,
            "SecretAccessKey": key.secret,
            "Token": key.token,
            "Expiration": f"{_in_an_hour():%Y-%m-%dT%H:%M:%SZ}",
            **more,
        }
    )


class Busy(Server):
    """A server that has its bad moments.

    `limit_per_second` answers are given, and 503 to what is beyond. `script("drop", 503, ...)`
    makes the next requests meet that: a status, "drop" (a reset connection), "hang" (silence)
    or None (the usual answer). `clock` tells its time, in seconds.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(context)
        self.clock: Callable[[], float] = time.monotonic
        self.limit_per_second: float | None = None
        self.refused = 0
        self._allowed = 0.0
        self._last = 0.0
        self._script: list[int | str | None] = []
        self._lock = threading.Lock()

    def script(self, *moods: int | str | None) -> None:
        self._script += moods

    def mood(self) -> int | str | None:
        """What the next request meets, None for the usual answer."""
        with self._lock:
            if self._script:
                return self._script.pop(0)
            if self.limit_per_second is None:
                return None
            now = self.clock()
            earned = (now - self._last) * self.limit_per_second
            self._allowed, self._last = min(self.limit_per_second, self._allowed + earned), now
            if self._allowed < 1:
                self.refused += 1
                return 503
            self._allowed -= 1
            return None


class BusyHandler(Handler):
    server: Busy

    def is_troubled(self) -> bool:
        """Meet the server's mood; tells whether that was all the answer there is."""
        mood = self.server.mood()
        if mood == "drop":
            reset(self.connection)
            self.close_connection = True
        elif mood == "hang":
            self.server.closing.wait(60)
            self.close_connection = True
        elif mood is not None:
            self.reply(int(mood), "slow down")
        return mood is not None


class _InstanceConversation(BusyHandler):
    server: "InstanceMetadata"
    PREFIX = "/latest/meta-data/iam/security-credentials/"

    def do_PUT(self) -> None:
        self.server.asked.append(f"PUT {self.path}")
        if self.is_troubled():
            pass
        elif self.server.beyond_hop_limit:
            # The answer's IP packet dies on its way into the container.
            self.server.closing.wait(60)
            self.close_connection = True
        elif self.path != "/latest/api/token" or self.server.version == 1:
            self.reply(404, "")
        elif "X-aws-ec2-metadata-token-ttl-seconds" not in self.headers:
            self.reply(400, "")
        elif "X-Forwarded-For" in self.headers:
            self.reply(403, "")
        else:
            self.reply(200, "imds-token-AQAE", X_aws_ec2_metadata_token_ttl_seconds="21600")

    def do_GET(self) -> None:
        self.server.asked.append(f"GET {self.path}")
        proof = "imds-token-AQAE" if self.server.version == 2 else None
        if self.is_troubled():
            pass
        elif self.headers.get("X-aws-ec2-metadata-token") != proof:
            self.reply(401, "")
        elif self.path == self.PREFIX and self.server.role:
            self.reply(200, self.server.role)
        elif self.server.role and self.path == self.PREFIX + self.server.role:
            usual = _document(INSTANCE, Code="Success", Type="AWS-HMAC")
            self.reply(200, usual if self.server.document is None else self.server.document)
        elif self.path == "/latest/meta-data/placement/region":
            self.reply(200, "eu-west-1")
        else:
            self.reply(404, "")


class InstanceMetadata(Busy):
    """IMDSv2 with `HttpTokens=required`; `beyond_hop_limit` is how it looks from a container.

    `version` 1 knows no tokens, `role` "" is an instance without one, and `document` is
    answered in place of its keys.
    """

    handler = _InstanceConversation

    def __init__(
        self,
        beyond_hop_limit: bool = False,
        version: int = 2,
        context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(context)
        self.beyond_hop_limit = beyond_hop_limit
        self.version = version
        self.role = "node-role"
        self.document: str | None = None
        self.asked: list[str] = []


class _ContainerConversation(BusyHandler):
    server: "ContainerCredentials"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.is_troubled():
            pass
        elif self.server.document is not None:
            self.reply(200, self.server.document, Content_Type="application/json")
        elif self.headers.get("Authorization") != self.server.token:
            self.reply(403, json.dumps({"message": "Unauthorized"}))
        else:
            self.reply(200, _document(CONTAINER), Content_Type="application/json")


class ContainerCredentials(Busy):
    """The endpoint of ECS agents and EKS Pod Identity; wants `token` as Authorization.

    `document` is answered in place of the keys.
    """

    handler = _ContainerConversation

    def __init__(self, token: str | None = None, context: ssl.SSLContext | None = None) -> None:
        super().__init__(context)
        self.token = token
        self.document: str | None = None
        self.asked: list[str] = []


class _PortalConversation(BusyHandler):
    server: "SsoPortal"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answer: dict[str, Any]
        if self.is_troubled():
            return
        if self.headers.get("x-amz-sso_bearer_token") != self.server.token:
            answer = {"message": "Session token not found or invalid"}
            self.reply(
                401,
                json.dumps(answer),
                Content_Type="application/json",
                x_amzn_ErrorType="UnauthorizedException",
            )
            return
        answer = {
            "roleCredentials": {
                "accessKeyId": SSO.access_key,
                "secretAccessKey": SSO.secret,
                "sessionToken": SSO.token,
                "expiration": int(_in_an_hour().timestamp() * 1000),
            }
        }
        self.reply(200, json.dumps(answer), Content_Type="application/json")


class SsoPortal(Busy):
    """IAM Identity Center's GetRoleCredentials."""

    handler = _PortalConversation

    def __init__(self) -> None:
        super().__init__()
        self.token = "sso-access-token-eyJraWQi"
        self.asked: list[str] = []
