"""--explain: what there is to know about a run, and what STS says to it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from identity.conftest import CODE, KEYLESS, MFA, WORK, Terminal
from runner import ROLE, Result, Runner
from servers.metadata import INSTANCE, InstanceMetadata
from servers.moto import Moto
from servers.oidc import CLAIMS, jwt
from servers.sts import (
    ACCESS_DENIED,
    BASE,
    MAX_SESSION_DURATION,
    PACKED_POLICY_TOO_LARGE,
    Behaviour,
    Key,
    Sts,
    clock_skew,
    refusal,
)

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((REPOSITORY / "docs/explain.schema.json").read_text())
)
HUB = "arn:aws:iam::123456789012:role/hub"
NO_WHOAMI = refusal(
    "AccessDenied",
    f"User: {BASE.arn} is not authorized to perform: sts:GetCallerIdentity with an explicit deny",
)


class Explain:
    """Run with --explain and hold the answer to what is always so."""

    def __init__(self, run: Runner, sts: Sts) -> None:
        self.run, self.sts = run, sts

    def text(self, *arguments: str, code: int = 0, **more: Any) -> dict[str, str]:
        """The report's lines by their names."""
        result = self.run.assume("--explain", *arguments, **more)
        self.check(result, code)
        return dict(line.split(":", 1) for line in result.out.splitlines())

    def json(self, *arguments: str, code: int = 0, **more: Any) -> dict[str, Any]:
        result = self.run.assume("--explain", "--format", "json", *arguments, **more)
        self.check(result, code)
        document = json.loads(result.stdout)
        assert isinstance(document, dict)
        SCHEMA.validate(document)
        assert document["Allowed"] is (code == 0)
        return document

    def check(self, result: Result, code: int) -> None:
        assert result.code == code, result
        assert result.err == ""
        for secret in self.sts.secrets:
            assert secret.encode() not in result.stdout, "a secret was explained"
        for key in self.sts.keys.values():
            assert key.access_key.encode() not in result.stdout


@pytest.fixture
def explain(run: Runner, sts: Sts) -> Explain:
    return Explain(run, sts)


class TestAllowed:
    def test_everything_is_told(self, explain: Explain, sts: Sts) -> None:
        """For programs, with AWS's spellings."""
        told = explain.json(
            "--session-name", "job-42", "--duration", "2h", "--region", "eu-west-1",
            "--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess", "--tag", "a=b",
            "--", "sh", "-c", "echo x",
            env={"AWS_PROFILE": "x", "AWS_VAULT": "y", "AWS_CONFIG_FILE": "/nonexistent"}
            | {"AWS_PROFILE": None},
        )  # fmt: skip
        assert told.pop("ClockSkewSeconds") in range(-5, 60)
        assert told == {
            "Allowed": True,
            "BaseIdentity": {
                "Arn": BASE.arn,
                "Provider": "env",
                "ProvidersAskedBefore": [],
                "WebIdentityClaims": None,
            },
            "Profile": None,
            "RoleArns": [ROLE],
            "AssumedRoleArns": ["arn:aws:sts::123456789012:assumed-role/my-role/job-42"],
            "SessionName": "job-42",
            "DurationSeconds": 7200,
            "DurationCap": "the role's maximum session duration, up to 12h",
            "Renewal": None,
            "Region": "eu-west-1",
            "Endpoint": sts.url,
            "PolicyCharacters": 38,
            "PolicyCharactersAllowed": 2048,
            "PackedPolicySize": 6,
            "Tags": {"a": "b"},
            "Environment": {
                "Removed": ["AWS_VAULT"],
                "Set": [
                    "AWS_ACCESS_KEY_ID",
                    "AWS_CREDENTIAL_EXPIRATION",
                    "AWS_DEFAULT_REGION",
                    "AWS_REGION",
                    "AWS_SECRET_ACCESS_KEY",
                    "AWS_SESSION_TOKEN",
                ],
            },
            "Command": ["sh", "-c", "echo x"],
            "Executable": told["Executable"],
            "Refusal": None,
        }
        assert told["Executable"].endswith("/bin/sh")

    def test_people_are_told_the_same(self, explain: Explain, sts: Sts) -> None:
        """A line a fact; the command is not run."""
        told = explain.text("--session-name", "job-42", "--", "touch", "ran")
        assert BASE.arn in told["caller"]
        assert "the environment" in told["source credentials"]
        assert told["role"].strip() == ROLE
        assert told["session name"].strip() == "job-42"
        assert "1h0m0s" in told["duration"]
        assert "us-east-1" in told["region"]
        assert sts.url in told["endpoint"]
        assert "6% of the packed size" in told["session policy"]
        assert told["command"].strip() == "touch ran"
        assert told["executable"].endswith("/bin/touch")
        assert "AWS_SESSION_TOKEN" in told["added"]
        assert "allowed: arn:aws:sts::123456789012:assumed-role/my-role/job-42" in told["result"]
        assert not (explain.run.cwd / "ran").exists()

    def test_without_a_command_nothing_is_printed_or_written(self, explain: Explain) -> None:
        """What would be, is said."""
        assert explain.text("--format", "fish")["format"].strip() == "fish"
        told = explain.json("--output", "file")
        assert (told["Command"], told["Environment"]) == (None, None)
        assert not (explain.run.cwd / "file").exists()

    def test_it_has_its_default_in_the_environment(self, run: Runner) -> None:
        """Like every option."""
        result = run.assume("--", "false", env={"AWS_ROLE_EXEC_EXPLAIN": "1"}).ok()
        assert "result:" in result.out

    def test_no_line_for_a_shell_follows_a_refusal(self, run: Runner, sts: Sts) -> None:
        """Wherever the option came from, stdout is the report's."""
        sts.always(ACCESS_DENIED)
        env = {"AWS_ROLE_EXEC_EXPLAIN": "1", "AWS_ROLE_EXEC_FORMAT": "json"}
        result = run.assume(env=env)
        assert result.code == 125
        assert json.loads(result.stdout)["Allowed"] is False
        result = run.assume(env={"AWS_ROLE_EXEC_EXPLAIN": "1"})
        assert "false" not in result.out.splitlines()

    def test_what_a_program_is_called_does_not_break_a_line(self, explain: Explain) -> None:
        """Nor do words that are no text."""
        told = explain.text("--", "sh", "a\nb\x1b[31m")
        assert "\\x1b" in told["command"]
        run = explain.run
        run.assume("--explain", "--", "sh", b"\xff").ok()
        run.assume("--explain", "--format", "json", "--", "sh", b"\xff").ok()

    def test_moto_allows_it_too(self, run: Runner, moto: Moto) -> None:
        """An STS that is not ours."""
        env = {"AWS_ENDPOINT_URL_STS": moto.url}
        told = json.loads(run.assume("--explain", "--format", "json", env=env).ok().stdout)
        assert told["Allowed"]
        assert told["BaseIdentity"]["Arn"].startswith("arn:aws:")


