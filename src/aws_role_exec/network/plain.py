"""The plain case, without botocore: keys at hand, nothing special on the way to STS.

Importing botocore takes ten times as long as asking STS. So where the base credentials come
from the environment, a web identity token file, a container endpoint or the instance metadata
service, and no file or variable asks for anything else, this module asks by itself, in one
request. It never decides what is wrong: whatever it does not know, and every fault, is left to
`sts`, that is to botocore. What it sends is what botocore would send, and tests compare the two.
"""

from __future__ import annotations

import hmac
import os
import time
from hashlib import sha256

from aws_role_exec.credentials import Credentials
from aws_role_exec.network import exchange
from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from aws_role_exec.messages import Tell
    from aws_role_exec.network.deadline import Deadline
    from aws_role_exec.request.request import Request

# Variables of AWS's that this module either obeys or that mean nothing to STS and credentials.
# Any other leads to botocore, so that none is ever overlooked, not even one not invented yet.
_UNDERSTOOD = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_ACCOUNT_ID",
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_DEFAULT_OUTPUT",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_STS",
        "AWS_EXECUTION_ENV",
        "AWS_PAGER",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
_UNDERSTOOD_PREFIXES = ("AWS_BATCH_", "AWS_ROLE_EXEC_")
_PROXY_VARIABLES = ("all_proxy", "http_proxy", "https_proxy")
_BOTO2_FILES = ("/etc/boto.cfg", "~/.boto")

# On EC2 the instance metadata service answers within a millisecond or two. From a container
# beyond its hop limit one can connect to it, and the token never arrives.
_METADATA_CONNECT_SECONDS = 0.3
_METADATA_ANSWER_SECONDS = 1.0  # as botocore
_CONTAINER_ANSWER_SECONDS = 2.0  # as botocore
_METADATA_ENDPOINT = "http://169.254.169.254"
_CONTAINER_HOST = "http://169.254.170.2"
# Whom an authorisation token may be sent to in the clear, as in botocore.
_CONTAINER_HOSTS = frozenset({"localhost", "127.0.0.1", "169.254.170.2", "169.254.170.23"})
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_FORM = "application/x-www-form-urlencoded; charset=utf-8"


class _NotPlain(Exception):  # noqa: N818 - it is none: it says that this is botocore's matter
    """Raised for a case that is not ours."""


@record
class Keys:
    """What requests are signed with; `source` says where they came from."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    source: str

    def __repr__(self) -> str:
        """Show which key this is, and no secret."""
        return f"Keys({self.access_key_id}, {self.source})"


def obtain(
    request: Request, environ: Mapping[str, str], deadline: Deadline, tell: Tell
) -> Credentials | exchange.Answer | None:
    """Ask STS in the plain case.

    Returns credentials; or STS's answer if it is anything else, for `sts` to take from there;
    or None when this is not the plain case or anything went wrong on the way. Never raises.
    """
    try:
        if not _is_plain(request, environ):
            return None
        host, url = _endpoint(request.region, environ)
        keys = _find_keys(url, request, environ, deadline)
        tell(f"base credentials come from {keys.source}")
        tell(f"asking {url} for {request.role_arns[0]}")
        deadline.waiting_for = url
        body = _form({"Action": "AssumeRole", "Version": "2011-06-15", **parameters(request)})
        headers = sign(body, host, request.region, keys, time.time())
        answer = exchange.exchange("POST", url, headers, body, deadline=deadline, environ=environ)
        credentials = _read_credentials(answer)
        if credentials is None:
            return answer
        tell(credentials.describe())
    except Exception:
        return None
    return credentials


def parameters(request: Request) -> dict[str, str]:
    """Return AssumeRole's parameters for a request that is plain."""
    found = {
        "RoleArn": request.role_arns[0],
        "RoleSessionName": request.session_name,
        "DurationSeconds": str(request.duration_seconds),
    }
    if request.policy is not None:
        found["Policy"] = request.policy
    return found


# The fields of a Request that are obeyed here, or come before or after asking. Any other that
# is not empty leads to botocore.
_OBEYED = frozenset(
    {
        "command",
        "destination",
        "dry_run",
        "duration_is_at_most",
        "duration_seconds",
        "executable",
        "format",
        "notices",
        "policy",
        "profile_name",
        "region",
        "role_arns",
        "session_name",
        "session_parameters",
        "sts_timeout_seconds",
        "verbose",
    }
)


