"""`make bench`: start-up of aws-role-exec and its peers, all in one run, interleaved.

In mount and network namespaces of its own AWS's names lead to a stub on loopback, whose throw-away
certificate authority is in the system's trust store: every tool runs with its ordinary settings,
over TLS, and verifies. Needs Linux and root. docs/performance.md says how to read the outcome.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import figures
import page
import stub
import subjects
import trustme
from subjects import Subject

DELAY_SECONDS = 0.080
CROWD = 200
CERTIFICATES = "/etc/ssl/certs"
NAMES = ("sts.us-east-1.amazonaws.com", "sts.amazonaws.com")


def main() -> None:
    """Prepare outside of the namespaces, measure inside, write the page outside again."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--few", action="store_true", help="our binary and /bin/true only")
    parser.add_argument("--page", type=Path, help="write the page and the plot beside it")
    parser.add_argument("--results", type=Path, help="write what was measured as JSON")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        measure_all(arguments.inside)
        return
    if sys.platform != "linux" or os.geteuid() != 0:
        sys.exit("bench: needs Linux and root, for mount and network namespaces")
    with tempfile.TemporaryDirectory(prefix="aws-role-exec-bench-") as scratch:
        place = Path(scratch)
        found, absent = subjects.collect(arguments.few)
        (place / "home").mkdir()
        subjects.configure(place / "configured", found)
        source = subjects.HERE / "measure.c"
        subjects.output([subjects.compiler(), "-O2", "-o", str(place / "measure"), str(source)])
        check_peak(place)
        plan = {"rounds": arguments.rounds, "few": arguments.few}
        plan["subjects"] = [vars(subject) for subject in found]
        (place / "plan.json").write_text(json.dumps(plan))
        load_before = os.getloadavg()[0]
        namespaces = ["unshare", "--mount", "--net", "--"]
        again = [sys.executable, __file__, "--inside", scratch]
        if subprocess.run([*namespaces, *again], check=False).returncode:
            sys.exit("bench: the measurement failed")
        told = json.loads((place / "results.json").read_text())
        results = {key: figures.Measured(**value) for key, value in told.items()}
        sizes = {one.key: subjects.sizes(one.files) for one in found if one.files}
    if arguments.results:
        arguments.results.write_text(json.dumps(told))
    required = figures.requirements(results)
    run = page.Run(found, absent, results, sizes, required, arguments.rounds, load_before)
    if arguments.page:
        arguments.page.write_text(run.markdown())
        arguments.page.with_suffix(".svg").write_text(run.plot())
    print(run.markdown())
    for one in required:
        state = {True: "holds", False: "DOES NOT HOLD", None: "not measured"}[one.holds]
        print(f"{state}: {one.text}: {one.found}")


def check_peak(place: Path) -> None:
    """See that peak memory includes what a program used before it became another one."""
    code = "import os; x = bytearray(b'x') * (64 << 20); os.execv('/bin/true', ['true'])"
    peak = measure(place, [sys.executable, "-c", code], {}, place)[2]
    if peak < 64 << 10 or measure(place, ["/bin/true"], {}, place)[2] > 8 << 10:
        sys.exit("bench: this kernel does not tell peak memory across execve")


