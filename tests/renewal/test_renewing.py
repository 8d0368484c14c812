"""Renewals: when they are asked for, by whom, how often, and what is told when they fail."""

import datetime
import os
import socket
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from renewal.conftest import JOB, SESSION_SECONDS, Job, StartJob, assumed
from runner import ROLE, Runner, wait_for
from servers import sts as behave
from servers.metadata import INSTANCE, InstanceMetadata
from servers.oidc import GitHubTokens
from servers.proxy import Proxy
from servers.sts import BASE, Key, Sts

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/status"), reason="SKIPPED: no /proc on this platform"
)
KEYLESS: dict[str, str | bytes | None] = {
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
}


def expired(document: dict[str, str]) -> bool:
    moment = datetime.datetime.fromisoformat(document["Expiration"])
    return moment <= datetime.datetime.now(datetime.UTC)


def keys_seen(job: Job, count: int) -> list[str]:
    """Ask until so many different keys were seen; none may be given out after its end."""
    seen: list[str] = []

    def look() -> bool:
        status, document = job.ask()
        assert status == 200, document
        assert not expired(document)
        if document["AccessKeyId"] not in seen:
            seen.append(document["AccessKeyId"])
        return len(seen) >= count

    wait_for(look, 120)
    return seen


class TestOneAfterTheOther:
    def test_clients_always_get_credentials_that_are_good(
        self, start_job: StartJob, sts: Sts
    ) -> None:
        with start_job() as job:
            seen = keys_seen(job, 3)
        # Perhaps without the first, which may have ended before this machine came to ask.
        assert seen == [key.access_key for key in sts.issued if key.access_key in seen]
        assert {asked.params["RoleArn"] for asked in assumed(sts)} == {ROLE}
        assert len({asked.params["RoleSessionName"] for asked in assumed(sts)}) == 1

    def test_renewals_come_ahead_of_expiry_though_nobody_asks(
        self, start_job: StartJob, sts: Sts
    ) -> None:
        with start_job():
            wait_for(lambda: len(assumed(sts)) >= 3, 120)
        first, second, third = (asked.at for asked in assumed(sts)[:3])
        for earlier, later in ((first, second), (second, third)):
            assert later - earlier >= SESSION_SECONDS * 2 / 3 - 1  # STS's times have no fractions

    def test_64_clients_at_the_same_moment_are_one_renewal(
        self, start_job: StartJob, sts: Sts
    ) -> None:
        with start_job() as job:
            sts.script(behave.slow(SESSION_SECONDS + 1.0))  # so that all of them wait
            wait_for(lambda: len(assumed(sts)) == 2, 60)
            time.sleep(SESSION_SECONDS / 3)  # the old ones have ended, or end soon
            with ThreadPoolExecutor(64) as pool:
                answers = list(pool.map(lambda _: job.ask(), range(64)))
        assert {status for status, _ in answers} == {200}
        assert len(assumed(sts)) <= 3

    def test_each_has_the_whole_request_again(self, start_job: StartJob, sts: Sts) -> None:
        options = ("--tag", "team=a b", "--external-id", "x-1", "--session-name", "mine")
        with start_job(*options) as job:
            keys_seen(job, 2)
        first, *others = [dict(asked.params) for asked in assumed(sts)]
        assert others
        assert all(asked == first for asked in others)
        assert first["Tags.member.1.Value"] == "a b"


