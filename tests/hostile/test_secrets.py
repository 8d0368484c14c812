"""Every byte that a run writes anywhere is looked at (strace(1)), however much it is made to say.

A secret key is never written, not even to STS, which gets a signature. A token goes to whom it is
for. New credentials go to the output that was asked for, and under --renew to the helper and from
it to its clients.
"""

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hostile.scenes import CLIENT, COMMAND
from runner import ROLE, Runner, wait_for
from servers import sts as behave
from servers.metadata import CONTAINER, ContainerCredentials
from servers.oidc import jwt
from servers.proxy import Proxy
from servers.sts import BASE, Asked, Conversation, Key, Sts

SESSION = Key(
    "ASIASESSIONEXAMPLE00",
    "SessionSecret/wJalrXUtnFEMI",
    "SessionToken//FwoGZXIvYXdzEBY",
    "arn:aws:sts::123456789012:assumed-role/caller/me",
)
OIDC = jwt()
AUTHORIZATION = "container-authorization-token-0123456789"
PASSWORD = "proxy-password-0123456789"
NEW = ("Issued/Secret+", "IssuedToken//")
WRITES = "write,writev,pwrite64,sendto,sendmsg,sendmmsg,sendfile"
_WRITE = re.compile(rf"\d+ +(?:{WRITES.replace(',', '|')})\((\d+)<(.*?)>(?:\(deleted\))?, (.*)")
_EXEC = re.compile(r'\d+ +execve\("([^"]*)", \[(.*?)\], ')
VERBOSITY: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "plain": ((), {}),
    "-v": (("-v",), {}),
    "debug": (("-v",), {"AWS_ROLE_EXEC_DEBUG": "1"}),
}


@dataclass(frozen=True)
class Written:
    """One write: to which descriptor, what that is, and the bytes as strace shows them."""

    descriptor: int
    where: str
    what: str = field(repr=False)

    @property
    def is_request(self) -> bool:
        return self.where.startswith("TCP")


@dataclass(frozen=True)
class Way:
    """A kind of run: how it is set up, and which secrets it may write where."""

    name: str
    set_up: Callable[[Runner, Sts], tuple[list[str], dict[str, str]]]
    code: int = 0
    may_send: tuple[str, ...] = ()
    gives: str = ""
    """Where new credentials may be written: part of what strace calls the place."""


def quote_all(conversation: Conversation, asked: Asked) -> None:
    """Refuse, and say again all that was sent, as a gateway with a helpful error page does."""
    sent = "; ".join(f"{name}: {value}" for name, value in asked.headers.items())
    text = f"not so: {sent} {asked.body.decode()}"
    behave.refusal("AccessDenied", text)(conversation, asked)


def cut(conversation: Conversation, asked: Asked) -> None:
    """Give credentials, and an answer that is no XML."""
    text = conversation.server.assume_role(asked).replace("</Credentials>", "<Credentials>")
    conversation.xml(200, text)


def session(run: Runner, sts: Sts) -> dict[str, str]:
    """The caller has a session of its own."""
    key = sts.know(SESSION)
    return {
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_SESSION_TOKEN": key.token or "",
    }


def becomes(run: Runner, sts: Sts) -> tuple[list[str], dict[str, str]]:
    return ["--", *COMMAND], session(run, sts)


def prints(*options: str) -> Callable[[Runner, Sts], tuple[list[str], dict[str, str]]]:
    return lambda run, sts: ([*options], session(run, sts))


def is_refused(run: Runner, sts: Sts) -> tuple[list[str], dict[str, str]]:
    sts.always(quote_all)
    return becomes(run, sts)


def is_not_understood(run: Runner, sts: Sts) -> tuple[list[str], dict[str, str]]:
    sts.always(cut)
    return ["--sts-timeout", "2s", *becomes(run, sts)[0]], session(run, sts)


def web_identity(run: Runner, sts: Sts) -> tuple[list[str], dict[str, str]]:
    return ["--web-identity", "env:CI_TOKEN", "--", *COMMAND], {"CI_TOKEN": OIDC}


def web_identity_refused(run: Runner, sts: Sts) -> tuple[list[str], dict[str, str]]:
    sts.always(quote_all)
    return web_identity(run, sts)


