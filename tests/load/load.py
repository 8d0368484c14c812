"""Many at once, by hand: `make load` prints one line for each kind of crowd.

    python tests/load/load.py PROGRAM [CASE ...]

A thousand starts want more processor than there is here: then it, and not the limit of the
service, would decide how long they take. So all of them are started first, against a service that
accepts connections but does not answer yet (the kernel keeps their requests), and the clock starts
when it begins to. From there a start costs a few milliseconds, and the limit decides. The 200 on
one node need no such help: at 30 requests a second the limit decides anyway.
"""

import asyncio
import contextlib
import datetime
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from renewal.conftest import helpers, running_job
from runner import Runner
from servers.sts import BASE, Sts

KEYS = {"AWS_ACCESS_KEY_ID": BASE.access_key, "AWS_SECRET_ACCESS_KEY": BASE.secret}
ROLE = "arn:aws:iam::123456789012:role/load"
STARTS, STS_PER_SECOND = 1000, 100
NODES, METADATA_PER_SECOND = 200, 30
CLIENTS, CLIENTS_SECONDS = 500, 30
DRY_RUNS = 10_000
PATIENCE = "10m"  # the starts wait for all others of theirs, which no user's do


def credentials_xml() -> bytes:
    """What STS answers, for anybody."""
    expiration = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    return (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
        "<AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:load</AssumedRoleId>"
        "<Arn>arn:aws:sts::123456789012:assumed-role/load/load</Arn></AssumedRoleUser>"
        "<Credentials><AccessKeyId>ASIALOADEXAMPLE00000</AccessKeyId><SecretAccessKey>secret"
        "</SecretAccessKey><SessionToken>token</SessionToken>"
        f"<Expiration>{expiration:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
        "</AssumeRoleResult></AssumeRoleResponse>"
    ).encode()


THROTTLED = (
    b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded"
    b"</Message></Error><RequestId>load</RequestId></ErrorResponse>"
)


@dataclass
class Limited:
    """A service on loopback that grants so many requests a second, and refuses the others.

    It checks no signature: it has to be cheaper than those who ask.
    """

    per_second: float
    answer: Callable[[str], bytes]
    refusal: tuple[int, bytes]
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    free: str = "none"  # how requests begin that do not count
    counted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.listener.listen(4096)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self._allowance, self._at = self.per_second, time.monotonic()

    async def serve(self) -> None:
        """Answer from now on."""
        self._at = time.monotonic()
        server = await asyncio.start_server(self._hear, sock=self.listener, backlog=4096)
        async with server:
            await server.serve_forever()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"(?im)^content-length: *(\d+)", head)
            if length:
                await reader.readexactly(int(length[1]))
            status, body = 200, b""
            if head.startswith(self.free) or self._grants():
                self.counted["granted"] += 1
                body = self.answer(head.splitlines()[0])
            else:
                self.counted["refused"] += 1
                status, body = self.refusal
            writer.write(
                b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
                % (status, len(body), body)
            )
            await writer.drain()
        writer.close()

    def _grants(self) -> bool:
        now = time.monotonic()
        self._allowance += (now - self._at) * self.per_second
        self._allowance, self._at = min(self._allowance, self.per_second), now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


def waiting_requests(port: int) -> int:
    """Count the connections whose request lies in the kernel, unread."""
    here = f":{port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(
        line[1].endswith(here) and line[3] == "01" and int(line[4].split(":")[1], 16) > 0
        for line in lines
    )