def _is_plain(request: Request, environ: Mapping[str, str]) -> bool:
    if len(request.role_arns) != 1:
        return False
    if request.session_parameters.keys() - {"Policy"}:
        return False
    if any(value and name not in _OBEYED for name, value in vars(request).items()):
        return False
    for name in environ:
        if name.startswith(("AWS_", "BOTO")):
            if name not in _UNDERSTOOD and not name.startswith(_UNDERSTOOD_PREFIXES):
                return False
        elif name.lower() in _PROXY_VARIABLES:
            return False
    files = (
        environ.get("AWS_CONFIG_FILE") or "~/.aws/config",
        environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials",
    )
    return not any(os.path.exists(os.path.expanduser(file)) for file in files)


def _endpoint(region: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the host to sign for and the URL, or raise _NotPlain for a partition unknown here."""
    override = environ.get("AWS_ENDPOINT_URL_STS") or environ.get("AWS_ENDPOINT_URL")
    if override:
        scheme, _, rest = override.partition("://")
        host = rest.removesuffix("/")
        if scheme not in ("http", "https") or not host or set(host) & set("/?#@[]% "):
            raise _NotPlain
        return _without_default_port(scheme, host), f"{scheme}://{host}"
    host = f"sts.{region}.{dns_suffix(region)}"
    return host, f"https://{host}"


def _without_default_port(scheme: str, host: str) -> str:
    return host.removesuffix(":443" if scheme == "https" else ":80")


def dns_suffix(region: str) -> str:
    """Return what follows `sts.<region>.`, or raise for a region of a less common partition."""
    words = region.split("-")
    if len(words) >= 3 and words[-1].isdigit():
        first, middle = words[0], words[1:-1]
        if first == "us" and middle[0] in ("gov", "iso", "isob", "isof"):
            if middle[0] == "gov" and len(middle) == 2:
                return "amazonaws.com"
        elif len(middle) == 1:
            if first in ("us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"):
                return "amazonaws.com"
            if first == "cn":
                return "amazonaws.com.cn"
    raise _NotPlain


def _find_keys(url: str, request: Request, environ: Mapping[str, str], deadline: Deadline) -> Keys:
    """Return the base credentials, looking where and in the order that botocore looks."""
    access_key_id = environ.get("AWS_ACCESS_KEY_ID")
    if access_key_id:
        expiration = environ.get("AWS_CREDENTIAL_EXPIRATION")
        if expiration and not _is_in_future(expiration):
            raise _NotPlain
        return Keys(
            access_key_id,
            environ["AWS_SECRET_ACCESS_KEY"] or _give_up(),
            environ.get("AWS_SESSION_TOKEN") or "",
            "the environment",
        )
    if environ.get("AWS_SECRET_ACCESS_KEY"):
        raise _NotPlain
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return _from_web_identity(url, environ, deadline)
    if any(os.path.exists(os.path.expanduser(file)) for file in _BOTO2_FILES):
        raise _NotPlain
    relative = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    if relative or environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return _from_container(relative, environ, deadline)
    return _from_instance(environ, deadline)


def _give_up() -> NoReturn:
    """Leave the case to botocore, from within an expression."""
    raise _NotPlain


def _from_web_identity(url: str, environ: Mapping[str, str], deadline: Deadline) -> Keys:
    with open(environ["AWS_WEB_IDENTITY_TOKEN_FILE"], encoding="utf-8") as file:
        token = file.read()
    body = _form(
        {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": environ["AWS_ROLE_ARN"],
            "RoleSessionName": environ.get("AWS_ROLE_SESSION_NAME")
            or f"botocore-session-{int(time.time())}",
            "WebIdentityToken": token,
        }
    )
    answer = exchange.exchange(
        "POST", url, {"Content-Type": _FORM}, body, deadline=deadline, environ=environ
    )
    found = _read_credentials(answer)
    if found is None:
        raise _NotPlain
    return Keys(
        found.access_key_id,
        found.secret_access_key,
        found.session_token,
        "a web identity token file",
    )


def _from_container(relative: str | None, environ: Mapping[str, str], deadline: Deadline) -> Keys:
    url = _CONTAINER_HOST + relative if relative else environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    scheme, _, rest = url.partition("://")
    if scheme != "http" or rest.partition("/")[0].partition(":")[0] not in _CONTAINER_HOSTS:
        raise _NotPlain
    headers = {}
    token_file = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    if token_file:
        with open(token_file, encoding="utf-8") as file:
            headers["Authorization"] = file.read()
    elif environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
        headers["Authorization"] = environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    if any(c in value for value in headers.values() for c in "\r\n"):
        raise _NotPlain
    answer = exchange.exchange(
        "GET",
        url,
        headers,
        b"",
        deadline=deadline,
        environ=environ,
        answer_seconds=_CONTAINER_ANSWER_SECONDS,
    )
    return _keys_of(answer, "the container credentials endpoint")


def _from_instance(environ: Mapping[str, str], deadline: Deadline) -> Keys:
    """Ask the instance metadata service, version 2; version 1 and its absence are botocore's."""
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        raise _NotPlain
    base = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "").rstrip("/") or _METADATA_ENDPOINT
    if not base.startswith("http://") or set(base[7:]) & set("/?#@[]% "):
        raise _NotPlain

    def ask(method: str, path: str, headers: dict[str, str]) -> exchange.Answer:
        answer = exchange.exchange(
            method,
            base + path,
            headers,
            b"",
            deadline=deadline,
            environ=environ,
            connect_seconds=_METADATA_CONNECT_SECONDS,
            answer_seconds=_METADATA_ANSWER_SECONDS,
        )
        return answer if answer.status == 200 and answer.body else _give_up()

    lifetime = {"x-aws-ec2-metadata-token-ttl-seconds": "21600"}
    token = ask("PUT", "/latest/api/token", lifetime).body.decode("ascii")
    proof = {"x-aws-ec2-metadata-token": token}
    place = "/latest/meta-data/iam/security-credentials/"
    role = ask("GET", place, proof).body.decode("ascii")
    if not role.isprintable() or set(role) & set("/? "):
        raise _NotPlain
    return _keys_of(ask("GET", place + role, proof), "the instance metadata service")


