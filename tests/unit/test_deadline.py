"""One deadline for whatever is being waited for, and the caller's own alarm beside it."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from aws_role_exec.network.deadline import Deadline, run_until


@pytest.fixture(autouse=True)
def no_alarm() -> Iterator[None]:
    """The tests' own time-out is an alarm, too; it is not to be ours."""
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    handler = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, left)


class TestRunUntil:
    def test_it_returns_what_the_work_returns(self) -> None:
        assert run_until(Deadline(60), lambda: 42) == 42

    def test_it_raises_what_the_work_raises(self) -> None:
        with pytest.raises(ZeroDivisionError):
            run_until(Deadline(60), lambda: 1 // 0)

    @pytest.mark.parametrize("seconds", [0.05, 0.000001, -1])
    def test_it_stops_waiting_when_the_time_has_passed(self, seconds: float) -> None:
        with pytest.raises(TimeoutError):
            run_until(Deadline(seconds), threading.Event().wait)

    def test_a_library_that_swallows_exceptions_does_not_hold_it(self) -> None:
        def work() -> None:
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    for _ in range(3):
                        pass
                    if deadline.remaining() < -0.1:
                        raise

        deadline = Deadline(0.05)
        with pytest.raises(TimeoutError):
            run_until(deadline, work)

    def test_an_alarm_while_python_tidies_up_is_neither_lost_nor_told(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What is raised in a finalizer ends nothing: Python prints a traceback and goes on."""

        class Finalized:
            def __del__(self) -> None:
                nonlocal was_interrupted
                until = time.monotonic() + 60
                while time.monotonic() < until:
                    was_interrupted = True
                was_interrupted = False  # the alarm comes before

        was_interrupted = False

        def work() -> None:
            Finalized()
            time.sleep(60)

        with pytest.raises(TimeoutError):
            run_until(Deadline(0.1), work)
        assert was_interrupted
        assert capsys.readouterr().err == ""

    def test_a_person_who_is_asked_has_all_the_time(self) -> None:
        def work() -> str:
            deadline.stop()
            time.sleep(0.3)
            deadline.go_on()
            return "code"

        deadline = Deadline(0.2)
        assert run_until(deadline, work) == "code"
        assert deadline.remaining() > 0

    @pytest.mark.parametrize("stubborn", [False, True])
    def test_a_helper_that_did_not_answer_is_ended(self, stubborn: bool) -> None:
        """Even one that ignores TERM."""
        helpers: list[subprocess.Popen[bytes]] = []
        program = "trap '' TERM; echo; sleep 600 & wait" if stubborn else "echo; exec sleep 600"

        def work() -> None:
            helpers.append(subprocess.Popen(["sh", "-c", program], stdout=subprocess.PIPE))
            assert helpers[0].stdout
            helpers[0].stdout.readline()
            helpers[0].wait()

        with pytest.raises(TimeoutError):
            run_until(Deadline(1), work)
        assert helpers[0].wait(timeout=30) == (-9 if stubborn else -15)


class TestCallersAlarm:
    """`perl -e 'alarm 10; exec ...'` bounds a program from outside."""

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        program = f"""
import signal, time
from aws_role_exec.network.deadline import Deadline, run_until
{script}
"""
        return subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
        )

    def test_goes_on_meanwhile(self) -> None:
        done = self.run("signal.setitimer(0, 0.3)\nrun_until(Deadline(30), lambda: time.sleep(30))")
        assert done.returncode == -signal.SIGALRM, done

    def test_is_there_again_afterwards_with_the_time_passed_taken_off(self) -> None:
        done = self.run(
            "signal.setitimer(0, 100, 7)\nrun_until(Deadline(30), lambda: time.sleep(0.5))\n"
            "left, interval = signal.getitimer(0)\nprint(90 < left < 99.6, interval)\n"
            "print(signal.getsignal(signal.SIGALRM) == signal.SIG_DFL)"
        )
        assert done.stdout.split() == ["True", "7.0", "True"], done

    def test_that_is_ignored_stays_so(self) -> None:
        done = self.run(
            "signal.signal(14, signal.SIG_IGN)\nsignal.setitimer(0, 0.1)\n"
            "run_until(Deadline(30), lambda: time.sleep(0.4))\n"
            "print(signal.getsignal(14) == signal.SIG_IGN)"
        )
        assert done.stdout == "True\n", done

    def test_that_somebody_sends_by_hand_ends_us(self) -> None:
        done = self.run(
            "import os\nrun_until(Deadline(30), lambda: (os.kill(os.getpid(), 14), time.sleep(30)))"
        )
        assert done.returncode == -signal.SIGALRM, done

    def test_that_is_blocked_stays_blocked(self) -> None:
        done = self.run(
            "signal.pthread_sigmask(signal.SIG_BLOCK, [14])\n"
            "try: run_until(Deadline(0.2), lambda: time.sleep(30))\n"
            "except TimeoutError: print('in time')\n"
            "print(14 in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
        )
        assert done.stdout.splitlines() == ["in time", "True"], done

    def test_that_comes_while_it_is_blocked_waits_until_it_is_let_through(self) -> None:
        """The command gets it, and not we."""
        for ring in (
            "signal.setitimer(0, 0.1)",
            "os.kill(os.getpid(), 14)",
            "late = lambda: os.kill(os.getpid(), 14)",
        ):
            done = self.run(
                "import os\nlate = lambda: None\nsignal.pthread_sigmask(signal.SIG_BLOCK, [14])\n"
                f"{ring}\nrun_until(Deadline(30), lambda: (late(), time.sleep(0.3)))\n"
                "until = time.monotonic() + 30\n"
                "while 14 not in signal.sigpending() and time.monotonic() < until: pass\n"
                "print(14 in signal.sigpending(), flush=True)\n"
                "signal.pthread_sigmask(signal.SIG_UNBLOCK, [14])\ntime.sleep(30)"
            )
            assert done.stdout == "True\n", (ring, done)
            assert done.returncode == -signal.SIGALRM, (ring, done)

    def test_is_not_seen_by_the_command(self) -> None:
        """Nothing of ours is there after execve(2)."""
        shown = "grep -E '^Sig(Blk|Ign|Cgt|Pnd)|^ShdPnd' /proc/self/status"
        plain = subprocess.run(["sh", "-c", shown], capture_output=True, text=True).stdout
        done = self.run(
            "import os\nrun_until(Deadline(0.5), lambda: None)\nsignal.signal(13, signal.SIG_DFL)\n"
            f"signal.signal(25, signal.SIG_DFL)\nos.execvp('sh', ['sh', '-c', {shown!r}])"
        )
        assert done.stdout == plain
        done = self.run(
            "import os\nrun_until(Deadline(0.2), lambda: None)\n"
            "os.execvp('sleep', ['sleep', '0.5'])"
        )
        assert done.returncode == 0, done


class TestLookingUpAHost:
    def test_ends_at_the_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A C library waits for its name servers, whatever signals say."""
        answered = threading.Event()
        monkeypatch.setattr("_socket.getaddrinfo", lambda *_: answered.wait(60))
        deadline = Deadline(0.2)
        with pytest.raises(TimeoutError):
            run_until(deadline, lambda: deadline.resolve("sts.example", 443))
        assert not answered.is_set()
        answered.set()

    def test_raises_what_the_library_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr("_socket.getaddrinfo", unknown)
        with pytest.raises(socket.gaierror, match="unknown"):
            Deadline(30).resolve("sts.example", 443)

    def test_needs_no_thread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`prlimit --nproc=1`, or a container's limit of processes."""

        def full(*_: object) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr("_thread.start_new_thread", full)
        monkeypatch.setattr("_socket.getaddrinfo", lambda *_: ["found"])
        assert Deadline(30).resolve("sts.example", 443) == ["found"]


def test_a_terminal_that_is_slow_to_show_the_line_ends_nothing() -> None:
    """A ring of our own comes once more meanwhile, and is not taken for somebody else's alarm."""
    code = """
import time
from aws_role_exec.network.alarm import Alarm
from aws_role_exec.network.deadline import Deadline

class Slow:
    shown = 0
    def due_in(self):
        return 0.05 if not self.shown else 3600.0
    def show(self):
        self.shown += 1
        time.sleep(0.5)
    def clear(self):
        pass

waiting = Slow()
waiting.due_in = iter([0.05, 0.0] + [3600.0] * 1000).__next__
alarm = Alarm(Deadline(60), waiting)
alarm.start()
while not waiting.shown:
    time.sleep(0.01)
time.sleep(0.5)
alarm.restore()
print(waiting.shown)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "1\n"), ran.stderr
