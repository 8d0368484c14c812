"""Throttling and trouble are waited out, until the deadline."""

import contextlib
import re

import pytest

from runner import ROLE, Runner, wait_for
from servers import sts as behave
from servers.sts import TROUBLES, Sts

pytestmark = pytest.mark.usefixtures("both_transports")


class TestTransientTrouble:
    @pytest.mark.parametrize("name", TROUBLES)
    def test_is_retried_until_sts_answers(self, run: Runner, sts: Sts, name: str) -> None:
        """A hiccup costs a moment, not the job."""
        sts.script(TROUBLES[name])
        result = run.assume("-v", "--", "true").ok()
        assert len(sts.asked) == 2
        # Decorrelated jitter starts with half a second to one and a half.
        told = re.search(r"retrying in ([0-9.]+)s", result.err)
        assert told, result
        assert 0.5 <= float(told[1]) <= 1.5
        assert sts.asked[1].at - sts.asked[0].at > 0.4

    def test_is_retried_more_often_than_an_sdk_would(self, run: Runner, sts: Sts) -> None:
        """Four of five thousand array jobs starting at once would fail with three attempts."""
        sts.script(*[behave.THROTTLING] * 4)
        run.assume("--", "true").ok()
        assert len(sts.asked) == 5

    def test_each_try_signs_anew(self, run: Runner, sts: Sts) -> None:
        """A signature of minutes ago would be refused."""
        sts.script(behave.THROTTLING)
        run.assume("--", "true").ok()
        assert all(asked.signature_valid for asked in sts.asked)

    def test_waits_differ(self, run: Runner, sts: Sts) -> None:
        """A thousand nodes that start together must not come back together."""
        sts.always(behave.THROTTLING)
        with contextlib.ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(run.start("--role-arn", ROLE, "--", "true"))
            wait_for(lambda: sum(len(times) > 1 for times in by_session(sts).values()) == 8)
        waits = [times[1] - times[0] for times in by_session(sts).values()]
        # The first wait is 0.5 to 1.5 s: that eight of them fall this close together by chance
        # is not seen in ten thousand runs.
        assert max(waits) - min(waits) > 0.2


def by_session(sts: Sts) -> dict[str, list[float]]:
    """When each session asked."""
    times: dict[str, list[float]] = {}
    for asked in list(sts.asked):
        times.setdefault(asked.params["RoleSessionName"], []).append(asked.at)
    return times


class TestTheDeadline:
    """It ends what would never end by itself, and says so; how fast is the machine's matter."""

    @pytest.mark.parametrize("name", [*TROUBLES, "hang", "drip"])
    def test_ends_everything(self, run: Runner, sts: Sts, name: str) -> None:
        """Exit 125 with one line and a hint, whatever STS does."""
        sts.always({**TROUBLES, "hang": behave.hang, "drip": behave.drip}[name])
        result = run.assume("--sts-timeout", "2s", "--", "true")
        failure = result.failure(125)
        # A proxy that hangs up is asked three times, which may be done before.
        assert "within 2s" in failure.text or "it closed the connection" in failure.text
        assert failure.hint
        assert result.seconds > 0.9, "the time is used"

    def test_throttled_to_the_end_says_throttling(self, run: Runner, sts: Sts) -> None:
        """Not just 'timed out': the cure is another."""
        sts.always(behave.THROTTLING)
        assert "thrott" in run.assume("--sts-timeout", "5s", "--", "true").failure(125).text

    def test_is_one_for_all_hops(self, run: Runner, sts: Sts) -> None:
        """Three roles do not take three times as long."""
        sts.always(behave.slow(1.5))
        more = ["--role-arn", "arn:aws:iam::123456789012:role/b"] * 3
        result = run.assume(*more, "--sts-timeout", "3s", "--", "true")
        assert "within 3s" in result.failure(125).text
        assert len(sts.asked) <= 2, "the second answer comes after the deadline"

    def test_a_slow_answer_within_it_is_fine(self, run: Runner, sts: Sts) -> None:
        """Nothing gives up early."""
        sts.always(behave.slow(3))
        run.assume("--", "true").ok()
        assert len(sts.asked) == 1

    def test_nobody_listening_is_unreachable(self, run: Runner) -> None:
        """A closed port is named with the address that was tried, after three attempts."""
        env = {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9", "HTTP_PROXY": None}
        result = run.assume("--sts-timeout", "1h", "--", "true", env=env)
        failure = result.failure(125)
        assert "127.0.0.1:9" in failure.text
        assert failure.hint

    def test_an_unknown_host_is_unreachable(self, run: Runner) -> None:
        """So is a name that does not resolve (`.invalid` never does)."""
        env = {"AWS_ENDPOINT_URL_STS": "http://sts.invalid", "HTTP_PROXY": None}
        result = run.assume("--sts-timeout", "1h", "--", "true", env=env)
        assert "sts.invalid" in result.failure(125).text

    def test_holds_for_finding_the_base_identity_too(self, run: Runner) -> None:
        """A credential_process that hangs does not hang the job."""
        config = run.home / ".aws"
        config.mkdir()
        (config / "config").write_text("[default]\ncredential_process = sleep infinity\n")
        keyless = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
        result = run.assume("--sts-timeout", "2s", "--", "true", env=keyless)
        assert "within 2s" in result.failure(125).text
