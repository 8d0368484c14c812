"""Whatever stalls or never ends, one kind each, and what a run that meets it is to do.

`scene` stands for the server, program or file that misbehaves. A run has a deadline of
DEADLINE_SECONDS, unless the kind is none of the network: then it is refused before anything is
asked.
"""

import contextlib
import gzip
import json
import os
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner import ROLE
from servers.certificates import Authority

DEADLINE_SECONDS = 1.0
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIABASEEXAMPLE00000",
    "AWS_SECRET_ACCESS_KEY": "BaseSecret/wJalrXUtnFEMI+K7MDENG/EXAMPLE",
}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
BIG = 1 << 20
TWO_ROLES = ("--role-arn", "arn:aws:iam::123456789012:role/second")
Behaviour = Callable[[Any, threading.Event], None]


class Misbehaving:
    """Takes connections, each in a thread of its own, and behaves; ends with the block."""

    def __init__(self, behave: Behaviour, context: ssl.SSLContext | None = None) -> None:
        self._behave, self._context = behave, context
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://localhost:{self.port}"
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Misbehaving":
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            stream: Any = connection
            if self._context:
                stream = self._context.wrap_socket(connection, server_side=True)
            self._behave(stream, self._over)


def read_request(stream: Any) -> bytes:
    """Return a request's head; the little that follows is read as far as it is there."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = stream.recv(65536)
        if not part:
            break
        data += part
    return data


def silent(stream: Any, over: threading.Event) -> None:
    """Read nothing and say nothing."""
    over.wait(60)


def after_request(behave: Behaviour) -> Behaviour:
    def answer(stream: Any, over: threading.Event) -> None:
        read_request(stream)
        behave(stream, over)

    return answer


def says(answer: bytes, *, then_hangs: bool = False) -> Behaviour:
    """Say it once, and hang up or hang."""

    def behave(stream: Any, over: threading.Event) -> None:
        stream.sendall(answer)
        if then_hangs:
            over.wait(60)

    return after_request(behave)


def drips(beginning: bytes, drop: bytes, pause_seconds: float = 0.05) -> Behaviour:
    """Say the beginning, and then a little for ever."""

    def behave(stream: Any, over: threading.Event) -> None:
        stream.sendall(beginning)
        while not over.wait(pause_seconds):
            stream.sendall(drop)

    return after_request(behave)


def floods(beginning: bytes, flood: bytes) -> Behaviour:
    """Say the beginning, and then as much as will be read."""

    def behave(stream: Any, over: threading.Event) -> None:
        stream.sendall(beginning)
        while not over.is_set():
            stream.sendall(flood)

    return after_request(behave)


def first_well_then(first: bytes, then: Behaviour) -> Behaviour:
    """Answer the first request well, and misbehave from the second on."""
    asked = iter(range(1 << 30))

    def behave(stream: Any, over: threading.Event) -> None:
        (says(first) if next(asked) == 0 else then)(stream, over)

    return behave


def _body(content: bytes, more: bytes = b"") -> bytes:
    return HEAD + more + b"Content-Length: %d\r\n\r\n" % len(content) + content


def _tags(count: int) -> bytes:
    return _body(b"<a>" * count + b"</a>" * count)


def half_a_handshake(stream: Any, over: threading.Event) -> None:
    """Begin an answer to a ClientHello: the head of a TLS record whose rest never comes."""
    stream.recv(65536)
    stream.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x00\x7a\x03\x03")
    over.wait(60)


def dripping_handshake(stream: Any, over: threading.Event) -> None:
    stream.recv(65536)
    stream.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x40\x00\x03\x03")
    while not over.wait(0.05):
        stream.sendall(b"\x00")


@dataclass
class World:
    """What a stall may use: a directory, an authority, and servers that end with the world."""

    directory: Path
    authority: Authority
    stack: contextlib.ExitStack

    def server(self, behave: Behaviour, *, tls: bool = False) -> str:
        context = self.authority.context() if tls else None
        return self.stack.enter_context(Misbehaving(behave, context)).url

    def full(self) -> str:
        """The address of a server too busy to take another connection (a full backlog)."""
        listener = self.stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            waiting = self.stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def fifo(self, *, writer: bool = False) -> Path:
        """A FIFO, perhaps with a writer that never writes."""
        path = self.directory / "fifo"
        os.mkfifo(path, 0o600)
        if writer:
            end = os.open(path, os.O_RDWR)
            self.stack.callback(os.close, end)
        return path

    def config(self, text: str) -> dict[str, str]:
        path = self.directory / "config"
        path.write_text(text)
        return {"AWS_CONFIG_FILE": str(path)}

    def helper(self, script: str) -> dict[str, str]:
        """A credential_process."""
        path = self.directory / "helper.sh"
        path.write_text(script)
        return {**self.config(f"[default]\ncredential_process = /bin/sh {path}\n"), **NO_KEYS}


NO_KEYS = dict.fromkeys(KEYS, "")


@dataclass(frozen=True)
class Meeting:
    """What the program is given: variables beyond the usual ones, options, and a way to start."""

    environ: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ("--", "/bin/true")
    prefix: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()
    """Between strace and the program."""


@dataclass(frozen=True)
class Stall:
    """A kind. `deadline_seconds` is None for what is refused, or passed over, without waiting.

    `statuses` are the exit statuses that are right.
    """

    name: str
    meet: Callable[[World], Meeting]
    deadline_seconds: float | None = DEADLINE_SECONDS
    statuses: frozenset[int] = frozenset({125})
    needs_root: bool = False


def sts(behave: Behaviour) -> Callable[[World], Meeting]:
    return lambda world: Meeting({"AWS_ENDPOINT_URL_STS": world.server(behave)})


def sts_over_tls(behave: Behaviour, *, tls: bool = True) -> Callable[[World], Meeting]:
    def meet(world: World) -> Meeting:
        url = world.server(behave, tls=tls).replace("http:", "https:")
        bundle = str(world.authority.bundle)
        return Meeting({"AWS_ENDPOINT_URL_STS": url, "AWS_CA_BUNDLE": bundle})

    return meet


def proxy(behave: Behaviour, scheme: str = "https") -> Callable[[World], Meeting]:
    def meet(world: World) -> Meeting:
        return Meeting(
            {
                "AWS_ENDPOINT_URL_STS": f"{scheme}://sts.example",
                f"{scheme.upper()}_PROXY": world.server(behave),
            }
        )

    return meet


def instance(behave: Behaviour) -> Callable[[World], Meeting]:
    def meet(world: World) -> Meeting:
        address = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": world.server(behave)}
        return Meeting({**address, **NO_KEYS, "AWS_EC2_METADATA_DISABLED": ""})

    return meet


def container(behave: Behaviour) -> Callable[[World], Meeting]:
    return lambda world: Meeting(
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{world.server(behave)}/v2", **NO_KEYS}
    )


def github(behave: Behaviour) -> Callable[[World], Meeting]:
    def meet(world: World) -> Meeting:
        return Meeting(
            {
                "GITHUB_ACTIONS": "true",
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"{world.server(behave)}/token?api-version=2.0",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "eyJRequestToken.of-this-job",
                **NO_KEYS,
            },
            ("--web-identity", "github"),
        )

    return meet


def portal(behave: Behaviour) -> Callable[[World], Meeting]:
    def meet(world: World) -> Meeting:
        cache = world.directory / "home/.aws/sso/cache"
        cache.mkdir(parents=True)
        # The SHA-1 of the session's name, as `aws sso login` names the file.
        document = {"accessToken": "sso-access-token-eyJraWQi", "expiresAt": "2099-01-01T00:00:00Z"}
        document |= {"startUrl": "https://x/start", "region": "us-east-1"}

        import hashlib

        name = hashlib.sha1(b"corp", usedforsecurity=False).hexdigest()
        (cache / f"{name}.json").write_text(json.dumps(document))
        config = world.config(
            "[default]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n"
            "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://x/start\n"
        )
        return Meeting({**config, **NO_KEYS, "AWS_ENDPOINT_URL_SSO": world.server(behave)})

    return meet


def helper(script: str) -> Callable[[World], Meeting]:
    return lambda world: Meeting(world.helper(script))


SECOND_ROLE = (
    b'<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
    b"<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/my-role/me</Arn>"
    b"<AssumedRoleId>AROAEXAMPLE:me</AssumedRoleId></AssumedRoleUser><Credentials>"
    b"<AccessKeyId>ASIAEXAMPLE000000000</AccessKeyId><SecretAccessKey>Issued/Secret+x1"
    b"</SecretAccessKey><SessionToken>IssuedToken//x1</SessionToken>"
    b"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
    b"</AssumeRoleResponse>"
)
IMDS_TOKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntoken"
THROTTLED = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 72\r\n\r\n<ErrorResponse><Error>"
    b"<Code>Throttling</Code></Error></ErrorResponse>       "
)
BOMB = gzip.compress(bytes(64 * BIG))


def two_roles(world: World) -> Meeting:
    url = world.server(first_well_then(_body(SECOND_ROLE), after_request(silent)))
    return Meeting({"AWS_ENDPOINT_URL_STS": url}, TWO_ROLES)


def file_option(option: str, scheme: str, *, writer: bool) -> Callable[[World], Meeting]:
    def meet(world: World) -> Meeting:
        path = f"{scheme}{world.fifo(writer=writer)}"
        return Meeting(NO_KEYS if option == "--web-identity" else {}, (option, path))

    return meet


def token_variable(path: str) -> Callable[[World], Meeting]:
    return lambda world: Meeting(
        {"AWS_WEB_IDENTITY_TOKEN_FILE": path or str(world.fifo()), "AWS_ROLE_ARN": ROLE, **NO_KEYS}
    )


def authorities(world: World) -> Meeting:
    meeting = sts_over_tls(after_request(silent))(world)
    return Meeting({**meeting.environ, "AWS_CA_BUNDLE": str(world.fifo(writer=True))})


def large_config(world: World) -> Meeting:
    path = world.directory / "large"
    with path.open("wb") as file:
        file.truncate(1 << 33)  # sparse
    return Meeting({"AWS_CONFIG_FILE": str(path)})


NAME_SERVER = "127.77.77.77"  # on loopback, where nothing else is
_ASKING_IT = 'mount --make-rprivate / && mount --bind "$0" /etc/resolv.conf && exec "$@"'


def name_server(world: World) -> Meeting:
    """One that hears every question and says nothing."""
    server = world.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    server.bind((NAME_SERVER, 53))
    path = world.directory / "resolv.conf"
    path.write_text(f"nameserver {NAME_SERVER}\n")
    prefix = ("unshare", "--mount", "sh", "-c", _ASKING_IT, str(path))
    return Meeting({"AWS_ENDPOINT_URL_STS": "http://sts.stall.example"}, prefix=prefix)


def name_server_without_threads(world: World) -> Meeting:
    """The same, for a user at the limit of processes."""
    user = ("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "prlimit", "--nproc=1")
    return replace(name_server(world), inner=(*user, "--"))


def scheduler(script: str) -> Callable[[World], Meeting]:
    def meet(world: World) -> Meeting:
        tools = world.directory / "tools"
        tools.mkdir()
        (tools / "squeue").write_text(f"#!/bin/sh\n{script}\n")
        (tools / "squeue").chmod(0o755)
        environ = {"SLURM_JOB_ID": "7", "PATH": f"{tools}:/usr/bin:/bin"}
        return Meeting(environ, ("--duration", "auto", "--dry-run"))

    return meet


STALLS = (
    Stall("STS takes no connection (a full backlog)", lambda world: Meeting(
        {"AWS_ENDPOINT_URL_STS": world.full()})),
    Stall("STS takes the connection and reads nothing", sts(silent)),
    Stall("STS reads the request and says nothing", sts(after_request(silent))),
    Stall("STS responds byte by byte, in the head", sts(drips(HEAD, b"x"))),
    Stall("STS responds byte by byte, in the body", sts(
        drips(HEAD + b"Content-Length: 100000\r\n\r\n", b"<"))),
    Stall("STS begins a response and stops", sts(
        says(HEAD + b"Content-Length: 500\r\n\r\n<Assume", then_hangs=True))),
    Stall("STS sends header lines without end", sts(floods(HEAD, b"x-a: b\r\n" * 512))),
    Stall("STS sends one header line without end", sts(floods(HEAD + b"x: ", b"x" * 4096))),
    Stall("STS sends a body without end", sts(floods(HEAD + b"\r\n", b"x" * 65536))),
    Stall("STS sends a body without end, slowly", sts(
        drips(HEAD + b"\r\n", b"x" * 1024, 0.01))),
    Stall("STS sends chunks without end", sts(
        floods(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 4096))),
    Stall("STS says interim answers without end", sts(
        floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 64))),
    Stall("STS announces a body of 1 TB", sts(
        floods(HEAD + b"Content-Length: 1099511627776\r\n\r\n", b"x" * 65536))),
    Stall("STS sends 64 MiB packed into 64 KiB", sts(says(
        _body(BOMB, b"Content-Encoding: gzip\r\n")))),
    Stall("STS sends 1 MiB of nested tags", sts(says(_tags(BIG // 8)))),
    Stall("STS throttles for ever", sts(says(THROTTLED))),
    Stall("STS responds to the first role, and not the second", two_roles),
    Stall("the name server says nothing", name_server, needs_root=True),
    Stall("the name server says nothing, and no thread can be started",
          name_server_without_threads, needs_root=True),
    Stall("TLS: nothing is said to the ClientHello", sts_over_tls(silent, tls=False)),
    Stall("TLS: half a ServerHello", sts_over_tls(half_a_handshake, tls=False)),
    Stall("TLS: a handshake byte by byte", sts_over_tls(dripping_handshake, tls=False)),
    Stall("TLS: nothing is said after the handshake", sts_over_tls(after_request(silent))),
    Stall("TLS: a response byte by byte", sts_over_tls(drips(HEAD, b"x"))),
    Stall("the authorities' file is a FIFO", authorities),
    Stall("the proxy takes no connection", lambda world: Meeting(
        {"AWS_ENDPOINT_URL_STS": "https://sts.example", "HTTPS_PROXY": world.full()})),
    Stall("the proxy says nothing to CONNECT", proxy(after_request(silent))),
    Stall("the proxy responds to CONNECT byte by byte", proxy(drips(b"HTTP/1.1 2", b"x"))),
    Stall("the proxy opens the tunnel and says nothing", proxy(
        says(b"HTTP/1.1 200 OK\r\n\r\n", then_hangs=True))),
    Stall("the proxy sends header lines without end", proxy(
        floods(b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n" * 512))),
    Stall("the proxy of plain HTTP says nothing", proxy(after_request(silent), "http")),
    Stall("the proxy of plain HTTP sends a body without end", proxy(
        floods(HEAD + b"\r\n", b"x" * 65536), "http")),
    Stall("instance metadata gives no token", instance(after_request(silent))),
    Stall("instance metadata gives a token, and no keys", instance(
        first_well_then(IMDS_TOKEN, after_request(silent)))),
    Stall("instance metadata responds without end", instance(floods(HEAD + b"\r\n", b"x" * 4096))),
    Stall("the container endpoint says nothing", container(after_request(silent))),
    Stall("the container endpoint responds byte by byte", container(drips(HEAD + b"\r\n", b"{"))),
    Stall("GitHub's token endpoint says nothing", github(after_request(silent))),
    Stall("IAM Identity Center's portal says nothing", portal(after_request(silent))),
    Stall("a credential_process sleeps", helper("exec sleep 600\n")),
    Stall("a credential_process ignores TERM", helper(
        "trap '' TERM\nsleep 600 & wait\nsleep 600\n")),
    Stall("a credential_process ends, and its child holds the pipe", helper(
        "sleep 3 &\necho nonsense\n"), None),
    Stall("a credential_process prints without end", helper("exec yes\n")),
    Stall("a credential_process complains without end", helper("exec yes >&2\n")),
    Stall("a policy in a FIFO nobody writes to", file_option("--policy", "file://", writer=False),
          None, frozenset({2})),
    Stall("a policy in a FIFO whose writer writes nothing", file_option(
        "--policy", "file://", writer=True), 5.0, frozenset({2})),
    Stall("a token in a FIFO nobody writes to", file_option(
        "--web-identity", "file:", writer=False), None, frozenset({2, 125})),
    Stall("a token variable that names a device without end", token_variable("/dev/zero"), None),
    Stall("a token variable that names a FIFO nobody writes to", token_variable(""), None),
    Stall("a credentials file of the EC2 tools without end", lambda world: Meeting(
        {"AWS_CREDENTIAL_FILE": "/dev/zero", **NO_KEYS}), None),
    Stall("a configuration file of 8 GiB", large_config, None, frozenset({2})),
    Stall("a configuration file that is a FIFO", lambda world: Meeting(
        {"AWS_CONFIG_FILE": str(world.fifo()), "AWS_ENDPOINT_URL_STS": world.server(
            after_request(silent))})),
    Stall("squeue sleeps (--duration auto)", scheduler("exec sleep 600"), 5.0, frozenset({0})),
    Stall("squeue prints without end (--duration auto)", scheduler("exec yes"), None,
          frozenset({0})),
)  # fmt: skip