class TestSourceCredentials:
    """The saved environment is asked again, and files are read again."""

    def test_keys_of_the_environment(self, start_job: StartJob, sts: Sts) -> None:
        with start_job() as job:
            keys_seen(job, 2)
        assert {asked.access_key for asked in sts.asked} == {BASE.access_key}

    def test_instance_metadata_whose_keys_change(self, start_job: StartJob, sts: Sts) -> None:
        sts.know(INSTANCE)
        with InstanceMetadata() as node:
            env = {
                **KEYLESS,
                "AWS_EC2_METADATA_DISABLED": None,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": node.url,
            }
            with start_job(env=env) as job:
                assert job.env["AWS_EC2_METADATA_DISABLED"] == "true"  # for the command alone
                keys_seen(job, 2)
        assert {asked.access_key for asked in assumed(sts)} == {INSTANCE.access_key}

    def test_a_profile_whose_keys_were_rotated(
        self, start_job: StartJob, sts: Sts, run: Runner
    ) -> None:
        new = sts.know(Key("AKIANEWEXAMPLE000000", "NewSecret/x"))
        folder = run.home / ".aws"
        folder.mkdir()

        def write(key: Key) -> None:
            (folder / "credentials").write_text(
                f"[work]\naws_access_key_id = {key.access_key}\n"
                f"aws_secret_access_key = {key.secret}\n"
            )

        write(BASE)
        with start_job("--profile", "work", env=KEYLESS) as job:
            write(new)
            keys_seen(job, 2)
        assert [asked.access_key for asked in sts.asked][:2] == [BASE.access_key, new.access_key]

    def test_a_token_file_that_is_kept_up_to_date(
        self, start_job: StartJob, sts: Sts, run: Runner
    ) -> None:
        path = run.cwd / "token"  # relative: the helper's own directory is another
        path.write_text("first.token.value")
        with start_job("--web-identity", "file:token", env=KEYLESS) as job:
            path.write_text("second.token.value")
            keys_seen(job, 2)
        tokens = [asked.params["WebIdentityToken"] for asked in assumed(sts)]
        assert tokens[:2] == ["first.token.value", "second.token.value"]

    def test_githubs_endpoint(self, start_job: StartJob, sts: Sts) -> None:
        with GitHubTokens() as github:
            env = {**KEYLESS, **github.env}
            with start_job("--web-identity", "github", env=env) as job:
                assert not [name for name in job.env if name.startswith("ACTIONS_ID_TOKEN")]
                keys_seen(job, 2)

    def test_a_credential_process_given_by_a_relative_path(
        self, start_job: StartJob, sts: Sts, run: Runner
    ) -> None:
        script = run.cwd / "keys"
        script.write_text(
            "#!/bin/sh\n"
            f'echo \'{{"Version": 1, "AccessKeyId": "{BASE.access_key}",'
            f' "SecretAccessKey": "{BASE.secret}"}}\'\n'
        )
        script.chmod(0o755)
        (run.home / ".aws").mkdir()
        (run.home / ".aws/config").write_text("[default]\ncredential_process = ./keys\n")
        with start_job(env=KEYLESS) as job:
            keys_seen(job, 2)

    def test_through_a_proxy_that_the_commands_requests_to_the_helper_do_not_take(
        self, start_job: StartJob, sts: Sts
    ) -> None:
        with Proxy(sts) as proxy, start_job(env={"http_proxy": proxy.url}) as job:
            keys_seen(job, 2)
            assert job.env["http_proxy"] == proxy.url
            assert "127.0.0.1" in job.env["no_proxy"].split(",")
            assert len(proxy.asked) == len(sts.asked)

    def test_two_roles(self, start_job: StartJob, sts: Sts) -> None:
        second = "arn:aws:iam::210987654321:role/second"
        with start_job("--role-arn", second) as job:
            keys_seen(job, 2)
        assert [asked.params["RoleArn"] for asked in assumed(sts)][:4] == [ROLE, second] * 2


class TestFailures:
    def test_old_credentials_are_served_while_they_are_good_and_one_line_is_told(
        self, start_job: StartJob, sts: Sts
    ) -> None:
        sts.session_seconds = 9
        with start_job() as job:
            first = job.key()
            sts.always(behave.ACCESS_DENIED)
            wait_for(lambda: len(assumed(sts)) >= 3, 60)  # it goes on trying
            status, document = job.ask()
            if status == 200:  # unless this machine is so slow that they have ended
                assert document["AccessKeyId"] == first
            _, err = job.end()
        (line,) = err.splitlines()
        assert line.startswith("aws-role-exec: renewal failed, the current credentials last ")
        assert "AccessDenied" in line
        assert "; hint: " in line

    def test_after_their_end_clients_are_told_why(self, start_job: StartJob, sts: Sts) -> None:
        sts.session_seconds = 3
        with start_job() as job:
            sts.always(behave.ACCESS_DENIED)
            wait_for(lambda: job.ask()[0] == 500, 60)
            status, document = job.ask()
            assert (status, document["code"]) == (500, "RenewalFailed")
            assert "AccessDenied" in document["message"]
            assert not any(secret in str(document) for secret in sts.secrets)

    def test_when_sts_is_back_so_are_the_credentials(self, start_job: StartJob, sts: Sts) -> None:
        sts.session_seconds = 3
        with start_job() as job:
            sts.always(behave.INTERNAL_FAILURE)
            wait_for(lambda: len(assumed(sts)) >= 3, 60)
            sts.always(behave.ok)
            wait_for(lambda: job.ask()[0] == 200, 60)
            keys_seen(job, 2)

    def test_a_job_is_told_that_it_goes_on(self, start_job: StartJob, sts: Sts) -> None:
        with start_job() as job:
            sts.script(behave.ACCESS_DENIED)
            wait_for(lambda: len(sts.issued) >= 2, 60)
            keys_seen(job, 1)
            _, err = job.end()
        failed, again = err.splitlines()
        assert failed.startswith("aws-role-exec: renewal failed, ")
        assert again.startswith("aws-role-exec: renewal succeeded; the credentials now last until ")

    def test_a_job_whose_stderr_nobody_reads_is_served(self, start_job: StartJob, sts: Sts) -> None:
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        try:
            while True:
                os.write(writing, b"x" * 4096)
        except BlockingIOError:
            pass
        os.set_blocking(writing, True)
        with start_job(stderr=writing) as job:
            first = job.key()
            sts.script(behave.ACCESS_DENIED)
            wait_for(lambda: job.ask()[1].get("AccessKeyId") not in (None, first), 120)
        os.close(reading)
        os.close(writing)

    def test_a_renewal_that_hangs_is_ended_by_its_deadline(
        self, start_job: StartJob, sts: Sts
    ) -> None:
        with start_job("--sts-timeout", "3s") as job:
            sts.script(behave.hang)
            wait_for(lambda: len(sts.issued) >= 2, 120)
            wait_for(lambda: job.ask()[0] == 200, 120)

    def test_configuration_that_breaks_meanwhile_is_told_with_its_line(
        self, start_job: StartJob, run: Runner, sts: Sts
    ) -> None:
        (run.home / ".aws").mkdir()
        config = run.home / ".aws/config"
        config.write_text("[default]\nregion = us-east-1\n")
        with start_job() as job:
            config.write_text("nonsense\n")
            wait_for(lambda: job.ask()[0] == 500, 60)
            assert "line 1" in job.ask()[1]["message"]
            config.write_text("[default]\n")
            wait_for(lambda: job.ask()[0] == 200, 60)


