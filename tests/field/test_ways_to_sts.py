"""Odd and broken ways to STS, as the field has them.

boto/botocore#3751: REQUESTS_CA_BUNDLE alone. Answers of STS-compatible endpoints that are framed
another way than AWS's. Limits of processes. Proxy variables that hold no address, proxies that
want a password. Deadlines: all the time is used, and what came meanwhile is told.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import Runner
from servers import sts as behave
from servers.certificates import Authority
from servers.metadata import CONTAINER, INSTANCE, ContainerCredentials, InstanceMetadata
from servers.proxy import Proxy
from servers.sts import Asked, Conversation, Sts

KEYLESS: dict[str, str | bytes | None] = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def _chunked(body: bytes) -> bytes:
    parts = [body[i : i + 100] for i in range(0, len(body), 100)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


FRAMINGS: dict[str, Callable[[bytes], bytes]] = {
    "chunked": _chunked,
    "HTTP/1.0": lambda body: b"HTTP/1.0 200 OK\r\n\r\n" + body,
    "closed at the end": lambda body: b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body,
    "100 Continue": lambda body: b"HTTP/1.1 100 Continue\r\n\r\n" + _chunked(body),
}


class TestFraming:
    @pytest.mark.parametrize("name", FRAMINGS)
    def test_of_any_kind_is_read_once(self, run: Runner, sts: Sts, name: str) -> None:
        """The role is not assumed a second time."""

        def answer(conversation: Conversation, asked: Asked) -> None:
            body = conversation.server.assume_role(asked).encode()
            conversation.wfile.write(FRAMINGS[name](body))
            conversation.close_connection = True

        sts.always(answer)
        run.assume("--", "true").ok()
        assert len(sts.asked) == 1

    def test_a_page_without_end_is_no_answer(self, run: Runner, sts: Sts) -> None:
        """1 MiB is read of it, in next to no time and memory."""

        def answer(conversation: Conversation, _: Asked) -> None:
            conversation.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
            for _number in range(400):
                conversation.wfile.write(b"x" * (1 << 20))

        sts.always(answer)
        result = run.assume("--sts-timeout", "60s", "--", "true")
        assert "larger than 1 mib" in result.failure(125).text
        assert len(sts.asked) == 1


class TestTrust:
    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_a_variable_counts_for_every_server(
        self,
        run: Runner,
        sts_servers: Callable[..., Sts],
        authority: Authority,
        variable: str,
    ) -> None:
        """STS, a container endpoint and the instance metadata service alike."""
        server = sts_servers(authority.context())
        env = {"AWS_ENDPOINT_URL_STS": server.url, variable: str(authority.bundle)}
        run.assume("--", "true", env=env).ok()
        server.know(CONTAINER)
        with ContainerCredentials(context=authority.context()) as container:
            more = {**env, **KEYLESS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{container.url}/c"}
            run.assume("--", "true", env=more).ok()
        server.know(INSTANCE)
        with InstanceMetadata(context=authority.context()) as metadata:
            more = {
                **env,
                **KEYLESS,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url,
                "AWS_EC2_METADATA_DISABLED": None,
            }
            run.assume("--", "true", env=more).ok()
        assert [asked.access_key for asked in server.asked] == [
            behave.BASE.access_key,
            CONTAINER.access_key,
            INSTANCE.access_key,
        ]

    def test_a_clock_that_is_behind_is_told_as_that(
        self, run: Runner, sts_servers: Callable[..., Sts], authority: Authority
    ) -> None:
        server = sts_servers(authority.context(not_yet=True))
        env = {"AWS_ENDPOINT_URL_STS": server.url, "AWS_CA_BUNDLE": str(authority.bundle)}
        failure = run.assume("--", "true", env=env).failure(125)
        assert "not valid yet" in failure.line
        assert "clock" in str(failure.hint)


class TestProcesses:
    def test_one_is_enough(
        self, run: Runner, needs: Callable[..., str], program: list[str]
    ) -> None:
        """`prlimit --nproc=1`, or a container's limit of processes."""
        prefix = [needs("prlimit", "util-linux"), "--nproc=1"]
        if os.geteuid() == 0:  # whom no such limit binds
            reader = "+dac_override,+dac_read_search"
            user = ["--reuid=65534", f"--inh-caps={reader}", f"--ambient-caps={reader}"]
            prefix = [needs("setpriv", "util-linux"), *user, *prefix]
        run.assume("--", "true", prefix=prefix).ok()


class TestProxies:
    @pytest.mark.parametrize(
        "value",
        [
            "http://h:abc",
            " http://h:1 ",
            "http://u:hush-hush@h:1/ x",
            "socks5://h:1",
            "http://",
            "http://h:70000",
        ],
    )
    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
    def test_a_variable_that_holds_no_address_is_named(
        self, run: Runner, name: str, value: str
    ) -> None:
        """At once, and without its password."""
        env = {name: value, "AWS_ENDPOINT_URL_STS": "https://sts.amazonaws.com"}
        failure = run.assume("--", "true", env=env).failure(2)
        assert name in failure.line
        assert "hush" not in failure.text

    def test_one_that_applies_to_no_host_of_ours_is_let_be(self, run: Runner, sts: Sts) -> None:
        run.assume("--", "true", env={"HTTPS_PROXY": "socks5://h:1"}).ok()
        run.assume("--", "true", env={"HTTP_PROXY": "h:x", "NO_PROXY": "127.0.0.1"}).ok()
        run.assume("--", "true", env={"ALL_PROXY": "http://127.0.0.1:9"}).ok()

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_a_password_is_tried_once(self, run: Runner, sts: Sts, scheme: str) -> None:
        with Proxy(sts, password="user:right") as proxy:
            env = {
                f"{scheme.upper()}_PROXY": f"http://user:hush-hush@127.0.0.1:{proxy.port}",
                "AWS_ENDPOINT_URL_STS": f"{scheme}://sts.amazonaws.com",
            }
            failure = run.assume("-v", "--", "true", env=env)
            assert len(proxy.asked) == 1
        assert failure.code == 125
        assert "HTTP 407" in failure.err
        assert "hush" not in failure.err


class TestTheDeadline:
    def test_throttled_to_the_end_says_how_often(self, run: Runner, sts: Sts) -> None:
        """All the time is used."""
        sts.always(behave.THROTTLING)
        result = run.assume("--sts-timeout", "3s", "--", "true")
        failure = result.failure(125)
        assert f"{len(sts.asked)} responses within 3s, the last: Throttling" in failure.line
        assert result.seconds > 2.4
        assert "spread the start of the jobs" in str(failure.hint)

    def test_a_helper_that_will_not_end_is_ended(self, run: Runner, tmp_path: Path) -> None:
        (run.home / ".aws").mkdir()
        helper = tmp_path / "helper"
        helper.write_text(
            "#!/bin/sh\ntrap '' TERM\necho $$ >" + str(tmp_path / "pid") + "\nsleep 600\n"
        )
        helper.chmod(0o755)
        (run.home / ".aws" / "config").write_text(f"[default]\ncredential_process = {helper}\n")
        run.assume("--sts-timeout", "2s", "--", "true", env=KEYLESS).failure(125)
        process = int((tmp_path / "pid").read_text())
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)

    def test_silence_says_to_give_it_longer(self, run: Runner, sts: Sts) -> None:
        """There was no answer at all, and that is said."""
        sts.always(behave.drip)
        failure = run.assume("--sts-timeout", "2s", "--", "true").failure(125)
        assert "no response within 2s" in failure.line
        assert failure.hint == "raise --sts-timeout"