async def crowd(
    program: str, env: dict[str, str], count: int, service: Limited, *, gathers: bool
) -> str:
    """Start so many, and say how it went; gathered ones are not answered until all have asked."""
    port = service.listener.getsockname()[1]
    patience = PATIENCE if gathers else "30s"
    command = [program, "--role-arn", ROLE, "--sts-timeout", patience, "--", "true"]
    began, spent = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    serving = None if gathers else asyncio.create_task(service.serve())
    started = [
        await asyncio.create_subprocess_exec(
            *command, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for _ in range(count)
    ]
    if serving is None:
        while waiting_requests(port) < count:
            await asyncio.sleep(0.1)
        print(f"    all have asked after {time.monotonic() - began:.0f} s", flush=True)
        began, spent = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        serving = asyncio.create_task(service.serve())
    told = await asyncio.gather(*(process.communicate() for process in started))
    seconds = time.monotonic() - began
    serving.cancel()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - spent.ru_utime - spent.ru_stime
    failed = [
        (said or b"").decode()
        for process, (_, said) in zip(started, told, strict=True)
        if process.returncode
    ]
    for line in sorted(set(failed))[:3]:
        print(f"    {line.strip()}")
    return (
        f"{count - len(failed)} of {count} got credentials in {seconds:.1f} s "
        f"({cpu:.0f} s of CPU); "
        f"{service.counted['granted']} requests granted, {service.counted['refused']} refused"
    )


@contextlib.contextmanager
def surroundings() -> Iterator[dict[str, str]]:
    """An environment with a home of its own, in which nothing may be left."""
    with tempfile.TemporaryDirectory(prefix="load-") as home:
        yield {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "TMPDIR": home,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        left = os.listdir(home)
        if left:
            raise SystemExit(f"left behind: {left}")


def starts(program: str) -> str:
    """1,000 starts against an STS of 100 requests a second."""
    xml = credentials_xml()
    service = Limited(STS_PER_SECOND, lambda _: xml, (400, THROTTLED))
    with surroundings() as env:
        env |= {**KEYS, "AWS_ENDPOINT_URL_STS": service.url}
        return asyncio.run(crowd(program, env, STARTS, service, gathers=True))


def metadata(program: str) -> str:
    """200 starts on one node against instance metadata of 30 requests a second."""
    xml = credentials_xml()
    expiration = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=6)
    document = {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": "ASIANODEEXAMPLE00000",
        "SecretAccessKey": "secret",
        "Token": "token",
        "Expiration": f"{expiration:%Y-%m-%dT%H:%M:%SZ}",
    }

    def answer(request: str) -> bytes:
        _, path, _ = request.split()
        if path == "/":
            return xml
        if path.startswith("/latest/api/token"):
            return b"token"
        if path.endswith("/security-credentials/"):
            return b"node"
        return json.dumps(document).encode()

    service = Limited(METADATA_PER_SECOND, answer, (503, b""), free="POST / ")
    with surroundings() as env:
        del env["AWS_EC2_METADATA_DISABLED"]
        # Not gathered: a request to instance metadata waits a second for its answer, then it is
        # made again.
        env |= {"AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url}
        env |= {"AWS_ENDPOINT_URL_STS": service.url}
        return asyncio.run(crowd(program, env, NODES, service, gathers=False))


def dry_runs(program: str) -> str:
    """10,000 dry runs: nothing is left, in files, processes or open files of the system."""
    command = [program, "--role-arn", ROLE, "--dry-run", "--", "true"]

    def open_files() -> int:
        return int(Path("/proc/sys/fs/file-nr").read_text().split()[0])

    with surroundings() as env:
        before, processes = open_files(), len(os.listdir("/proc"))
        begin = time.monotonic()
        for _ in range(DRY_RUNS):
            subprocess.run(command, env=env, check=True, capture_output=True)
        seconds = time.monotonic() - begin
        more_files, more = open_files() - before, len(os.listdir("/proc")) - processes
        return (
            f"{DRY_RUNS} in {seconds:.0f} s, {1000 * seconds / DRY_RUNS:.1f} ms each; "
            f"open files of the system {more_files:+d}, processes {more:+d}"
        )


async def ask(env: dict[str, str]) -> str:
    """One request to a helper as an SDK sends it; what came of it in a word."""
    url = urllib.parse.urlsplit(env["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    try:
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        token = env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        writer.write(
            f"GET {url.path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode()
        )
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    except OSError as error:
        return type(error).__name__
    if not head.startswith(b"HTTP/1.1 200 "):
        return head[:12].decode() or "nothing"
    left = datetime.datetime.fromisoformat(json.loads(body)["Expiration"]).timestamp()
    return "served" if left > time.time() else "expired"


async def clients(given: dict[str, str], results: Counter[str]) -> None:
    """So many clients that ask twice a second, as none does that keeps what it got."""
    end = time.monotonic() + CLIENTS_SECONDS

    async def client(number: int) -> None:
        await asyncio.sleep(number / CLIENTS)
        while time.monotonic() < end:
            results[await ask(given)] += 1
            await asyncio.sleep(0.5)

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))


def renewal(program: str) -> str:
    """500 clients of one helper, across expiries."""
    results: Counter[str] = Counter()
    with Sts() as sts, surroundings() as env:
        sts.session_seconds = 12
        env |= {**KEYS, "AWS_ENDPOINT_URL_STS": sts.url}
        run = Runner([program], env, Path(env["HOME"]), Path(env["HOME"]), Path(env["HOME"]), list)
        with running_job(run, helpers) as job:
            asyncio.run(clients(job.env, results))
            rollup = Path(f"/proc/{job.helper}/smaps_rollup").read_text()
            (memory,) = re.findall(r"(?m)^Private_Dirty:\s+(\d+) kB", rollup)
            _, told = job.end()
        return (
            f"{dict(results)} in {CLIENTS_SECONDS} s; {len(sts.issued)} sessions; helper's memory "
            f"{int(memory) / 1024:.1f} MiB private; {len(told.splitlines())} lines on stderr"
        )


CASES = {"starts": starts, "metadata": metadata, "dry-runs": dry_runs, "renewal": renewal}


def main() -> None:
    program = shutil.which(sys.argv[1])
    assert program, f"{sys.argv[1]} is not a program"
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    for name in sys.argv[2:] or CASES:
        case = CASES[name]
        print(f"{(case.__doc__ or '').strip()}", flush=True)
        print(f"    {case(os.path.abspath(program))}", flush=True)


if __name__ == "__main__":
    main()