class TestStrangers:
    """Another user of the node connects, and sends whatever comes to mind."""

    def test_a_flood_of_silent_connections_costs_no_client_anything(
        self, start_job: StartJob, sts: Sts
    ) -> None:
        with start_job() as job:
            address = urllib.parse.urlsplit(job.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]).netloc
            host, _, port = address.partition(":")
            flood = []
            try:
                for _ in range(900):
                    flood.append(socket.create_connection((host, int(port))))
                assert job.key()
                keys_seen(job, 2)
            finally:
                for connection in flood:
                    connection.close()
            assert len(assumed(sts)) <= 4  # none of them caused one

    def test_a_flood_beyond_the_limit_of_descriptors_is_no_other(
        self, start_job: StartJob, sts: Sts
    ) -> None:
        few = ("sh", "-c", 'ulimit -n 24; exec "$@"', "sh")
        with start_job(prefix=few) as job:
            url = urllib.parse.urlsplit(job.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
            flood = []
            try:
                for _ in range(100):
                    flood.append(socket.create_connection((url.hostname or "", url.port or 0)))
                keys_seen(job, 2)
            finally:
                for connection in flood:
                    connection.close()

    def test_a_request_byte_by_byte_or_without_end_is_cut_off(self, start_job: StartJob) -> None:
        with start_job() as job:
            address = urllib.parse.urlsplit(job.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]).netloc
            host, _, port = address.partition(":")
            with socket.create_connection((host, int(port))) as endless:
                try:
                    for _ in range(64):
                        endless.sendall(b"x" * 1024)
                    answer = endless.recv(100)
                except ConnectionError:
                    answer = b""
                assert not answer or answer.startswith(b"HTTP/1.1 431 ")
            with socket.create_connection((host, int(port)), timeout=60) as silent:
                silent.sendall(b"GET / HT")
                assert job.key()
                assert silent.recv(1) == b""  # after some seconds

    def test_clients_that_leave_while_they_wait_do_no_harm(
        self, start_job: StartJob, sts: Sts
    ) -> None:
        sts.session_seconds = 3
        with start_job() as job:
            sts.script(behave.slow(4))
            wait_for(lambda: len(assumed(sts)) == 2, 60)
            url = urllib.parse.urlsplit(job.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
            token = job.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
            request = f"GET {url.path} HTTP/1.1\r\nAuthorization: {token}\r\n\r\n".encode()
            for _ in range(50):
                with socket.create_connection((url.hostname or "", url.port or 0)) as leaving:
                    leaving.sendall(request)
            assert job.key()


def test_many_jobs_at_once_have_a_helper_each(start_job: StartJob, sts: Sts) -> None:
    """As the tasks of an array on one node."""
    keys: list[str] = []

    def one() -> None:
        with start_job() as job:
            keys.append(job.key())

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 8


def test_files_of_the_job_need_no_home(start_job: StartJob, run: Runner, tmp_path: Path) -> None:
    """As in a prolog: no HOME, no TMPDIR, no XDG_RUNTIME_DIR."""
    with start_job(job=JOB, env={"HOME": None, "TMPDIR": None}) as job:
        assert job.directory.parent == Path("/tmp")
        assert job.key()