class TestBaseIdentity:
    def test_says_who_was_asked_before(self, explain: Explain, sts: Sts, aws: Path) -> None:
        """The whole chain up to the instance's metadata."""
        with InstanceMetadata() as server:
            env = {
                **KEYLESS,
                "AWS_EC2_METADATA_DISABLED": None,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url + "/",
            }
            told = explain.json(env=env)
            words = explain.text(env=env)
        identity = told["BaseIdentity"]
        assert identity["Arn"] == INSTANCE.arn
        assert identity["Provider"] == "iam-role"
        assert identity["ProvidersAskedBefore"][0] == "env"
        assert "container-role" in identity["ProvidersAskedBefore"]
        assert "iam-role" not in identity["ProvidersAskedBefore"]
        assert "instance metadata" in words["source credentials"]
        assert "the environment" in words["not found in"]
        assert told["DurationCap"].startswith("1h")

    def test_of_a_profile(self, explain: Explain, aws: Path) -> None:
        """The environment is not asked then."""
        identity = explain.json("--profile", "work")["BaseIdentity"]
        assert (identity["Arn"], identity["Provider"]) == (WORK.arn, "shared-credentials-file")
        assert "env" not in identity["ProvidersAskedBefore"]

    @pytest.mark.parametrize(
        ("denied", "arn"),
        [
            (NO_WHOAMI, BASE.arn),
            (refusal("AccessDenied", "no"), None),
        ],
    )
    def test_need_not_be_known(
        self, explain: Explain, sts: Sts, denied: Behaviour, arn: str | None
    ) -> None:
        """Without the right to GetCallerIdentity, its refusal may still name who asked."""
        sts.script(denied)
        assert explain.json()["BaseIdentity"]["Arn"] == arn
        sts.script(denied)
        assert (arn or "unknown") in explain.text()["caller"]

    def test_is_known_from_the_refusal_of_the_role_at_last(
        self, explain: Explain, sts: Sts
    ) -> None:
        """STS names who is not authorized."""
        sts.script(refusal("AccessDenied", "no"), ACCESS_DENIED)
        assert explain.json(code=125)["BaseIdentity"]["Arn"] == BASE.arn

    def test_may_be_an_oidc_token(self, explain: Explain, sts: Sts) -> None:
        """What it says of itself is told, itself is not; GetCallerIdentity is not asked."""
        token = jwt()
        told = explain.json("--web-identity", "env:ID", env={**KEYLESS, "ID": token})
        assert told["BaseIdentity"]["WebIdentityClaims"] == CLAIMS
        assert told["BaseIdentity"]["Provider"] == "web-identity"
        assert [asked.action for asked in sts.asked] == ["AssumeRoleWithWebIdentity"]
        result = explain.run.assume("--explain", "--web-identity", "env:ID", env={"ID": token})
        assert CLAIMS["sub"] in result.ok().out
        assert token not in result.out

    def test_may_be_missing(self, explain: Explain, sts: Sts) -> None:
        """Then everything up to there is told."""
        told = explain.json(env=KEYLESS, code=125)
        assert told["BaseIdentity"]["Arn"] is None
        assert told["BaseIdentity"]["Provider"] is None
        assert "env" in told["BaseIdentity"]["ProvidersAskedBefore"]
        assert "none found" in told["Refusal"]["Error"]
        words = explain.text(env=KEYLESS, code=125)
        assert words["source credentials"].strip() == "none found"
        assert "the environment" in words["looked in"]
        assert "caller" not in words
        assert not sts.asked


