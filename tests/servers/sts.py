"""An STS that signs in like the real one and misbehaves as it is told.

Every request's SigV4 signature is verified with botocore's own signer and the secret of
the key it names, so that a test that passes here has sent what AWS would accept.
"""

import datetime
import hashlib
import math
import secrets as random_secrets
import ssl
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from botocore.credentials import Credentials

from servers import parameters
from servers.loopback import Handler, Server, reset
from servers.signatures import credential_scope, is_signed_by, signed_at

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
GRACE_SECONDS = 4.0  # for which a key that has expired may sign
UNSIGNED = {"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"}


@dataclass(frozen=True)
class Key:
    access_key: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    arn: str = "arn:aws:iam::123456789012:user/alice"
    expires: float = math.inf
    """In seconds since the epoch."""

    def is_good_at(self, moment: float) -> bool:
        """Tell whether it may sign then. A process can be held up between getting and using it."""
        return moment <= self.expires + GRACE_SECONDS


BASE = Key("AKIABASEEXAMPLE00000", "BaseSecret/wJalrXUtnFEMI+K7MDENG/EXAMPLE")


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    at: float
    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    params: Mapping[str, str]
    access_key: str | None
    region: str | None
    service: str | None
    signature_valid: bool

    @property
    def action(self) -> str:
        return self.params.get("Action", "")


Behaviour = Callable[["Conversation", "Asked"], None]


class Conversation(Handler):
    """One connection to the STS."""

    server: "Sts"

    def do_POST(self) -> None:
        self._answer(self.body())

    def do_GET(self) -> None:
        self._answer(urllib.parse.urlsplit(self.path).query.encode())

    def _answer(self, body: bytes) -> None:
        asked, problem = self.server.receive(self, body)
        behaviour = self.server.next_behaviour()
        if behaviour is not None:
            behaviour(self, asked)
        elif problem is not None:
            problem(self, asked)
        else:
            self.server.answer(self, asked)

    def xml(self, status: int, body: str, **headers: str) -> None:
        headers = {"x-amzn-RequestId": REQUEST_ID, "Content-Type": "text/xml", **headers}
        self.reply(status, body, **headers)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(time.time() + self.server.clock_skew_seconds)


REQUEST_ID = "c6104cbe-af31-11e0-8154-cbc7ccf896c7"


