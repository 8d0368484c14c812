"""Every hint: what brings it about, and that it is shown. docs/errors.md has the same tables."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aws_role_exec.sts import refusals
from identity.conftest import KEYLESS
from runner import ROLE, Runner
from servers import sts as behave
from servers.certificates import Authority
from servers.oidc import CLAIMS, jwt
from servers.sts import BASE, Sts, refusal

TOKEN = jwt()
FACTS = {
    "role": ROLE,
    "region": "us-east-1",
    "source": "the environment",
    "who": BASE.arn,
    "percent": "113%",
    "unsent": "an external ID (--external-id), MFA (--mfa-serial), tags (--tag)"
    " or a source identity (--source-identity)",
    "token": ", ".join(f"{name}={value}" for name, value in CLAIMS.items()),
}


class TestRefusals:
    @pytest.mark.parametrize(
        ("code", "row"),
        [
            pytest.param(code, row, id=f"{number}-{code}")
            for number, row in enumerate(refusals.REFUSALS)
            for code in row.codes
        ],
    )
    def test_have_their_hint(self, run: Runner, sts: Sts, code: str, row: refusals.Refusal) -> None:
        """STS's own words, then what to do, with the names filled in."""
        sts.always(refusal(code, row.example, 400))
        words: tuple[str, ...] = ()
        by_token = "{token}" in row.hint or code.startswith("InvalidIdentity")
        if by_token:
            words = ("--web-identity", "env:ID")
        failure = run.assume(*words, "--", "true", env={"ID": TOKEN}).failure(125)
        assert failure.line == (
            f"aws-role-exec: assuming {ROLE}: {code}: {' '.join(row.example.split())}"
        )
        assert failure.hint == row.hint.format(**FACTS)
        assert len(sts.asked) == 1

    def test_are_found_by_their_own_row(self) -> None:
        """No row hides another."""
        for row in refusals.REFUSALS:
            for code in row.codes:
                first = next(
                    other
                    for other in refusals.REFUSALS
                    if code in other.codes and other.contains in row.example
                )
                assert first is row, row

    def test_of_a_clock_that_is_wrong(self, run: Runner, sts: Sts) -> None:
        """Before what the code alone would say."""
        sts.always(behave.clock_skew(-600))
        hint = run.assume("--", "true").failure(125).hint
        assert hint == refusals.SKEW_HINT.format(minutes=10, direction="ahead of")

    def test_of_throttling_until_the_deadline(self, run: Runner, sts: Sts) -> None:
        """What to change is not here but in how many start at once."""
        sts.always(behave.THROTTLING)
        failure = run.assume("--sts-timeout", "5s", "--", "true").failure(125)
        assert failure.hint == refusals.THROTTLED_HINT
        assert failure.line.endswith("responses within 5s, the last: Throttling")


@pytest.fixture
def full() -> Iterator[str]:
    """A port whose queue of connections is full, so that nobody gets an answer to a SYN."""
    waiting: list[socket.socket] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(listener.getsockname())
            waiting.append(connection)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for connection in waiting:
            connection.close()