class TestRefused:
    def test_is_reported_with_its_hint(self, explain: Explain, sts: Sts) -> None:
        """On stdout, once; stderr is empty, the exit status 125."""
        sts.trust = {"ExternalId": "x"}
        told = explain.text("--", "true", code=125)
        assert "AccessDenied" in told["result"]
        assert "trust policy" in told["hint"]
        refused = explain.json("--", "true", code=125)["Refusal"]
        assert "AccessDenied" in refused["Error"]
        assert "--external-id" in refused["Hint"]

    @pytest.mark.parametrize(
        ("behaviour", "words"),
        [(MAX_SESSION_DURATION, "maximum session duration"), (PACKED_POLICY_TOO_LARGE, "113%")],
    )
    def test_for_what_only_sts_knows(
        self, explain: Explain, sts: Sts, behaviour: Behaviour, words: str
    ) -> None:
        """The role's own limits, the packed size."""
        sts.script(lambda c, a: c.server.answer(c, a), behaviour)
        assert words in explain.json("--duration", "12h", code=125)["Refusal"]["Hint"]

    def test_for_a_wrong_clock(self, explain: Explain, sts: Sts) -> None:
        """By how much it is wrong."""
        sts.always(clock_skew(3600))
        told = explain.json(code=125)
        assert -3700 < told["ClockSkewSeconds"] < -3500
        assert "60 minutes behind" in told["Refusal"]["Hint"]
        assert "behind STS" in explain.text(code=125)["clock"]

    def test_at_a_hop(self, explain: Explain, sts: Sts) -> None:
        """Those before it were assumed."""
        sts.script(*[lambda c, a: c.server.answer(c, a)] * 2, ACCESS_DENIED)
        told = json.loads(
            explain.run(
                "--role-arn", HUB, "--role-arn", ROLE, "--explain", "--format", "json",
                "--session-name", "s1",
            ).stdout
        )  # fmt: skip
        assert told["AssumedRoleArns"] == ["arn:aws:sts::123456789012:assumed-role/hub/s1"]
        assert "(hop 2 of 2)" in told["Refusal"]["Error"]
        assert told["DurationCap"].startswith("1h")

    def test_because_nobody_is_there(self, explain: Explain) -> None:
        """The endpoint is named, the clock not compared."""
        env = {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9"}
        told = explain.json("--sts-timeout", "5s", env=env, code=125)
        assert told["Endpoint"] == "http://127.0.0.1:9"
        assert told["ClockSkewSeconds"] is None
        assert told["Refusal"]["Hint"]


class TestWrongUse:
    def test_is_exit_2_as_ever(self, run: Runner, sts: Sts) -> None:
        """Nothing is explained, and no line for a shell is printed."""
        result = run("--explain", "--role-arn", "nonsense")
        result.failure(2)
        assert result.out == ""
        assert not sts.asked

    def test_with_a_dry_run_is_refused(self, run: Runner, sts: Sts) -> None:
        """One asks STS, the other promises not to."""
        run.assume("--explain", "--dry-run", "--", "true").failure(2)
        assert not sts.asked

    def test_a_command_that_is_not_there_is_127(self, run: Runner, sts: Sts) -> None:
        """STS is not asked for it."""
        run.assume("--explain", "--", "no-such-command").failure(127)
        assert not sts.asked


def test_mfa_is_asked_for_on_the_terminal(
    run: Runner, sts: Sts, aws: Path, terminal: Terminal
) -> None:
    """The code is spent: the attempt is a real one."""
    with run.start(
        "--role-arn", ROLE, "--explain", "--mfa-serial", MFA, "--", "true", prefix=terminal.prefix
    ) as process:
        terminal.wait_for("Enter MFA code")
        terminal.type(f"{CODE}\n")
        out, _ = process.communicate(timeout=90)
    assert process.returncode == 0
    assert b"result:" in out
    assert CODE.encode() not in out
    assert sts.mfa_codes[MFA] == set()


def test_a_role_session_is_capped_at_an_hour(explain: Explain, sts: Sts) -> None:
    """And STS says so, since we let it."""
    node = sts.know(
        Key("ASIANODE", "NodeSecret/x", "NodeToken/x", "arn:aws:sts::123456789012:assumed-role/n/i")
    )
    env = {
        "AWS_ACCESS_KEY_ID": node.access_key,
        "AWS_SECRET_ACCESS_KEY": node.secret,
        "AWS_SESSION_TOKEN": node.token,
    }
    told = explain.json("--duration", "2h", env=env, code=125)
    assert "role chaining" in told["DurationCap"]
    assert "--duration 1h" in told["Refusal"]["Hint"]
