"""Repeated --role-arn: each role by the one before, the options for the last."""

import pytest

from identity.conftest import KEYLESS, MFA
from runner import ROLE, WHOAMI, Runner
from servers.moto import Moto
from servers.sts import (
    ACCESS_DENIED,
    THROTTLING,
    Asked,
    Conversation,
    Key,
    Sts,
    hang,
    ok,
    refusal,
)

FIRST = "arn:aws:iam::123456789012:role/first"
SECOND = "arn:aws:iam::999888777666:role/second"
CHAIN = ("--role-arn", FIRST, "--role-arn", SECOND, "--role-arn", ROLE)
LAST_ONLY = {
    "--external-id": ("customer-4711", {"ExternalId": "customer-4711"}),
    "--source-identity": ("alice", {"SourceIdentity": "alice"}),
    "--tag": ("k=v", {"Tags.member.1.Key": "k", "Tags.member.1.Value": "v"}),
    "--policy-arn": (
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        {"PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    ),
    "--policy": (
        '{"Statement":{"Effect":"Allow"}}',
        {"Policy": '{"Statement":{"Effect":"Allow"}}'},
    ),
    "--duration": ("45m", {"DurationSeconds": "2700"}),
}


class TestChain:
    def test_goes_from_role_to_role(self, run: Runner, sts: Sts) -> None:
        """Signed by the base, then by each role; the last one is handed over."""
        run(*CHAIN, "--session-name", "job-1", "--", "true").ok()
        assert [a.params["RoleArn"] for a in sts.asked] == [FIRST, SECOND, ROLE]
        assert [a.access_key for a in sts.asked[1:]] == [k.access_key for k in sts.issued[:2]]
        assert {a.params["RoleSessionName"] for a in sts.asked} == {"job-1"}
        assert all(a.signature_valid for a in sts.asked)

    @pytest.mark.parametrize("option", LAST_ONLY)
    def test_tells_the_last_role_alone(self, run: Runner, sts: Sts, option: str) -> None:
        """What narrows or describes the session is about the one that is handed over."""
        value, parameters = LAST_ONLY[option]
        run(*CHAIN, option, value, "--", "true").ok()
        *before, last = sts.asked
        assert parameters.items() <= last.params.items()
        for asked in before:
            assert not parameters.keys() & asked.params.keys() - {"DurationSeconds"}
            assert int(asked.params["DurationSeconds"]) <= 3600

    def test_has_its_default_in_the_environment(self, run: Runner, sts: Sts) -> None:
        """Separated by spaces."""
        run("--", "true", env={"AWS_ROLE_EXEC_ROLE_ARN": f"{FIRST} {ROLE}"}).ok()
        assert [a.params["RoleArn"] for a in sts.asked] == [FIRST, ROLE]

    def test_refuses_more_than_an_hour_before_asking(self, run: Runner, sts: Sts) -> None:
        """STS would, at the second hop."""
        failure = run(*CHAIN, "--duration", "2h", "--", "true").failure(2)
        assert "1h" in failure.text
        assert not sts.asked

    def test_of_moto(self, run: Runner, moto: Moto) -> None:
        """An STS that is not ours."""
        env = {"AWS_ENDPOINT_URL_STS": moto.url}
        done = run(*CHAIN, "--session-name", "j1", "--", *WHOAMI, env=env)
        assert done.ok().out.strip().endswith(":assumed-role/my-role/j1")


class TestErrors:
    @pytest.mark.parametrize("hop", [1, 2, 3])
    def test_say_which_hop(self, run: Runner, sts: Sts, hop: int) -> None:
        """With the role that was refused."""
        sts.script(*[ok] * (hop - 1), ACCESS_DENIED)
        failure = run(*CHAIN, "--", "true").failure(125)
        role = (FIRST, SECOND, ROLE)[hop - 1]
        assert f"assuming {role} (hop {hop} of 3): AccessDenied" in failure.line
        assert len(sts.asked) == hop

    def test_of_one_role_say_nothing_of_hops(self, run: Runner, sts: Sts) -> None:
        """There is one only."""
        sts.always(ACCESS_DENIED)
        assert "hop" not in run.assume("--", "true").failure(125).text

    def test_say_at_which_hop_the_time_ran_out(self, run: Runner, sts: Sts) -> None:
        """One deadline is for all of them."""
        sts.script(ok)
        sts.always(hang)
        failure = run(*CHAIN, "--sts-timeout", "4s", "--", "true").failure(125)
        assert "(hop 2 of 3)" in failure.line

    def test_are_retried_at_every_hop(self, run: Runner, sts: Sts) -> None:
        """Throttling may come at any."""
        sts.script(THROTTLING, ok, THROTTLING, ok, ok)
        run(*CHAIN, "--", "true").ok()
        assert len(sts.asked) == 5

    def test_name_only_conditions_that_could_be_met(self, run: Runner, sts: Sts) -> None:
        """What was sent already is not what is missing; a middle hop is told less."""
        sts.always(ACCESS_DENIED)
        hint = run.assume("--external-id", "x1", "--", "true").failure(125).hint or ""
        assert "--external-id" not in hint
        assert "--mfa-serial" in hint
        hint = run(*CHAIN, "--external-id", "x1", "--", "true").failure(125).hint or ""
        assert "only for the last role" in hint

    def test_everything_sent_may_still_be_wrong(self, run: Runner, sts: Sts) -> None:
        """Then the values are."""
        sts.always(ACCESS_DENIED)
        hint = run.assume(
            "--external-id", "x1", "--mfa-serial", MFA, "--mfa-code", "123456", "--tag", "a=b",
            "--source-identity", "me", "--", "true",
        ).failure(125).hint  # fmt: skip
        assert "other values" in (hint or "")


def test_a_hops_keys_that_are_quoted_back_are_not_printed(run: Runner, sts: Sts) -> None:
    """A broken service may echo what it was sent; the first hop's token was."""

    def echo(conversation: Conversation, asked: Asked) -> None:
        token = asked.headers.get("x-amz-security-token", "")
        refusal("Broken", f"{'x' * 300} {token} {token}", 400)(conversation, asked)

    sts.script(ok, echo)
    failure = run(*CHAIN, "--", "true", env={"AWS_ROLE_EXEC_DEBUG": "1"}, debug=True)
    assert failure.code == 125
    assert "***" in failure.err
    assert (sts.issued[0].token or "")[:30] not in failure.err


def test_a_role_session_as_base_is_held_to_an_hour_by_sts(run: Runner, sts: Sts) -> None:
    """We cannot know before; the hint does."""
    node = sts.know(
        Key("ASIANODE", "NodeSecret/x", "NodeToken/x", "arn:aws:sts::123456789012:assumed-role/n/i")
    )
    env = {
        **KEYLESS,
        "AWS_ACCESS_KEY_ID": node.access_key,
        "AWS_SECRET_ACCESS_KEY": node.secret,
        "AWS_SESSION_TOKEN": node.token,
    }
    failure = run.assume("--duration", "2h", "--", "true", env=env).failure(125)
    assert "--duration 1h" in (failure.hint or "")
