"""What the kernel says about the process that aws-role-exec became (Linux's /proc)."""

import contextlib
import os
import re
import signal
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import PROBE, ROLE, Runner, wait_for
from servers import sts as behave
from servers.sts import BASE, Sts

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/status"), reason="SKIPPED: no /proc on this platform"
)
KEYLESS: dict[str, str | bytes | None] = {
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
}


def signals(status: str) -> dict[str, set[signal.Signals]]:
    """`SigIgn`, `SigBlk`, `SigCgt`, `SigPnd` of a /proc/PID/status, as sets."""
    masks = dict(re.findall(r"^(Sig\w{3}):\s+([0-9a-f]{16})$", status, re.MULTILINE))
    return {
        name: {number for number in signal.Signals if int(mask, 16) >> (number - 1) & 1}
        for name, mask in masks.items()
    }


def parent_of(pid: int) -> int | None:
    """The parent's PID, None if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rsplit(")", 1)[1].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def children_of(pid: int) -> list[int]:
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and parent_of(int(p)) == pid]


def members_of_session(session: int) -> list[int]:
    """Every process of the session, zombies left out."""
    members = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            members.append(int(entry))
    return members


@pytest.mark.usefixtures("both_transports")
class TestOneProcess:
    def test_the_command_has_our_pid(self, run: Runner) -> None:
        """What Slurm, systemd and a shell's `$!` know stays true."""
        seen = run.become()
        assert seen.pid == seen.result.pid
        assert seen.ppid == os.getpid()

    def test_there_is_no_other(self, run: Runner) -> None:
        """No parent that waits, no child, no daemon: one process with one thread."""
        with run.start("--role-arn", ROLE, "--", "sleep", "60") as process:
            wait_for(lambda: comm(process.pid) == "sleep")
            assert members_of_session(process.pid) == [process.pid]
            assert children_of(process.pid) == []
            assert len(os.listdir(f"/proc/{process.pid}/task")) == 1
            assert parent_of(process.pid) == os.getpid()

    def test_not_even_with_a_credential_process(self, run: Runner) -> None:
        """The helper is gone, and waited for, when the command starts."""
        write_credential_process(run, "cat keys.json")
        argv = ["--role-arn", ROLE, "--", "sleep", "60"]
        with run.start(*argv, env=KEYLESS) as process:
            wait_for(lambda: comm(process.pid) == "sleep")
            assert children_of(process.pid) == []
            assert members_of_session(process.pid) == [process.pid]

    def test_a_signal_reaches_the_command(self, run: Runner) -> None:
        """`scancel --signal=USR1 --batch` and friends."""
        script = 'trap "echo got it; exit 7" USR1; echo ready; while :; do sleep 0.05; done'
        with run.start("--role-arn", ROLE, "--", "sh", "-c", script) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(signal.SIGUSR1)
            assert process.stdout.read() == b"got it\n"
            assert process.wait(30) == 7

    def test_stopping_and_continuing_works(self, run: Runner) -> None:
        """Ctrl-Z while STS is asked, then fg."""
        with run.start("--role-arn", ROLE, "--", "true") as process:
            time.sleep(0.05)
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.2)
            process.send_signal(signal.SIGCONT)
            assert process.wait(60) == 0


def comm(pid: int) -> str:
    with open(f"/proc/{pid}/comm") as file:
        return file.read().strip()


def write_credential_process(run: Runner, command: str) -> None:
    aws = run.home / ".aws"
    aws.mkdir()
    (run.cwd / "keys.json").write_text(
        f'{{"Version": 1, "AccessKeyId": "{BASE.access_key}", "SecretAccessKey": "{BASE.secret}"}}'
    )
    (aws / "config").write_text(f"[default]\ncredential_process = {command}\n")


