"""`--renew` on Windows: the process that waits for the command serves it meanwhile.

The program runs as a whole, as if it were there: see as_windows.py.
"""

import contextlib
import datetime
import os
import re
import signal
import socket
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from renewal.conftest import JOB, Job, StartJob, assumed, parent_of, running_job
from runner import Runner, wait_for
from servers import sts as behave
from servers.sts import BASE, Sts

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/status"), reason="SKIPPED: no /proc on this platform"
)
SESSION_SECONDS = 4

#: A job with a real SDK: prints each identity that it finds to be its own, and the first keys.
SDK = """
import sys, time, botocore.session
session = botocore.session.Session()
client = session.create_client("sts")
keys = []
while len(keys) < int(sys.argv[1]):
    print(client.get_caller_identity()["Arn"])
    key = session.get_credentials().get_frozen_credentials().access_key
    if key not in keys:
        keys.append(key)
    time.sleep(0.3)
print(*keys)
"""


@pytest.fixture
def program() -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("as_windows.py"))]


@pytest.fixture
def start_job(run: Runner, sts: Sts) -> StartJob:
    sts.session_seconds = SESSION_SECONDS
    run.env["LOCALAPPDATA"] = str(run.tmp)

    @contextlib.contextmanager
    def start(*options: str, **more: Any) -> Iterator[Job]:
        with running_job(run, lambda command: [parent_of(command)], *options, **more) as job:
            yield job
            if job.process.poll() is None:
                job.end()  # killed, it could not tidy up

    return start