@pytest.fixture
def closed() -> Iterator[str]:
    """A port on which nobody listens, and nobody else will."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{holder.getsockname()[1]}"


class TestFaults:
    """Each row of FAULTS by a fault of its kind."""

    def shows(self, run: Runner, name: str, *, timeout: str = "20s", **env: str) -> None:
        failure = run.assume("--sts-timeout", timeout, "--", "true", env=env).failure(125)
        fault = refusals.FAULTS[name]
        assert fault.why.partition("{")[0] in failure.line
        assert failure.hint == fault.hint

    def test_proxy(self, run: Runner, sts: Sts, closed: str) -> None:
        self.shows(run, "proxy", HTTP_PROXY=f"http://{closed}")

    def test_connect_timeout(self, run: Runner, full: str) -> None:
        # Not the short way's fault, which botocore would then see only after it.
        self.shows(
            run, "connect timeout", timeout="6s", AWS_ENDPOINT_URL_STS=full, AWS_MAX_ATTEMPTS="1"
        )

    def test_unreachable(self, run: Runner, closed: str) -> None:
        self.shows(run, "unreachable", AWS_ENDPOINT_URL_STS=f"http://{closed}")

    def test_read_timeout(self, run: Runner, sts: Sts) -> None:
        sts.always(behave.hang)
        self.shows(run, "read timeout", timeout="8s")

    def test_dropped(self, run: Runner, sts: Sts) -> None:
        sts.always(behave.drop)
        failure = run.assume("--sts-timeout", "6s", "--", "true").failure(125)
        assert refusals.FAULTS["dropped"].why in failure.line

    def test_not_sts(self, run: Runner, sts: Sts) -> None:
        sts.always(behave.GARBAGE)
        self.shows(run, "not STS")

    @pytest.mark.parametrize(
        ("name", "options"),
        [("host name", {"name": "wrong.example"}), ("expired certificate", {"expired": True})],
    )
    def test_certificate(
        self,
        run: Runner,
        sts_servers: Callable[..., Sts],
        authority: Authority,
        name: str,
        options: dict[str, object],
    ) -> None:
        names = [str(options["name"])] if "name" in options else []
        server = sts_servers(authority.context(*names, expired="expired" in options))
        bundle = str(authority.bundle)
        self.shows(run, name, AWS_ENDPOINT_URL_STS=server.url, AWS_CA_BUNDLE=bundle)

    def test_untrusted(
        self, run: Runner, sts_servers: Callable[..., Sts], authority: Authority
    ) -> None:
        server = sts_servers(authority.context())
        self.shows(run, "untrusted", AWS_ENDPOINT_URL_STS=server.url)

    def test_no_authorities(
        self, run: Runner, sts_servers: Callable[..., Sts], authority: Authority, tmp_path: Path
    ) -> None:
        (tmp_path / "empty").touch()
        bundle = str(tmp_path / "empty")
        url = sts_servers(authority.context()).url
        failure = run.assume(
            "--", "true", env={"AWS_ENDPOINT_URL_STS": url, "AWS_CA_BUNDLE": bundle}
        ).failure(125)
        assert "contains no CA certificate" in failure.line
        assert failure.hint == refusals.FAULTS["no authorities"].hint

    def test_not_tls(self, run: Runner, sts: Sts) -> None:
        self.shows(run, "not TLS", AWS_ENDPOINT_URL_STS=sts.url.replace("http:", "https:"))

    def test_every_row_is_here_or_in_the_unit_tests(self) -> None:
        """The last one is for faults of TLS that nobody has seen yet."""
        tested = {name.removeprefix("test_") for name in dir(self) if name.startswith("test_")}
        tested |= {"host_name", "expired_certificate", "tls"}
        # In tests/network, by both transports.
        tested |= {"certificate_not_yet_valid", "no_such_host", "not_http", "not_sent", "too_large"}
        tested |= {"proxy_407"}
        assert {name.replace(" ", "_").lower() for name in refusals.FAULTS} <= tested


class TestBaseCredentials:
    def test_none(self, run: Runner, sts: Sts) -> None:
        """Where was looked."""
        hint = run.assume("--", "true", env=KEYLESS).failure(125).hint or ""
        assert hint.startswith("looked in the environment, ")
        assert hint.endswith("the instance metadata service is disabled")

    @pytest.mark.parametrize(
        ("name", "env"),
        [
            ("partial", {"AWS_SECRET_ACCESS_KEY": None}),
            ("expired by a variable", {"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}),
            ("not a time", {"AWS_CREDENTIAL_EXPIRATION": "soon"}),
        ],
    )
    def test_of_the_environment(
        self, run: Runner, sts: Sts, name: str, env: dict[str, str | bytes | None]
    ) -> None:
        """What is wrong with the variables."""
        failure = run.assume("--", "true", env=env).failure(125)
        assert failure.hint == refusals.IDENTITY_HINTS[name]
        assert not sts.asked