class TestSignalDispositions:
    def status(self, run: Runner, prefix: tuple[str, ...] = ()) -> dict[str, set[signal.Signals]]:
        # cat changes nothing about itself, unlike a probe in Python.
        return signals(run.assume("--", "cat", "/proc/self/status", prefix=prefix).ok().out)

    def test_nothing_is_ignored_blocked_or_caught(self, run: Runner) -> None:
        """Python's ignored SIGPIPE and SIGXFSZ are undone: `yes | head -1` ends."""
        status = self.status(run)
        assert status["SigIgn"] == set()
        assert status["SigBlk"] == set()
        assert status["SigCgt"] == set()
        assert status["SigPnd"] == set()

    @pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "TERM", "USR1", "TSTP"])
    def test_what_the_caller_ignores_stays_ignored(self, run: Runner, name: str) -> None:
        """`nohup aws-role-exec ...`, or `&` in a script without job control."""
        prefix = ("sh", "-c", f'trap "" {name}; exec "$@"', "sh")
        assert self.status(run, prefix)["SigIgn"] == {getattr(signal, "SIG" + name)}

    @pytest.mark.parametrize("name", ["HUP", "INT", "TERM", "USR1", "CHLD", "PIPE"])
    def test_what_the_caller_blocks_stays_blocked(self, run: Runner, name: str) -> None:
        """A mask is inherited, as by any exec."""
        code = (
            f"import os, signal, sys; signal.signal(signal.SIGPIPE, signal.SIG_DFL);"
            f"signal.signal(signal.SIGXFSZ, signal.SIG_DFL);"
            f"signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIG{name}]);"
            f"os.execv(sys.argv[1], sys.argv[1:])"
        )
        status = self.status(run, (sys.executable, "-I", "-S", "-c", code))
        assert status["SigBlk"] == {getattr(signal, "SIG" + name)}
        assert status["SigIgn"] == set()

    def test_the_mask_is_clear_after_writing_a_file_too(self, run: Runner) -> None:
        """Signals wait while the file is renamed, and only then."""
        run.assume("--format", "json", "--output", "creds").ok()
        assert self.status(run)["SigBlk"] == set()

    def test_yes_piped_into_head_ends(self, run: Runner) -> None:
        """The everyday face of SIGPIPE."""
        script = 'yes | head -1; echo "${PIPESTATUS[0]}"'
        result = run.assume("--", "bash", "-c", script, timeout=30).ok()
        assert result.out == "y\n141\n"


@pytest.mark.usefixtures("both_transports")
class TestDescriptors:
    def open_ones(self, run: Runner, **popen: object) -> dict[int, str]:
        # The directory itself is the one that ls opens.
        out = run.assume("--", "ls", "-l", "/proc/self/fd", **popen).ok().out
        found = dict(re.findall(r" (\d+) -> (.*)$", out, re.MULTILINE))
        return {int(fd): target for fd, target in found.items() if not target.endswith("/fd")}

    def test_the_callers_stay_open(self, run: Runner) -> None:
        """`3<file`, a jobserver's pipe, systemd's sockets."""
        read, write = os.pipe()
        with open(run.cwd / "file", "w") as file:
            fds = (read, write, file.fileno())
            seen = self.open_ones(run, pass_fds=fds)
        os.close(read)
        os.close(write)
        assert set(seen) == {0, 1, 2, *fds}
        assert seen[file_number(fds)].endswith("/file")

    def test_none_of_ours_is_left(self, run: Runner) -> None:
        """No socket to STS, no log, no directory."""
        assert set(self.open_ones(run)) == {0, 1, 2}

    def test_data_written_before_is_not_lost(self, run: Runner) -> None:
        """A descriptor's offset is where the caller left it."""
        path = run.cwd / "log"
        with path.open("wb") as file:
            file.write(b"before\n")
            file.flush()
            run.assume("--", "echo", "after", stdout=file).ok()
        assert path.read_text() == "before\nafter\n"

    def test_standard_input_is_not_read(self, run: Runner) -> None:
        """All of it is the command's."""
        assert run.assume("--", "cat", input=b"line\nline\n").ok().out == "line\nline\n"

    @pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
    def test_closed_ones_stay_closed(self, run: Runner, closed: str) -> None:
        """A daemon's or cron's closed stdin is not ours to fill, nor filled by a socket."""
        seen = run.cwd / "seen"
        # bash, since dash opens 1 for itself when it finds it closed
        command = ("bash", "-c", f"ls /proc/$$/fd >{seen}; :")
        prefix = ("bash", "-c", f'exec "$@" {closed}', "bash")
        run.assume("--", *command, prefix=prefix).ok()
        numbers = {int(fd) for fd in seen.read_text().split()}
        assert numbers & {0, 1, 2} == {0, 1, 2} - {int(c[0]) for c in closed.split()}


def file_number(fds: tuple[int, ...]) -> int:
    return fds[-1]