def measure(
    place: Path, command: list[str], variables: dict[str, str], home: Path
) -> tuple[float, float, int]:
    """Run a command and return wall and CPU seconds and its peak memory in KiB."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), **variables}
    reading, writing = os.pipe()
    with (place / "stderr").open("wb") as errors:
        child = subprocess.Popen(
            [str(place / "measure"), str(writing), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=(writing,),
        )
    os.close(writing)
    with os.fdopen(reading) as report:
        wall, user, system, peak, status = map(int, report.read().split())
    child.wait()
    if status:
        said = (place / "stderr").read_text(errors="replace")
        raise RuntimeError(f"{command[0]}: status {status}: {said[-1000:]}")
    return wall / 1e6, (user + system) / 1e6, peak


def measure_all(place: Path) -> None:
    """Measure in the namespaces, and leave the results in a file."""
    plan = json.loads((place / "plan.json").read_text())
    found = [Subject(**one) for one in plan["subjects"]]
    results = {one.key: figures.Measured() for one in found}

    def home(one: Subject) -> Path:
        return place / ("configured" if one.configured else "home")

    with surroundings(place) as count:
        for one in found:  # warm-up; and is it what it claims to be?
            before = count.value
            measure(place, one.command, one.variables, home(one))
            results[one.key].requests = count.value - before
            if results[one.key].requests != int(one.asks):
                raise RuntimeError(f"{one.title}: {count.value - before} requests for a role")
            results[one.key].system_calls = system_calls(place, one, home(one))

        def rounds(number: int, series: str) -> None:
            for turn in range(number):
                print(f"bench: {series} {turn + 1}/{number}", file=sys.stderr, flush=True)
                for one in random.sample(found, len(found)):
                    before = count.value
                    wall, cpu, peak = measure(place, one.command, one.variables, home(one))
                    if (asked := count.value - before) != int(one.asks):
                        raise RuntimeError(f"{one.title}: {asked} requests for a role")
                    result = results[one.key]
                    getattr(result, series).append(wall)
                    if series == "wall":
                        result.cpu.append(cpu)
                        result.peak = max(result.peak, peak)

        rounds(plan["rounds"], "wall")
        crowds = [one for one in found if one.key in ("plain", "reference", "pip", "vault")]
        for turn in range(0 if plan["few"] else max(1, plan["rounds"] // 7)):
            print(f"bench: crowd {turn + 1}", file=sys.stderr, flush=True)
            for one in random.sample(crowds, len(crowds)):
                before = count.value
                wall, failed = crowd(one, home(one))
                failed = max(failed, CROWD - (count.value - before))
                results[one.key].crowd.append(wall)
                results[one.key].crowd_failures += failed
        if not plan["few"]:
            lead_to(place, "127.0.0.2")
            rounds(max(1, plan["rounds"] // 2), "delayed")
    (place / "results.json").write_text(
        json.dumps({key: vars(value) for key, value in results.items()})
    )


def system_calls(place: Path, one: Subject, home: Path) -> int:
    """Count the system calls of a run, of all its processes; 0 if strace is not there."""
    strace = shutil.which("strace")
    if strace is None:
        return 0
    counts = place / "strace"
    measure(place, [strace, "-f", "-c", "-o", str(counts), *one.command], one.variables, home)
    (total,) = (line for line in counts.read_text().splitlines() if line.endswith(" total"))
    return int(total.split()[3])


def crowd(one: Subject, home: Path) -> tuple[float, int]:
    """Start many at once; return when all were done, and how many of them failed."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), **one.variables}
    nothing = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    began = time.monotonic()
    started = [
        os.posix_spawn(one.command[0], one.command, environment, file_actions=nothing)
        for _ in range(CROWD)
    ]
    failed = sum(os.waitpid(process, 0)[1] != 0 for process in started)
    return time.monotonic() - began, failed


@contextlib.contextmanager
def surroundings(place: Path) -> Iterator[Any]:
    """Set up names, trust and servers in these namespaces; yield the count of requests."""
    subjects.output(["ip", "link", "set", "lo", "up"])
    authority = trustme.CA()
    trusted = place / "certs"
    shutil.copytree(CERTIFICATES, trusted, symlinks=True)
    authority.cert_pem.write_to_path(str(trusted / "bench.pem"))
    bundle = trusted / "ca-certificates.crt"
    text = bundle.read_bytes() + authority.cert_pem.bytes()
    bundle.unlink()
    bundle.write_bytes(text)
    subjects.output(["openssl", "rehash", str(trusted)])
    subjects.output(["mount", "--bind", str(trusted), CERTIFICATES])
    hosts = place / "hosts"
    hosts.touch()
    lead_to(place, "127.0.0.1")
    subjects.output(["mount", "--bind", str(hosts), "/etc/hosts"])

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*NAMES).configure_cert(context)
    fork = multiprocessing.get_context("fork")
    count = fork.Value("i", 0)
    servers = [
        fork.Process(target=stub.serve_sts, args=(context, count), daemon=True),
        fork.Process(target=stub.serve_metadata, args=(subjects.IMDS_PORT,), daemon=True),
        fork.Process(target=serve_relay, daemon=True),
    ]
    for server in servers:
        server.start()
    try:
        for address in (("127.0.0.1", 443), ("127.0.0.1", subjects.IMDS_PORT), ("127.0.0.2", 443)):
            await_server(address)
        yield count
    finally:
        for server in servers:
            server.kill()


def serve_relay() -> None:
    """Be the long way to STS."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(stub.relay(DELAY_SECONDS))


def await_server(address: tuple[str, int]) -> None:
    """Return when somebody listens there."""
    import socket  # noqa: PLC0415

    for _ in range(500):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(address):
            return
        time.sleep(0.01)
    raise RuntimeError(f"nobody listens at {address}")


def lead_to(place: Path, address: str) -> None:
    """Let AWS's names lead to an address: in place, since the file is mounted."""
    lines = "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name in NAMES)
    (place / "hosts").write_text(lines)


if __name__ == "__main__":
    main()
