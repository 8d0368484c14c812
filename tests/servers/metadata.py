"""Where machines in AWS get their own identity: IMDSv2, the container endpoint, SSO's portal."""

import datetime
import json
from typing import Any

from servers.loopback import Handler, Server
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


class _InstanceConversation(Handler):
    server: "InstanceMetadata"
    PREFIX = "/latest/meta-data/iam/security-credentials/"

    def do_PUT(self) -> None:
        self.server.asked.append(f"PUT {self.path}")
        if self.server.beyond_hop_limit:
            # The answer's IP packet dies on its way into the container.
            self.server.closing.wait(60)
            self.close_connection = True
        elif self.path != "/latest/api/token":
            self.reply(404, "")
        elif "X-aws-ec2-metadata-token-ttl-seconds" not in self.headers:
            self.reply(400, "")
        elif "X-Forwarded-For" in self.headers:
            self.reply(403, "")
        else:
            self.reply(200, "imds-token-AQAE", X_aws_ec2_metadata_token_ttl_seconds="21600")

    def do_GET(self) -> None:
        self.server.asked.append(f"GET {self.path}")
        if self.headers.get("X-aws-ec2-metadata-token") != "imds-token-AQAE":
            self.reply(401, "")
        elif self.path == self.PREFIX:
            self.reply(200, "node-role")
        elif self.path == self.PREFIX + "node-role":
            self.reply(200, _document(INSTANCE, Code="Success", Type="AWS-HMAC"))
        elif self.path == "/latest/meta-data/placement/region":
            self.reply(200, "eu-west-1")
        else:
            self.reply(404, "")


class InstanceMetadata(Server):
    """IMDSv2 with `HttpTokens=required`; `beyond_hop_limit` is how it looks from a container."""

    handler = _InstanceConversation

    def __init__(self, beyond_hop_limit: bool = False) -> None:
        super().__init__()
        self.beyond_hop_limit = beyond_hop_limit
        self.asked: list[str] = []


class _ContainerConversation(Handler):
    server: "ContainerCredentials"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.headers.get("Authorization") != self.server.token:
            self.reply(403, json.dumps({"message": "Unauthorized"}))
        else:
            self.reply(200, _document(CONTAINER), Content_Type="application/json")


class ContainerCredentials(Server):
    """The endpoint of ECS agents and EKS Pod Identity; wants `token` as Authorization."""

    handler = _ContainerConversation

    def __init__(self, token: str | None = None) -> None:
        super().__init__()
        self.token = token
        self.asked: list[str] = []


class _PortalConversation(Handler):
    server: "SsoPortal"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answer: dict[str, Any]
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


class SsoPortal(Server):
    """IAM Identity Center's GetRoleCredentials."""

    handler = _PortalConversation

    def __init__(self) -> None:
        super().__init__()
        self.token = "sso-access-token-eyJraWQi"
        self.asked: list[str] = []