class TestTheCommand:
    def test_is_given_a_way_to_ask_and_no_key(self, start_job: StartJob, run: Runner) -> None:
        with start_job() as job:
            assert job.helper == job.process.pid  # us, who wait for it
            keys = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
            assert not keys & set(job.env)
            assert job.directory.parent == run.tmp
            token = Path(job.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read_text()
            assert token == job.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
            assert job.env["NO_PROXY"] == "127.0.0.1"
            assert "no_proxy" not in job.env  # names are the same in any case there
            assert job.ask(token="guess")[0] == 401
            assert all(BASE.secret not in path.read_text() for path in job.directory.iterdir())

    def test_ends_with_its_own_exit_code(self, start_job: StartJob) -> None:
        script = JOB[-1] + "; sys.exit(7)"
        with start_job(job=(*JOB[:-1], script)) as job:
            assert job.end() == (7, "")

    def test_gets_ctrl_c_and_decides_itself(self, start_job: StartJob) -> None:
        script = f"import signal; signal.signal(signal.SIGINT, lambda *_: os._exit(5)); {JOB[-1]}"
        with start_job(job=(*JOB[:-1], script)) as job:
            os.killpg(job.helper, signal.SIGINT)
            assert job.end()[0] == 5

    def test_that_cannot_be_started_leaves_nothing(self, run: Runner, start_job: StartJob) -> None:
        script = run.cwd / "script"
        script.write_text("#!/no/such/interpreter\n")
        script.chmod(0o755)
        run.assume("--renew", "--", str(script)).failure(126)
        assert not list(run.tmp.iterdir())

    def test_does_not_begin_where_sts_refuses(
        self, run: Runner, start_job: StartJob, sts: Sts
    ) -> None:
        sts.always(behave.ACCESS_DENIED)
        result = run.assume("--renew", "--", "touch", str(run.cwd / "ran"))
        assert "AccessDenied" in result.failure(125).line
        assert not (run.cwd / "ran").exists()


class TestRenewals:
    def test_reach_an_sdk_across_expiries(self, run: Runner, start_job: StartJob, sts: Sts) -> None:
        words = ("--renew", "--session-name", "job", "--", sys.executable, "-c", SDK, "4")
        *arns, keys = run.assume(*words, timeout=300).ok().out.splitlines()
        assert {arn.rpartition(":")[2] for arn in arns} == {"assumed-role/my-role/job"}
        seen = keys.split()  # perhaps not the first, where Python takes seconds to start
        assert seen == [key.access_key for key in sts.issued if key.access_key in seen]

    def test_have_the_whole_request_again(self, start_job: StartJob, sts: Sts) -> None:
        with start_job("--tag", "team=a b", "--external-id", "x-1") as job:
            first = job.key()
            wait_for(lambda: job.key() != first, 60)
        first_asked, *others = [dict(asked.params) for asked in assumed(sts)]
        assert others
        assert all(asked == first_asked for asked in others)

    def test_that_fail_are_told_and_tried_again(self, start_job: StartJob, sts: Sts) -> None:
        with start_job() as job:
            sts.script(behave.ACCESS_DENIED)
            first = job.key()
            wait_for(lambda: job.ask()[1].get("AccessKeyId") != first, 60)
            wait_for(lambda: len(sts.issued) >= 2, 60)
            wait_for(lambda: job.ask()[0] == 200, 60)
            code, err = job.end()
        assert code == 0
        failed, again = err.splitlines()
        assert re.match("aws-role-exec: renewal failed, .*AccessDenied.*; hint: ", failed)
        assert again.startswith("aws-role-exec: renewal succeeded; the credentials now last until ")

    def test_that_hang_keep_nobody_from_good_credentials_nor_the_end(
        self, start_job: StartJob, sts: Sts
    ) -> None:
        sts.session_seconds = 12
        with start_job("--sts-timeout", "10m") as job:
            first = job.ask()
            end = datetime.datetime.fromisoformat(first[1]["Expiration"]).timestamp()
            sts.always(behave.hang)
            wait_for(lambda: len(assumed(sts)) == 2, 60)
            answer = job.ask()
            if time.time() < end - 2:  # unless this machine is so slow that they have ended
                assert answer == first
            assert job.end() == (0, "")


class TestTheNextRun:
    def test_removes_what_a_killed_one_left_and_nothing_in_use(
        self, start_job: StartJob, run: Runner
    ) -> None:
        with start_job() as killed, start_job() as other:
            os.kill(killed.helper, signal.SIGKILL)
            killed.process.wait()
            assert killed.directory.exists()
            with start_job() as job:
                assert not killed.directory.exists()
                assert other.directory.exists()
                assert other.key() != job.key()


class TestWaysThatAreNone:
    def test_by_process_is_refused(self, run: Runner, start_job: StartJob, sts: Sts) -> None:
        failure = run.assume("--renew=process", "--renew-dir", ".", "--", "true").failure(2)
        assert failure.line == "aws-role-exec: --renew: process is not available on Windows"
        assert failure.hint == "--renew alone is"
        assert not sts.asked

    def test_without_a_place_of_the_users_own(self, run: Runner, start_job: StartJob) -> None:
        for place in (None, "relative", "/no/such/place", f"{run.home}/$name"):
            result = run.assume("--renew", "--", "true", env={"LOCALAPPDATA": place})
            failure = result.failure(125)
            assert "cannot create a private directory" in failure.line
            assert "LOCALAPPDATA" in (failure.hint or "")


class TestClients:
    def test_wait_for_a_renewal_when_there_is_nothing_good(
        self, start_job: StartJob, sts: Sts
    ) -> None:
        with start_job() as job:
            sts.script(behave.slow(SESSION_SECONDS))
            wait_for(lambda: len(assumed(sts)) == 2, 60)
            assert job.key() == sts.issued[1].access_key

    def test_are_served_in_a_flood_of_silent_connections(self, start_job: StartJob) -> None:
        with start_job() as job:
            url = urllib.parse.urlsplit(job.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
            flood = []
            try:
                for _ in range(700):
                    flood.append(socket.create_connection((url.hostname or "", url.port or 0)))
                first = job.key()
                wait_for(lambda: job.key() != first, 60)
            finally:
                for connection in flood:
                    connection.close()
