"""The helper beside the command: what it gives, what it holds, and what it leaves alone."""

import fcntl
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from renewal.conftest import JOB, StartJob, in_session, is_running
from runner import Runner, wait_for
from servers.sts import ACCESS_DENIED, BASE, Sts, hang

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/status"), reason="SKIPPED: no /proc on this platform"
)


class TestWhatTheCommandIsGiven:
    def test_is_a_way_to_ask_and_no_key(self, start_job: StartJob) -> None:
        with start_job() as job:
            env = job.env
            assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & set(
                env
            )
            assert "AWS_CREDENTIAL_EXPIRATION" not in env
            assert re.fullmatch(
                r"http://127\.0\.0\.1:\d+/.*", env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
            )
            token = Path(env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read_text()
            assert token == env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
            assert len(token) >= 32
            assert env["AWS_EC2_METADATA_DISABLED"] == "true"
            assert env["AWS_SDK_LOAD_CONFIG"] == "1"
            assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "us-east-1"
            assert "127.0.0.1" in env["no_proxy"].split(",")
            assert "127.0.0.1" in env["NO_PROXY"].split(",")
            profile = env["AWS_PROFILE"]
            assert f"[profile {profile}]" in Path(env["AWS_CONFIG_FILE"]).read_text()
            assert Path(env["AWS_SHARED_CREDENTIALS_FILE"]).read_text() == f"[{profile}]\n"

    def test_is_credentials_of_the_role_from_the_start(self, start_job: StartJob, sts: Sts) -> None:
        with start_job("--session-name", "long-job") as job:
            status, document = job.ask()
            assert status == 200
            issued = {key.access_key: key for key in sts.issued}[document["AccessKeyId"]]
            assert document["SecretAccessKey"] == issued.secret
            assert document["Token"] == issued.token
            assert document["RoleArn"].endswith("/long-job")

    def test_lies_where_nobody_else_reads(self, start_job: StartJob) -> None:
        with start_job() as job:
            assert stat.S_IMODE(job.directory.stat().st_mode) == 0o700
            for path in job.directory.iterdir():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
                assert BASE.secret not in path.read_text()
            assert re.fullmatch(r"[A-Za-z0-9-]+", job.directory.name)

    def test_goes_before_keys_of_the_users_files(self, start_job: StartJob, run: Runner) -> None:
        (run.home / ".aws").mkdir()
        foreign = "[default]\naws_access_key_id = AKIAFOREIGN\naws_secret_access_key = x\n"
        (run.home / ".aws/credentials").write_text(foreign)
        (run.home / ".aws/config").write_text(foreign + "region = eu-west-1\noutput = text\n")
        with start_job() as job:
            config = Path(job.env["AWS_CONFIG_FILE"]).read_text()
            assert "AKIAFOREIGN" not in config
            assert "output = text" in config

    def test_goes_before_keys_of_boto_2_whose_other_settings_stay(
        self, start_job: StartJob, run: Runner
    ) -> None:
        """botocore takes those before a container's; gsutil has its settings there."""
        (run.home / ".boto").write_text(
            "[Credentials]\naws_access_key_id = AKIAFOREIGN\nAWS_SECRET_ACCESS_KEY: x\n"
            "gs_access_key_id = GOOG1\n[Boto]\nproxy = 127.0.0.1\n"
        )
        with start_job() as job:
            text = Path(job.env["BOTO_CONFIG"]).read_text()
            ask = [sys.executable, str(Path(__file__).parents[1] / "whoami.py")]
            found = subprocess.run(ask, env=job.env, capture_output=True, text=True, check=True)
        assert text == "[Credentials]\ngs_access_key_id = GOOG1\n[Boto]\nproxy = 127.0.0.1\n"
        assert ":assumed-role/" in found.stdout

    def test_leaves_a_boto_2_file_without_aws_keys_where_it_is(
        self, start_job: StartJob, run: Runner
    ) -> None:
        (run.home / ".boto").write_text("[Credentials]\ngs_access_key_id = GOOG1\n")
        with start_job() as job:
            assert "BOTO_CONFIG" not in job.env


class TestTheHelper:
    def test_is_the_commands_child_and_the_command_has_our_pid(self, start_job: StartJob) -> None:
        with start_job() as job:
            assert job.pid == job.process.pid  # and `helper` was found among its children

    def test_says_in_the_list_of_processes_what_it_is(
        self, start_job: StartJob, program: list[str]
    ) -> None:
        with start_job("--session-name", "in-the-arguments") as job:
            shown = subprocess.run(
                ["ps", "-o", "comm=,args=", "-p", str(job.helper)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            assert shown.startswith("aws-role-renew")
            if "dist" in program[0]:  # the pip-installed one cannot change its arguments
                assert f"renews the credentials of process {job.pid}" in shown
                assert "in-the-arguments" not in shown

    def test_holds_nothing_of_the_callers(self, start_job: StartJob, tmp_path: Path) -> None:
        log = tmp_path / "stderr"
        with (
            log.open("wb") as stderr,
            (tmp_path / "held").open("wb") as held,
            start_job(stderr=stderr, pass_fds=[held.fileno()]) as job,
        ):
            assert os.readlink(f"/proc/{job.helper}/cwd") == "/"
            folder = f"/proc/{job.helper}/fd"
            links = {os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}
            files = {link for link in links if link.startswith("/")}
            assert files == {"/dev/null", str(log), str(job.directory)}
            fields = Path(f"/proc/{job.helper}/stat").read_text().rpartition(") ")[2].split()
            assert int(fields[3]) == job.helper  # its own session
            assert int(fields[4]) == 0  # no terminal

    def test_does_not_keep_a_lock_that_the_command_gives_back(
        self, start_job: StartJob, tmp_path: Path
    ) -> None:
        path = tmp_path / "lock"
        script = (
            "import fcntl, json, os, sys; fd = int(sys.argv[1]); fcntl.flock(fd, fcntl.LOCK_EX);"
            " os.close(fd); print(json.dumps([os.getpid(), dict(os.environ)]), flush=True);"
            " sys.stdin.read()"
        )
        with path.open("wb") as held:
            number = held.fileno()
            job = (sys.executable, "-c", script, str(number))
            with start_job(job=job, pass_fds=[number]):
                pass
            with start_job(job=job, pass_fds=[number]):
                held.close()
                with path.open("wb") as again:
                    fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def test_ignores_every_signal_that_can_be_ignored(self, start_job: StartJob) -> None:
        with start_job() as job:
            status = Path(f"/proc/{job.helper}/status").read_text()
            mask = int(re.findall(r"^SigIgn:\s+(\w+)$", status, re.MULTILINE)[0], 16)
            ignored = {number for number in range(1, 32) if mask >> (number - 1) & 1}
            cannot = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}
            assert ignored == set(range(1, 32)) - cannot
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGTSTP):
                os.kill(job.helper, number)
            assert job.key()

    def test_gets_no_signal_of_the_jobs_process_group(self, start_job: StartJob) -> None:
        """As Ctrl-C, `timeout` and schedulers send them; the command may handle it with keys."""
        script = "import signal; signal.signal(signal.SIGTERM, lambda *_: None); " + JOB[-1]
        with start_job(job=(*JOB[:-1], script)) as job:
            os.killpg(job.pid, signal.SIGTERM)
            assert job.key()
            assert is_running(job.pid)

    def test_sleeps_when_there_is_nothing_to_do(self, start_job: StartJob, sts: Sts) -> None:
        sts.session_seconds = 3600
        with start_job() as job:
            job.key()
            status = Path(f"/proc/{job.helper}/status")

            def wakings() -> int:
                return int(re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", text(), re.M)[0])

            def text() -> str:
                return status.read_text()

            wait_for(lambda: "State:\tS" in text())
            before = wakings()
            time.sleep(3)
            assert wakings() - before <= 4  # one a second where the kernel has no pidfd
            assert len(os.listdir(f"/proc/{job.helper}/task")) == 1

    def test_is_small(self, start_job: StartJob) -> None:
        """8 MiB of its own at most, renewals behind it."""
        with start_job() as job:
            first = job.key()
            wait_for(lambda: job.key() != first)
            rollup = Path(f"/proc/{job.helper}/smaps_rollup").read_text()
            # Not Private_Dirty: an executable's pages are that too until a new one is on the disk.
            (kilobytes,) = map(int, re.findall(r"^Anonymous:\s+(\d+)", rollup, re.M))
            assert kilobytes <= 8 * 1024

    def test_needs_no_environment_of_the_jobs(self, start_job: StartJob, sts: Sts) -> None:
        """`env -i` in the job takes nothing from the helper."""
        with start_job(job=("env", "-i", *JOB)) as job:
            assert set(job.env) <= {"LC_CTYPE"}
            before = len(sts.asked)
            wait_for(lambda: len(sts.asked) > before)
            job.env["AWS_CONFIG_FILE"] = next(
                os.readlink(f"/proc/{job.helper}/fd/{name}") + "/config"
                for name in os.listdir(f"/proc/{job.helper}/fd")
                if "aws-role-exec-" in os.readlink(f"/proc/{job.helper}/fd/{name}")
            )


class TestItsEnd:
    def test_comes_with_the_commands(self, start_job: StartJob) -> None:
        with start_job() as job:
            code, err = job.end()
        assert (code, err) == (0, "")

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
    def test_comes_with_the_commands_by_a_signal(
        self, start_job: StartJob, number: signal.Signals
    ) -> None:
        with start_job() as job:
            os.kill(job.pid, number)
            assert job.process.wait() == -number

    def test_comes_while_it_renews(self, start_job: StartJob, sts: Sts) -> None:
        with start_job() as job:
            sts.always(hang)
            before = len(sts.asked)
            wait_for(lambda: len(sts.asked) > before)
            children = subprocess.run(
                ["pgrep", "-P", str(job.helper)], capture_output=True, text=True, check=True
            ).stdout.split()
            assert len(children) == 1
            job.end()
        assert not any(is_running(int(child)) for child in children)

    def test_a_killed_helper_fails_the_command_closed_and_the_next_run_tidies_up(
        self, start_job: StartJob
    ) -> None:
        with start_job() as job:
            os.kill(job.helper, signal.SIGKILL)
            wait_for(lambda: not is_running(job.helper))
            with pytest.raises(ConnectionRefusedError):
                job.ask()
            assert is_running(job.pid)
            assert job.directory.exists()
            with start_job():
                assert not job.directory.exists()

    def test_without_credentials_there_is_no_command_and_nothing_is_left(
        self, run: Runner, sts: Sts
    ) -> None:
        sts.always(ACCESS_DENIED)
        result = run.assume("--renew", "--", "touch", str(run.cwd / "ran"))
        assert "AccessDenied" in result.failure(125).line
        assert not (run.cwd / "ran").exists()
        wait_for(lambda: not in_session(result.pid))

    def test_a_command_that_cannot_be_executed_leaves_nothing(self, run: Runner, sts: Sts) -> None:

        script = run.cwd / "script"
        script.write_text("#!/no/such/interpreter\n")
        script.chmod(0o755)
        result = run.assume("--renew", "--", str(script))
        assert result.code == 126
        wait_for(lambda: not list(run.tmp.iterdir()))


class TestCommandsThatWait:
    """No `wait` for all children may see the helper."""

    WAITERS = (
        ("bash", "bash", "-c", "sleep 0.01 & wait; echo done"),
        ("dash", "dash", "-c", "sleep 0.01 & wait; echo done"),
        (
            "perl",
            "perl",
            "-e",
            "unless (fork) { exit } 1 while wait != -1; print qq(done\\n)",
        ),
        (
            "python",
            sys.executable,
            "-c",
            "import os\npid = os.fork()\nif not pid: os._exit(0)\ntry:\n  while True: os.wait()\n"
            "except ChildProcessError: print('done')",
        ),
        ("xargs", "sh", "-c", "echo 1 2 3 | xargs -P 2 -n 1 true; echo done"),
    )

    @pytest.mark.parametrize("words", [pytest.param(words[1:], id=words[0]) for words in WAITERS])
    def test_end(self, run: Runner, words: tuple[str, ...]) -> None:
        result = run.assume("--renew", "--", *words, timeout=60).ok()
        assert result.out == "done\n"
        wait_for(lambda: not list(run.tmp.iterdir()))

    @pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED: a PID namespace needs root")
    def test_end_as_the_first_process_of_a_container(self, run: Runner) -> None:
        unshare = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
        words = {words[0]: words[1:] for words in self.WAITERS}["python"]
        result = run.assume("--renew", "--", *words, prefix=unshare, timeout=60).ok()
        assert result.out == "done\n"
        for path in run.tmp.iterdir():  # the kernel ended the helper with its PID namespace
            assert path.name.startswith("aws-role-exec-")
            for file in path.iterdir():
                file.unlink()
            path.rmdir()


class TestCommandsThatChange:
    def test_into_another_program_keep_their_helper(self, start_job: StartJob, sts: Sts) -> None:
        with start_job(job=("sh", "-c", 'exec env A=1 nohup "$@"', "sh", *JOB)) as job:
            first = job.key()
            wait_for(lambda: job.key() != first)

    def test_into_a_session_leader_keep_their_helper(self, start_job: StartJob) -> None:
        script = JOB[-1].replace(
            "import json",
            "import os; os.setsid() if os.getpid() != os.getsid(0) else 0; import json",
        )
        with start_job(job=(*JOB[:-1], script)) as job:
            assert job.key()

    def test_whose_first_thread_ends_keep_their_helper(self, start_job: StartJob, sts: Sts) -> None:
        script = (
            "import ctypes, json, os, sys, threading\n"
            "def go():\n"
            "    print(json.dumps([os.getpid(), dict(os.environ)]), flush=True)\n"
            "    sys.stdin.read()\n"
            "    os._exit(7)\n"
            "threading.Thread(target=go).start()\n"
            "ctypes.CDLL(None).pthread_exit(None)\n"
        )
        with start_job(job=(sys.executable, "-c", script)) as job:
            first = job.key()
            wait_for(lambda: job.key() != first)
            assert job.end()[0] == 7


class TestTheProgramsFile:
    @pytest.mark.parametrize("change", ["removed", "replaced"])
    def test_may_change_meanwhile(
        self, start_job: StartJob, run: Runner, tmp_path: Path, change: str
    ) -> None:
        copy = tmp_path / "aws-role-exec"
        shutil.copy(run.program[0], copy)
        run.program = [str(copy)]
        with start_job() as job:
            first = job.key()
            copy.unlink()
            if change == "replaced":
                copy.write_text("#!/bin/sh\nexit 9\n")
                copy.chmod(0o755)
            wait_for(lambda: job.key() != first)


class TestDebuggers:
    """`strace -f` and the like may be attached; the kernels of old have no pidfd_open."""

    def test_strace_sees_the_command_and_the_job_ends(
        self, run: Runner, start_job: StartJob, needs: object, tmp_path: Path
    ) -> None:
        trace = ("strace", "-f", "-o", str(tmp_path / "trace"), "-e", "trace=execve")
        with start_job(prefix=trace) as job:
            assert job.key()
            assert job.end()[0] == 0

    def test_may_come_and_go(self, start_job: StartJob) -> None:
        with start_job() as job:
            first = job.key()
            attached = subprocess.Popen(
                ["strace", "-f", "-p", str(job.pid)],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            assert attached.stderr is not None
            assert b"attached" in attached.stderr.readline()
            wait_for(lambda: job.key() != first)
            attached.terminate()
            attached.communicate()
            assert job.end()[0] == 0

    def test_gdb_may_come_and_go(self, start_job: StartJob, needs: Callable[[str], str]) -> None:
        with start_job() as job:
            first = job.key()
            words = [needs("gdb"), "--nx", "--batch", "-p", str(job.pid), "-ex", "detach"]
            subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=True)
            wait_for(lambda: job.key() != first)
            assert job.end()[0] == 0

    def test_the_end_is_noticed_without_pidfd(self, start_job: StartJob, tmp_path: Path) -> None:
        inject = ("-e", "trace=pidfd_open", "-e", "inject=pidfd_open:error=ENOSYS")
        prefix = ("strace", "-f", "-o", str(tmp_path / "trace"), *inject)
        with start_job(prefix=prefix) as job:
            folder = f"/proc/{job.helper}/fd"
            links = [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]
            assert not any("pidfd" in link for link in links)
            assert job.key()
            os.kill(job.pid, signal.SIGKILL)


def test_a_role_is_not_handed_to_other_users_processes(start_job: StartJob) -> None:
    """Who has no token gets none, whatever is tried."""
    with start_job() as job:
        assert job.ask(token="guess")[0] == 401
        assert job.ask(method="POST")[0] == 405
        assert job.ask(path="/")[0] == 404
        assert job.ask()[0] == 200