class TestTheRest:
    def test_resource_limits_priority_and_session_are_kept(self, run: Runner) -> None:
        """ulimit, nice, and who our group and session are."""
        prefix = ("nice", "-n", "3", "sh", "-c", 'ulimit -n 99; ulimit -c 0; exec "$@"', "sh")
        script = "ulimit -n; nice; ps -o pgid= -o sid= -p $$ 2>/dev/null || cat /proc/$$/stat"
        out = run.assume("--", "sh", "-c", script, prefix=prefix).ok().out.split()
        assert out[:2] == ["99", str(min(os.nice(0) + 3, 19))]

    def test_memory_is_not_kept(self, run: Runner) -> None:
        """No secret stays in the command's memory but in its environment: it is a new image."""
        result = run.assume("--", "cat", "/proc/self/maps").ok()
        assert "python" not in result.out

    def test_command_line_is_the_commands(self, run: Runner) -> None:
        """ps shows the command, not us."""
        with run.start("--role-arn", ROLE, "--", "sleep", "61") as process:
            wait_for(lambda: comm(process.pid) == "sleep")
            with open(f"/proc/{process.pid}/cmdline", "rb") as file:
                assert file.read() == b"sleep\x0061\0"

    def test_a_user_without_a_name_is_no_problem(
        self, run: Runner, sts: Sts, tmp_path: Path, needs: Callable[..., str]
    ) -> None:
        """Containers run as any uid; LDAP users have no entry for a static binary."""
        uid = 54321
        if os.geteuid() != 0:
            pytest.skip("SKIPPED: needs root, to be another user")
        # The capability only lets the user read our checkout, wherever that is.
        prefix = (
            needs("setpriv", "util-linux"), f"--reuid={uid}", "--clear-groups",
            "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
        )  # fmt: skip
        for path in (run.home, run.tmp, run.cwd):
            os.chown(path, uid, uid)
        names = []
        for env in ({}, {"USER": "job-user"}, {"LOGNAME": "log name"}, {"USER": ""}):
            run.assume("--", "true", env=env, prefix=prefix).ok()
            names.append(sts.asked[-1].params["RoleSessionName"][:-9])
        assert names[0] == names[3] == f"aws-role-exec-uid{uid}"
        assert names[1] == "aws-role-exec-job-user"
        assert re.fullmatch(r"aws-role-exec-[\w+=,.@-]+", names[2])
        run.assume("--", "true", env={"USER": "x" * 100}, prefix=prefix).ok()
        name = sts.asked[-1].params["RoleSessionName"]
        assert re.fullmatch(r"aws-role-exec-x+-[0-9a-f]{8}", name)
        assert len(name) <= 64

    def test_another_users_file_is_not_replaced_even_where_it_could_be(
        self, run: Runner, tmp_path: Path, needs: Callable[..., str], sts: Sts
    ) -> None:
        """As another uid, in a directory of one's own that holds root's file."""
        uid = 54321
        if os.geteuid() != 0:
            pytest.skip("SKIPPED: needs root, to be another user")
        prefix = (
            needs("setpriv", "util-linux"), f"--reuid={uid}", "--clear-groups",
            "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
        )  # fmt: skip
        for path in (run.home, run.tmp, run.cwd):
            os.chown(path, uid, uid)
        (run.cwd / "creds").write_text("root's")
        arguments = ("--format", "json", "--output", "creds")
        run.assume(*arguments, prefix=prefix).failure(2)
        assert (run.cwd / "creds").read_text() == "root's"
        (run.cwd / "creds").unlink()
        run.assume(*arguments, prefix=prefix).ok()
        status = os.stat(run.cwd / "creds")
        assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (uid, 0o600)


DEADLY = ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "PIPE", "ALRM", "XCPU", "KILL"]


@pytest.mark.usefixtures("both_transports")
class TestSignalsWhileWaiting:
    @pytest.fixture
    def hanging(self, sts: Sts) -> Sts:
        sts.always(behave.hang)
        return sts

    # SIGPIPE is ignored while we run, as every network program does.
    @pytest.mark.parametrize("name", [name for name in DEADLY if name != "PIPE"])
    @pytest.mark.parametrize("mode", ["command", "print"])
    def test_end_the_process_by_that_signal(
        self, run: Runner, hanging: Sts, name: str, mode: str
    ) -> None:
        """The shell sees what happened; no message, no traceback, nothing on disk, no helper."""
        rest = ["--", "true"] if mode == "command" else []
        prefix = ("sh", "-c", 'ulimit -c 0; exec "$@"', "sh")
        with run.start("--role-arn", ROLE, *rest, prefix=prefix) as process:
            wait_for(lambda: hanging.asked)
            number = getattr(signal, "SIG" + name)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        assert process.returncode == -number
        assert err == b""
        assert out == b""
        assert not list(run.cwd.iterdir())

    def test_an_ignored_one_does_not(self, run: Runner, hanging: Sts) -> None:
        """`nohup` means it."""
        prefix = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh")
        argv = ("--role-arn", ROLE, "--sts-timeout", "2s", "--", "true")
        with run.start(*argv, prefix=prefix) as process:
            wait_for(lambda: hanging.asked)
            process.send_signal(signal.SIGHUP)
            process.communicate(timeout=30)
        assert process.returncode == 125

    def test_end_it_while_it_waits_for_the_next_try(self, run: Runner, sts: Sts) -> None:
        """Between two tries too."""
        sts.always(behave.THROTTLING)
        with run.start("--role-arn", ROLE, "--", "true") as process:
            wait_for(lambda: sts.asked)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (-signal.SIGINT, b"")

    def test_ctrl_c_at_a_terminal_ends_a_helper_too(self, run: Runner) -> None:
        """The terminal signals the whole group."""
        write_credential_process(run, "sleep 62")
        argv = ("--role-arn", ROLE, "--", "true")
        with run.start(*argv, env=KEYLESS) as process:
            wait_for(lambda: len(members_of_session(process.pid)) > 1)
            os.killpg(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=30)
            wait_for(lambda: members_of_session(process.pid) == [])
        assert process.returncode == -signal.SIGINT
        assert b"Traceback" not in err

    def test_a_fifo_nobody_reads_can_be_given_up(self, run: Runner, sts: Sts) -> None:
        """Waiting for a reader is waiting like any other."""
        fifo = run.cwd / "fifo"
        os.mkfifo(fifo, 0o600)
        argv = ("--role-arn", ROLE, "--format", "json", "--output", str(fifo))
        with run.start(*argv) as process:
            wait_for(lambda: sts.issued)
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (-signal.SIGTERM, b"")