def helper(run: Runner, sts: Sts, then: str) -> dict[str, str]:
    """A credential_process that traces itself, keys and all, as scripts with `set -x` do."""
    (run.home / ".aws").mkdir()
    document = (
        f'{{"Version": 1, "AccessKeyId": "{BASE.access_key}", "SecretAccessKey": "{BASE.secret}"}}'
    )
    script = run.home / "helper.sh"
    script.write_text(f"set -x\nexec 3>{run.home}/private\nprintf '%s' '{document}'\n{then}\n")
    line = f"[default]\ncredential_process = /bin/sh {script}\n"
    (run.home / ".aws/config").write_text(line)
    return {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


def process(run: Runner, sts: Sts) -> tuple[list[str], dict[str, str]]:
    return ["--", *COMMAND], helper(run, sts, "")


def process_fails(run: Runner, sts: Sts) -> tuple[list[str], dict[str, str]]:
    return ["--", *COMMAND], helper(run, sts, "exit 3")


WAYS = (
    Way("a command", becomes, 0, (SESSION.token or "",)),
    Way("a command under --renew", lambda run, sts: (
        ["--renew", "--", *CLIENT], session(run, sts)), 0, (SESSION.token or "",), "pipe:"),
    Way("env on stdout", prints(), 0, (SESSION.token or "",), "stdout"),
    Way("json in a file", prints("--format", "json", "--output", "creds"), 0,
        (SESSION.token or "",), "/cwd/"),
    Way("a refusal that says all again", is_refused, 125, (SESSION.token or "",)),
    Way("an answer that is not understood", is_not_understood, 125, (SESSION.token or "",)),
    Way("an OIDC token", web_identity, 0, (OIDC,)),
    Way("an OIDC token that is refused", web_identity_refused, 125, (OIDC,)),
    Way("a credential_process that traces itself", process),
    Way("a credential_process that traces itself and fails", process_fails, 125),
)  # fmt: skip


def traced(run: Runner, log: Path, *arguments: str, env: dict[str, str], strace: str) -> int:
    words = [strace, "-f", "-yy", "-s", "200000", "-o", str(log), "-e", f"trace={WRITES},execve"]
    result = run.assume(*arguments, prefix=words, env=env, debug=True)
    return result.code


def writes(log: str, program: str) -> Iterator[Written]:
    """Yield what the program and its helper wrote; not what it started, which is others' code."""
    others = set()
    for line in log.splitlines():
        process = line.split()[0]
        found = _EXEC.match(line)
        if found and found[1] != program:
            others.add(process)
        wrote = _WRITE.match(line)
        if wrote and process not in others:
            yield Written(int(wrote[1]), wrote[2], wrote[3])


@pytest.mark.parametrize("verbosity", VERBOSITY)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_no_secret_is_written_but_to_whom_it_is_for(
    run: Runner,
    sts: Sts,
    program: list[str],
    tmp_path: Path,
    needs: Callable[..., str],
    way: Way,
    verbosity: str,
) -> None:
    """At each verbosity; and never in the arguments of a program that is started."""
    run.program = program
    arguments, env = way.set_up(run, sts)
    options, more = VERBOSITY[verbosity]
    log = tmp_path / "log"
    code = traced(run, log, *options, *arguments, env={**env, **more}, strace=needs("strace"))
    assert code == way.code, log.read_text(errors="replace")[-3000:]
    text = log.read_text(errors="replace")
    found = list(writes(text, program[0]))
    assert any(written.is_request for written in found) or "credential_process" in way.name
    for secret in (BASE.secret, SESSION.secret, PASSWORD):
        assert not [each for each in found if secret in each.what], secret
    for token in (SESSION.token or "", OIDC):
        places = [each for each in found if token in each.what]
        assert all(each.is_request and token in way.may_send for each in places), places
        assert places or token not in way.may_send, "it was looked for in vain"
    for new in NEW:
        places = [each for each in found if new in each.what]
        if way.gives == "stdout":
            assert all(each.descriptor == 1 for each in places), places
        elif way.gives == "pipe:":
            local = ("pipe:", "TCP:[127.0.0.1:")
            assert all(each.where.startswith(local) for each in places), places
        else:
            assert all(way.gives and way.gives in each.where for each in places), places
        assert bool(places) == bool(way.gives), "it was looked for in vain"
    for _, words in _EXEC.findall(text):
        known = (BASE.secret, SESSION.secret, SESSION.token or "", OIDC, *NEW)
        assert not [secret for secret in known if secret in words], "in the arguments of a program"


def test_a_containers_authorization_goes_to_its_endpoint_alone(
    run: Runner, sts: Sts, program: list[str], tmp_path: Path, needs: Callable[..., str]
) -> None:
    run.program = program
    sts.know(CONTAINER)
    log = tmp_path / "log"
    with ContainerCredentials(AUTHORIZATION) as server:
        env = {
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/v2",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": AUTHORIZATION,
            "AWS_ROLE_EXEC_DEBUG": "1",
        }
        assert not traced(run, log, "-v", "--", *COMMAND, env=env, strace=needs("strace"))
        port = f":{server.port}]"
    found = list(writes(log.read_text(errors="replace"), program[0]))
    places = [each for each in found if AUTHORIZATION in each.what]
    assert places
    assert all(each.where.endswith(port) for each in places)
    assert not [each for each in found if CONTAINER.secret in each.what]


def test_a_proxys_password_is_said_to_the_proxy_alone(
    run: Runner, sts: Sts, program: list[str], tmp_path: Path, needs: Callable[..., str]
) -> None:
    run.program = program
    log = tmp_path / "log"
    with Proxy(sts, password=f"user:{PASSWORD}") as proxy:
        url = proxy.url.replace("//", f"//user:{PASSWORD}x@")  # refused
        env = {"HTTP_PROXY": url, "AWS_ROLE_EXEC_DEBUG": "1"}
        code = traced(run, log, "-v", "--", *COMMAND, env=env, strace=needs("strace"))
    assert code == 125
    found = list(writes(log.read_text(errors="replace"), program[0]))
    assert not [each for each in found if PASSWORD in each.what], "it goes as base64"
    assert [each for each in found if "Proxy-Authorization" in each.what]


class TestMemory:
    """While we run, our memory has keys in it; what reads the memory of others does not read it."""

    USER = ("--reuid=54321", "--regid=54321", "--clear-groups")

    def test_no_core_is_dumped(self, run: Runner, sts: Sts, program: list[str]) -> None:
        """Whatever the limit is, which the command has again."""
        run.program = program
        sts.always(behave.hang)
        prefix = ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh"]
        with run.start("--role-arn", ROLE, "--", "true", prefix=prefix) as started:
            wait_for(lambda: sts.asked)
            started.send_signal(signal.SIGABRT)
            started.communicate(timeout=60)
        assert started.returncode == -signal.SIGABRT
        assert not list(run.cwd.iterdir())
        sts.always(behave.ok)
        limit = run.assume("--", "sh", "-c", "ulimit -c", prefix=prefix).ok().out
        assert limit == "unlimited\n"

    def test_no_core_of_the_package_either(
        self, run: Runner, sts: Sts, installed: list[str]
    ) -> None:
        """There the limit itself is 0 meanwhile."""
        run.program = installed
        sts.script(behave.slow(1.0))
        prefix = ["sh", "-c", 'ulimit -c 1000; exec "$@"', "sh"]
        with run.start("--role-arn", ROLE, "--", "sh", "-c", "ulimit -c", prefix=prefix) as started:
            wait_for(lambda: sts.asked)
            limits = Path(f"/proc/{started.pid}/limits").read_text()
            out, _ = started.communicate(timeout=60)
        (line,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert line.split()[4] == "0"
        assert out == b"1000\n"

    def test_another_process_of_the_user_cannot_look_into_ours(
        self, run: Runner, sts: Sts, program: list[str], needs: Callable[..., str]
    ) -> None:
        """Neither memory nor environment, until it is the command's."""
        run.program = program
        sts.script(behave.slow(1.0))
        prefix = [needs("setpriv", "util-linux"), *self.USER]
        look = [*prefix, "cat"]
        with run.start(
            "--role-arn", ROLE, "--", "sleep", "1", prefix=prefix, cwd="/", env={"HOME": "/"}
        ) as started:
            wait_for(lambda: sts.asked)
            for name in ("environ", "maps", "mem"):
                assert not self._can_read(look, started.pid, name), name
            wait_for(lambda: Path(f"/proc/{started.pid}/comm").read_text() == "sleep\n")
            assert self._can_read(look, started.pid, "environ"), "the command is the user's"
            assert started.wait(60) == 0

    def _can_read(self, look: list[str], pid: int, name: str) -> bool:
        done = subprocess.run([*look, f"/proc/{pid}/{name}"], capture_output=True)
        return b"Permission denied" not in done.stderr
