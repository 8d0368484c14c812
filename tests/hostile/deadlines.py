"""How a run that meets a stall ends, and what of that holds on a machine of any speed.

A clock says something about the machine as well. What the program does is seen by strace(1): for
how long it set its alarm, and how long it asked to wait for anything after the alarm had come.
`make torture` holds the clock to the contract, too: 10% beyond the deadline, or 50 ms.
"""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hostile.stalls import DEADLINE_SECONDS, KEYS, Meeting, Stall, World
from runner import ROLE
from servers.certificates import Authority

GRACE_SECONDS = 0.05
"""What helpers have to end by themselves; and the least that the contract gives a run to end."""
TOLERANCE = 0.1
MEMORY_BYTES = 256 << 20
"""Of addresses, that a run may have: what is without end is not read to its end."""
_PATIENCE_SECONDS = 120.0
_WAITS = "poll,ppoll,select,pselect6,clock_nanosleep,nanosleep,epoll_wait,epoll_pwait"
_OTHERS = "setitimer,execve,exit_group"
_LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)")
_ALARM = re.compile(r"setitimer\(ITIMER_REAL, .*it_value=\{tv_sec=(\d+), tv_usec=(\d+)\}\}, ")
_MILLISECONDS = re.compile(r"(?:poll|epoll_wait|epoll_pwait)\(.*, (-?\d+)(?:, NULL, 8)?[) ]")
_SECONDS = re.compile(r"\{tv_sec=(\d+), tv_(n|u)sec=(\d+)\}")


@dataclass(frozen=True)
class Ended:
    """How a run ended. Times are in seconds.

    `alarm` is what the alarm was set to first, None if it never was; `took` is from there to the
    end, or the whole run. `waited_after` is what the program asked the system to wait for after
    the alarm came. `left` are processes that outlive it.
    """

    code: int
    stdout: bytes = field(repr=False)
    stderr: str
    alarm: float | None
    took: float
    waited_after: float
    left: tuple[int, ...]

    @property
    def line(self) -> str:
        return self.stderr.splitlines()[0] if self.stderr else ""


def meet(
    stall: Stall, program: Sequence[str], directory: Path, authority: Authority, strace: str
) -> Ended:
    """Run the program against a stall."""
    with contextlib.ExitStack() as stack:
        meeting = stall.meet(World(directory, authority, stack))
        return _run(meeting, program, directory, strace)


def wrong(stall: Stall, ended: Ended) -> Iterator[str]:
    """Yield what is wrong with the end, whatever the speed of the machine."""
    if ended.code not in stall.statuses:
        yield f"exit status {ended.code}"
    lines = ended.stderr.splitlines()
    if ended.code and not (
        1 <= len(lines) <= 2
        and lines[0].startswith("aws-role-exec: ")
        and lines[0].count(": ") >= 2
        and all(line.startswith("hint: ") for line in lines[1:])
    ):
        yield f"not an error in one line: {lines}"
    if "this is a bug" in ended.stderr or "Traceback" in ended.stderr:
        yield f"a bug: {lines}"
    if "not enough memory" in ended.stderr:
        yield "all the memory was used"
    if ended.left:
        yield "a process is left"
    if ended.alarm is not None and ended.alarm > DEADLINE_SECONDS:
        yield f"an alarm after {ended.alarm}s"
    if ended.waited_after > 2 * GRACE_SECONDS:
        yield f"waited for {ended.waited_after:.3f}s after the deadline"


def late_by(stall: Stall, ended: Ended) -> float:
    """Return the seconds by which the end came later than the contract lets it, or less than 0."""
    deadline = DEADLINE_SECONDS if stall.deadline_seconds is None else stall.deadline_seconds
    return ended.took - deadline - max(GRACE_SECONDS, TOLERANCE * deadline)


def _run(meeting: Meeting, program: Sequence[str], directory: Path, strace: str) -> Ended:
    log, home = directory / "log", directory / "home"
    home.mkdir(exist_ok=True)
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(directory),
        "LANG": "C.UTF-8",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
        **KEYS,
        **meeting.environ,
    }
    words = [*meeting.prefix, "prlimit", f"--as={MEMORY_BYTES}", "--", strace, "-f", "-qq", "-ttt"]
    words += ["--seccomp-bpf", "-o", str(log), "-e", f"trace={_WAITS},{_OTHERS}"]
    words += [*meeting.inner, *program]
    words += ["--role-arn", ROLE, "--sts-timeout", f"{DEADLINE_SECONDS:g}s"]
    begin = time.monotonic()
    process = subprocess.Popen(
        [*words, *meeting.options, *meeting.command],
        env=environ,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    finally:
        seconds = time.monotonic() - begin
        left = _members(process.pid)
        for each in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
    alarm, took, waited = _understand(log.read_text(errors="replace"))
    return Ended(
        process.returncode,
        out,
        err.decode(errors="replace"),
        alarm,
        seconds if took is None else took,
        waited,
        left,
    )


def _understand(log: str) -> tuple[float | None, float | None, float]:
    """Return the first alarm, the time from there to the end, and the waits after its signal."""
    main: str | None = None
    alarm = set_at = end = None
    waited, is_over = 0.0, False
    naps: list[float] = []  # until which moment: the first may be any
    for line in log.splitlines():
        found = _LINE.match(line)
        if not found:
            continue
        process, moment, what = found[1], float(found[2]), found[3]
        main = main or process
        if process != main:
            continue
        end = moment
        timer = _ALARM.match(what)
        if timer and alarm is None and (seconds := int(timer[1]) + int(timer[2]) / 1e6):
            alarm, set_at = seconds, moment
        if is_over and "TIMER_ABSTIME" in what:
            naps.append(_seconds(_SECONDS.findall(what)[0]))
        elif is_over:
            waited += _asked_seconds(what)
        is_over = is_over or what.startswith("--- SIGALRM")
    took = None if set_at is None or end is None else end - set_at
    return alarm, took, waited + (naps[-1] - naps[0] if naps else 0.0)


def _asked_seconds(call: str) -> float:
    """Return how long a call asked to wait, at most."""
    if call.startswith(("poll(", "epoll_")):
        found = _MILLISECONDS.match(call)
        assert found, call
        return float("inf") if int(found[1]) < 0 else int(found[1]) / 1000
    if call.startswith(("ppoll(", "select(", "pselect6(", "clock_nanosleep(", "nanosleep(")):
        times = _SECONDS.findall(call)
        return _seconds(times[0]) if times else float("inf")
    return 0.0


def _seconds(found: tuple[str, str, str]) -> float:
    whole, unit, rest = found
    return int(whole) + int(rest) / (1e9 if unit == "n" else 1e6)


def _members(session: int) -> tuple[int, ...]:
    """Return the processes of a session that still run."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(") ")[2].split()
            if int(fields[3]) == session and fields[0] not in "ZX":
                found.append(int(entry))
    return tuple(found)