class TestHelpersAfterTheDeadline:
    @pytest.mark.parametrize("command", ["sleep 63", "sh -c 'sleep 63; :'"])
    def test_are_ended(self, run: Runner, command: str) -> None:
        """A credential_process that hangs does not outlive us."""
        write_credential_process(run, command)
        argv = ("--role-arn", ROLE, "--sts-timeout", "1s", "--", "true")
        with run.start(*argv, env=KEYLESS) as process:
            process.wait(30)
            wait_for(lambda: members_of_session(process.pid) == [], 10)
        assert process.returncode == 125


FIRST_FILES = (b"/__init__.py", b"/__main__.py", b"/signals.py")


def before_our_first_line(err: bytes) -> bool:
    """True for a KeyboardInterrupt while Python was still starting (the frozen binary has none).

    Until pip's own script has imported us, SIGINT is Python's: no module of ours may be in
    such a traceback but those that take it over.
    """
    frames = re.findall(rb'File "([^"]*)", line \d+', err)
    ours = [frame for frame in frames if b"/aws_role_exec/" in frame]
    return b"KeyboardInterrupt" in err and not [
        frame for frame in ours if not frame.endswith(FIRST_FILES)
    ]


class TestSignalsAtAnyMoment:
    MOMENTS = 24

    @pytest.fixture
    def duration(self, run: Runner) -> float:
        """How long a run takes here, more or less."""
        return max(run.assume("--", "true").ok().seconds for _ in range(2))

    @pytest.mark.parametrize("name", ["INT", "TERM"])
    @pytest.mark.parametrize("mode", ["command", "file"])
    def test_never_show_a_traceback_or_leave_half_a_file(
        self, run: Runner, duration: float, name: str, mode: str
    ) -> None:
        """From before the first line of ours runs until the command has taken over."""
        number = getattr(signal, "SIG" + name)
        path = run.cwd / "creds"
        rest = ["--", "sleep", "0"] if mode == "command" else ["--output", str(path)]
        outcomes = set()
        for moment in range(self.MOMENTS):
            with run.start("--role-arn", ROLE, *rest) as process:
                time.sleep(duration * 1.1 * moment / self.MOMENTS)
                process.send_signal(number)
                _, err = process.communicate(timeout=60)
            if before_our_first_line(err):
                continue
            assert err == b""
            assert process.returncode in (0, -number)
            outcomes.add(process.returncode)
            assert [p.name for p in run.cwd.iterdir()] in ([], ["creds"])
            if path.exists():
                assert path.read_text().count("export ") == 6
                path.unlink()
        assert -number in outcomes

    @pytest.mark.parametrize("name", ["INT", "TERM"])
    def test_not_on_a_bad_command_line_either(self, run: Runner, name: str) -> None:
        """Nor while an error is being told."""
        for moment in range(10):
            with run.start("--role-arn", "nonsense", "--", "true") as process:
                time.sleep(0.02 * moment)
                process.send_signal(getattr(signal, "SIG" + name))
                _, err = process.communicate(timeout=60)
            if before_our_first_line(err):
                continue
            assert b"Traceback" not in err
            assert process.returncode in (2, -getattr(signal, "SIG" + name))


class TestManyAtOnce:
    def test_an_array_job_that_starts_together_gets_through(self, run: Runner, sts: Sts) -> None:
        """Throttled at first, all succeed, each with a session of its own."""
        sts.script(*[behave.THROTTLING] * 6)
        with contextlib.ExitStack() as stack:
            started = [
                stack.enter_context(run.start("--role-arn", ROLE, "--", *PROBE)) for _ in range(6)
            ]
            codes = []
            for process in started:
                process.communicate(timeout=90)
                codes.append(process.returncode)
        assert codes == [0] * 6
        assert len({asked.params["RoleSessionName"] for asked in sts.asked}) == 6
        assert len(sts.asked) == 12