class Sts(Server):
    """STS on loopback.

    `script(a, b)` makes the next two requests meet `a` and `b`; `always(c)` what comes
    after those. Without either it answers as STS does.
    """

    handler = Conversation

    def __init__(self, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        super().__init__(context, host)
        self.asked: list[Asked] = []
        self.keys: dict[str, Key] = {BASE.access_key: BASE}
        self.issued: list[Key] = []
        self.clock_skew_seconds = 0.0
        self.packed_policy_size: int | None = 6
        self.session_seconds: int | None = None  # how long sessions last, whatever is asked
        self.secret_alphabet = ""  # appended to every issued secret
        self.token_alphabet = ""  # appended to every issued token
        self.trust: dict[str, str] = {}  # parameters that the roles' trust policies ask for
        self.mfa_codes: dict[str, set[str]] = {}  # the codes that each device has yet to spend
        self._script: list[Behaviour] = []
        self._always: Behaviour | None = None

    def script(self, *behaviours: Behaviour) -> None:
        self._script += behaviours

    def always(self, behaviour: Behaviour) -> None:
        self._always = behaviour

    def next_behaviour(self) -> Behaviour | None:
        try:
            return self._script.pop(0)
        except IndexError:
            return self._always

    @property
    def secrets(self) -> list[str]:
        """What must never be seen outside the command's environment or the output."""
        keys = [*self.keys.values()]
        return [key.secret for key in keys] + [key.token for key in keys if key.token]

    def know(self, key: Key) -> Key:
        self.keys[key.access_key] = key
        return key

    def receive(self, conversation: Conversation, body: bytes) -> tuple[Asked, Behaviour | None]:
        """Record a request; also what STS has against it before looking at its content."""
        headers = {name.lower(): value for name, value in conversation.headers.items()}
        params = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        scope = credential_scope(headers.get("authorization", ""))
        problem = self._authenticate(conversation, headers, body, params, scope)
        asked = Asked(
            at=time.monotonic(),
            host=headers.get("host", ""),
            path=conversation.path,
            headers=headers,
            body=body,
            params=params,
            access_key=scope[0] if scope else None,
            region=scope[2] if scope else None,
            service=scope[3] if scope else None,
            signature_valid=problem is None,
        )
        self.asked.append(asked)
        return asked, problem

    def _authenticate(
        self,
        conversation: Conversation,
        headers: Mapping[str, str],
        body: bytes,
        params: Mapping[str, str],
        scope: list[str] | None,
    ) -> Behaviour | None:
        if params.get("Action") in UNSIGNED:
            return None
        if scope is None:
            return refusal("MissingAuthenticationToken", "Request is missing Authentication Token")
        key = self.keys.get(scope[0])
        if key is None or headers.get("x-amz-security-token") != key.token:
            return INVALID_CLIENT_TOKEN
        if not key.is_good_at(signed_at(headers)):
            return EXPIRED_TOKEN
        if not is_signed_by(
            Credentials(key.access_key, key.secret, key.token),
            conversation.command,
            f"{'https' if self.context else 'http'}://{headers['host']}{conversation.path}",
            headers,
            body,
        ):
            return refusal(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
            )
        return None

    def answer(self, conversation: Conversation, asked: Asked) -> None:
        """What STS says when all is well."""
        if asked.action in ("AssumeRole", "AssumeRoleWithWebIdentity"):
            problem = self._weigh(asked)
            if problem is not None:
                problem(conversation, asked)
            else:
                conversation.xml(200, self.assume_role(asked))
        elif asked.action == "GetCallerIdentity":
            key = self.keys[asked.access_key or ""]
            conversation.xml(
                200,
                _response(
                    "GetCallerIdentity",
                    f"<Arn>{escape(key.arn)}</Arn><UserId>AIDAEXAMPLE</UserId>"
                    f"<Account>{key.arn.split(':')[4]}</Account>",
                ),
            )
        else:
            refusal("InvalidAction", f"Could not find operation {asked.action}", 400)(
                conversation, asked
            )

    def _weigh(self, asked: Asked) -> Behaviour | None:
        """What STS has against the content of a request to assume a role."""
        wrong = parameters.problem(asked.action, asked.params)
        if wrong:
            return refusal("ValidationError", f"1 validation error detected: {wrong}", 400)
        chained = asked.access_key and ":assumed-role/" in self.keys[asked.access_key].arn
        if chained and int(asked.params.get("DurationSeconds", "3600")) > 3600:
            return ROLE_CHAINING_CAP
        if asked.action != "AssumeRole":
            return None
        serial, code = asked.params.get("SerialNumber"), asked.params.get("TokenCode")
        if serial or code:
            left = self.mfa_codes.get(serial or "", set())
            if code not in left:
                return INVALID_MFA_CODE
            left.remove(code)
        if any(asked.params.get(name) != value for name, value in self.trust.items()):
            return ACCESS_DENIED
        return None

    def assume_role(self, asked: Asked) -> str:
        role, name = asked.params["RoleArn"], asked.params["RoleSessionName"]
        _, partition, _, _, account, path = role.split(":", 5)
        arn = f"arn:{partition}:sts::{account}:assumed-role/{path.split('/')[-1]}/{name}"
        number = hashlib.sha256(f"{arn}{len(self.issued)}".encode()).hexdigest().upper()
        lasts = self.session_seconds or int(asked.params.get("DurationSeconds", "3600"))
        expires = int(time.time()) + lasts
        key = Key(
            f"ASIA{number[:16]}",
            f"Issued/Secret+{random_secrets.token_hex(12)}{self.secret_alphabet}",
            f"IssuedToken//{random_secrets.token_hex(100)}=={self.token_alphabet}",
            arn,
            expires,
        )
        self.issued.append(self.know(key))
        expiration = datetime.datetime.fromtimestamp(expires, datetime.UTC)
        packed = (
            ""
            if self.packed_policy_size is None
            else f"<PackedPolicySize>{self.packed_policy_size}</PackedPolicySize>"
        )
        return _response(
            asked.action,
            f"<AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:{escape(name)}</AssumedRoleId>"
            f"<Arn>{escape(arn)}</Arn></AssumedRoleUser>"
            f"<Credentials><AccessKeyId>{key.access_key}</AccessKeyId>"
            f"<SecretAccessKey>{escape(key.secret)}</SecretAccessKey>"
            f"<SessionToken>{escape(key.token or '')}</SessionToken>"
            f"<Expiration>{expiration:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>{packed}",
        )


def _response(action: str, result: str) -> str:
    return (
        f'<{action}Response xmlns="{NAMESPACE}">\n  <{action}Result>{result}</{action}Result>\n'
        f"  <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>\n"
        f"</{action}Response>\n"
    )


# --- behaviours -----------------------------------------------------------------------------


def ok(conversation: Conversation, asked: Asked) -> None:
    """Answer as STS does."""
    conversation.server.answer(conversation, asked)


def refusal(code: str, message: str, status: int = 403) -> Behaviour:
    """An error as STS words it; `Type` is Receiver for its own failures."""

    def behave(conversation: Conversation, asked: Asked) -> None:
        kind = "Sender" if status < 500 else "Receiver"
        conversation.xml(
            status,
            f'<ErrorResponse xmlns="{NAMESPACE}">\n  <Error>\n    <Type>{kind}</Type>\n'
            f"    <Code>{code}</Code>\n    <Message>{escape(message)}</Message>\n  </Error>\n"
            f"  <RequestId>{REQUEST_ID}</RequestId>\n</ErrorResponse>\n",
        )

    return behave


def page(status: int, body: str, content_type: str = "text/html") -> Behaviour:
    """What a load balancer, a captive portal or a broken proxy says."""

    def behave(conversation: Conversation, asked: Asked) -> None:
        conversation.reply(status, body, Content_Type=content_type)

    return behave


def drop(conversation: Conversation, asked: Asked) -> None:
    """Reset the connection before a byte was answered."""
    conversation.close_connection = True
    reset(conversation.connection)


def drop_after_headers(conversation: Conversation, asked: Asked) -> None:
    """Promise a body, send half of it and hang up."""
    conversation.send_response(200)
    conversation.send_header("Content-Type", "text/xml")
    conversation.send_header("Content-Length", "5000")
    conversation.end_headers()
    conversation.wfile.write(b"<AssumeRoleResponse><AssumeRoleResult>")
    conversation.wfile.flush()
    conversation.close_connection = True


def hang(conversation: Conversation, asked: Asked) -> None:
    """Take the request and say nothing until the test is over."""
    conversation.server.closing.wait(120)
    conversation.close_connection = True


def drip(conversation: Conversation, asked: Asked) -> None:
    """Send a byte now and then, so that no single read ever times out."""
    conversation.send_response(200)
    conversation.send_header("Content-Type", "text/xml")
    conversation.send_header("Content-Length", "100000")
    conversation.end_headers()
    while not conversation.server.closing.wait(0.1):
        conversation.wfile.write(b"<")
        conversation.wfile.flush()


def slow(seconds: float) -> Behaviour:
    """Think first, then answer as STS does."""

    def behave(conversation: Conversation, asked: Asked) -> None:
        conversation.server.closing.wait(seconds)
        conversation.server.answer(conversation, asked)

    return behave


THROTTLING = refusal("Throttling", "Rate exceeded", 400)
INTERNAL_FAILURE = refusal("InternalFailure", "The request processing has failed", 500)
SERVICE_UNAVAILABLE = page(503, "<html><body><h1>503 Service Unavailable</h1></body></html>")
BAD_GATEWAY = page(502, "")
GARBAGE = page(200, "<html><body>Welcome to the hotel's wireless network</body></html>")
EMPTY = page(200, "", "text/xml")
BROKEN_XML = page(200, "<AssumeRoleResponse><AssumeRoleResult><Credentials>", "text/xml")

ACCESS_DENIED = refusal(
    "AccessDenied",
    "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sts:AssumeRole "
    "on resource: arn:aws:iam::123456789012:role/my-role",
)
INVALID_MFA_CODE = refusal(
    "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. "
)
EXPIRED_TOKEN = refusal("ExpiredToken", "The security token included in the request is expired")
INVALID_CLIENT_TOKEN = refusal(
    "InvalidClientTokenId", "The security token included in the request is invalid."
)
SIGNATURE_MISMATCH = refusal(
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details.",
)
MALFORMED_POLICY = refusal("MalformedPolicyDocument", "Syntax errors in policy.", 400)
PACKED_POLICY_TOO_LARGE = refusal(
    "PackedPolicyTooLarge",
    "Packed policy consumes 113% of allotted space, please use smaller policy.",
    400,
)
REGION_DISABLED = refusal(
    "RegionDisabledException",
    "STS is not activated in this region for account:123456789012. Your account administrator "
    "can activate STS in this region using the IAM Console.",
)
MAX_SESSION_DURATION = refusal(
    "ValidationError",
    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    400,
)
ROLE_CHAINING_CAP = refusal(
    "ValidationError",
    "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
    "role chaining.",
    400,
)
REFUSALS = {
    "AccessDenied": ACCESS_DENIED,
    "ExpiredToken": EXPIRED_TOKEN,
    "InvalidClientTokenId": INVALID_CLIENT_TOKEN,
    "SignatureDoesNotMatch": SIGNATURE_MISMATCH,
    "MalformedPolicyDocument": MALFORMED_POLICY,
    "PackedPolicyTooLarge": PACKED_POLICY_TOO_LARGE,
    "RegionDisabledException": REGION_DISABLED,
    "ValidationError-MaxSessionDuration": MAX_SESSION_DURATION,
    "ValidationError-chaining": ROLE_CHAINING_CAP,
}
TROUBLES = {
    "throttling": THROTTLING,
    "500": INTERNAL_FAILURE,
    "502": BAD_GATEWAY,
    "503-html": SERVICE_UNAVAILABLE,
    "dropped": drop,
    "dropped-mid-body": drop_after_headers,
}


def clock_skew(seconds: float) -> Behaviour:
    """Refuse the signature as STS does when the caller's clock is `seconds` behind its own."""

    def behave(conversation: Conversation, asked: Asked) -> None:
        conversation.server.clock_skew_seconds = seconds
        now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
        limit = now - datetime.timedelta(minutes=15)
        refusal(
            "SignatureDoesNotMatch",
            f"Signature expired: {asked.headers.get('x-amz-date')} is now earlier than "
            f"{limit:%Y%m%dT%H%M%SZ} ({now:%Y%m%dT%H%M%SZ} - 15 min.)",
        )(conversation, asked)

    return behave