def _keys_of(answer: exchange.Answer, source: str) -> Keys:
    """Return the keys in the JSON that container and instance metadata services answer with."""
    import json  # noqa: PLC0415 - in these two cases only

    found = json.loads(answer.body)
    if answer.status != 200 or not _is_in_future(found["Expiration"]):
        raise _NotPlain
    return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["Token"], source)


def _is_in_future(expiration: str) -> bool:
    """Tell whether a time as AWS writes it, in UTC to the second, has not come yet."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return len(expiration) == len(now) and expiration[-1] == "Z" and expiration > now


def _form(fields: Mapping[str, str]) -> bytes:
    return "&".join(f"{name}={_quote(value)}" for name, value in fields.items()).encode("ascii")


def _quote(text: str) -> str:
    return "".join(
        chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode("utf-8")
    )


def sign(
    body: bytes, host: str, region: str, keys: Keys, seconds_since_epoch: float
) -> dict[str, str]:
    """Return the headers of a form signed for STS (signature version 4, IAM User Guide)."""
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds_since_epoch))
    headers = {"content-type": _FORM, "host": host, "x-amz-date": timestamp}
    if keys.session_token:
        headers["x-amz-security-token"] = keys.session_token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
    scope = f"{timestamp[:8]}/{region}/sts/aws4_request"
    digest = sha256(canonical.encode("utf-8")).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"
    key = b"AWS4" + keys.secret_access_key.encode("utf-8")
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode("utf-8"), "sha256")
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/{scope},"
        f" SignedHeaders={names}, Signature={key.hex()}"
    )
    return headers


def _read_credentials(answer: exchange.Answer) -> Credentials | None:
    """Return the credentials in an answer of STS, None if it holds none or is at all unusual."""
    if answer.status != 200:
        return None
    text = answer.body.decode("utf-8", "replace")
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "Arn")
    key_id, secret, token, expiration, arn = (_element(text, name) for name in names)
    second = expiration[: len("2026-03-21T20:00:00")]  # some services add a fraction
    if not all((key_id, secret, token, arn)) or len(second) < 19 or expiration[-1] != "Z":
        return None
    return Credentials(key_id, secret, token, second + "Z", arn)


def _element(text: str, name: str) -> str:
    """Return the text of the one element of this name, "" if it is not as plain as that."""
    _, _, rest = text.partition(f"<{name}>")
    value, end, after = rest.partition(f"</{name}>")
    plain = end and f"<{name}>" not in after and not set(value) & set("<&")
    return value.strip() if plain else ""
