"""Tags, external id, source identity and managed policies: sent as STS wants them, or refused."""

import pytest

from identity.conftest import MFA
from runner import ROLE, WHOAMI, Runner
from servers.moto import Moto
from servers.sts import Sts

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
OWN = "arn:aws:iam::123456789012:policy/team/mine"
ALLOW = '{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'


def repeated(option: str, *values: str) -> list[str]:
    return [word for value in values for word in (option, value)]


class TestSent:
    def test_all_together(self, run: Runner, sts: Sts) -> None:
        """As AssumeRole's parameters, signed, to a strict STS."""
        run.assume(
            "--external-id", "a:b/c=d,e.f@g-h+_1",
            "--source-identity", "alice@example.com",
            "--tag", "project=apollo", "--tag", "cost center=7/ä=ß", "--tag", "empty=",
            "--transitive-tag", "project", "--transitive-tag", "project",
            "--policy-arn", READ_ONLY, "--policy-arn", OWN,
            "--policy", ALLOW,
            "--", "true",
        ).ok()  # fmt: skip
        (asked,) = sts.asked
        assert asked.signature_valid
        sent = {
            name: value
            for name, value in asked.params.items()
            if not name.startswith(("Action", "Version", "Role", "Duration"))
        }
        assert sent == {
            "ExternalId": "a:b/c=d,e.f@g-h+_1",
            "SourceIdentity": "alice@example.com",
            "Tags.member.1.Key": "project",
            "Tags.member.1.Value": "apollo",
            "Tags.member.2.Key": "cost center",
            "Tags.member.2.Value": "7/ä=ß",
            "Tags.member.3.Key": "empty",
            "Tags.member.3.Value": "",
            "TransitiveTagKeys.member.1": "project",
            "PolicyArns.member.1.arn": READ_ONLY,
            "PolicyArns.member.2.arn": OWN,
            "Policy": ALLOW,
        }

    def test_nothing_when_nothing_is_asked(self, run: Runner, sts: Sts) -> None:
        """No empty lists either."""
        run.assume("--", "true").ok()
        assert set(sts.asked[0].params) == {
            "Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds",
        }  # fmt: skip

    def test_by_the_environment(self, run: Runner, sts: Sts) -> None:
        """Lists are separated by spaces; none of it reaches the command."""
        seen = run.become(
            env={
                "AWS_ROLE_EXEC_EXTERNAL_ID": "x1",
                "AWS_ROLE_EXEC_TAG": "a=1 b=2",
                "AWS_ROLE_EXEC_POLICY_ARN": READ_ONLY,
            }
        )
        params = sts.asked[0].params
        assert (params["ExternalId"], params["Tags.member.2.Key"]) == ("x1", "b")
        assert not [name for name in seen.env if name.startswith("AWS_ROLE_EXEC")]

    def test_at_their_limits(self, run: Runner, sts: Sts) -> None:
        """Fifty tags, the longest of everything: our stub holds us to STS's model."""
        tags = [f"{i:02}{'k' * 126}={'v' * 256}" for i in range(50)]
        run.assume(
            *repeated("--tag", *tags),
            "--external-id", "x" * 1224,
            "--source-identity", "x" * 256,
            *repeated("--policy-arn", *[f"{OWN}{i}" for i in range(10)]),
            "--", "true",
        ).ok()  # fmt: skip

    def test_to_a_role_that_asks_for_them(self, run: Runner, sts: Sts) -> None:
        """And a refusal without."""
        sts.trust = {"ExternalId": "customer-4711"}
        run.assume("--external-id", "customer-4711", "--", "true").ok()
        hint = run.assume("--", "true").failure(125).hint
        assert "--external-id" in (hint or "")

    def test_to_moto(self, run: Runner, moto: Moto) -> None:
        """An STS that is not ours."""
        done = run.assume(
            "--session-name", "extra-1", "--external-id", "x1", "--tag", "a=b",
            "--transitive-tag", "a", "--policy-arn", READ_ONLY, "--source-identity", "me", "--",
            *WHOAMI, env={"AWS_ENDPOINT_URL_STS": moto.url},
        )  # fmt: skip
        assert done.ok().out.strip().endswith(":assumed-role/my-role/extra-1")


BAD: dict[str, list[list[str]]] = {
    "--external-id": [
        ["--external-id", v] for v in ("", "x", "x" * 1225, "a b", "é1", "a\n", "a;")
    ],
    "--source-identity": [
        ["--source-identity", v] for v in ("", "x", "x" * 257, "a b", "aws:me", "a/b", "é1", "a\n")
    ],
    "--tag": [
        *(["--tag", v] for v in ("", "novalue", "=v", "k!=v", "k=v!", "k=a\nb", "k\t=v")),
        ["--tag", "k" * 129 + "=v"],
        ["--tag", "k=" + "v" * 257],
        ["--tag", "aws:k=v"],
        ["--tag", "AWS:k=v"],
        repeated("--tag", "k=1", "k=2"),
        repeated("--tag", "Key=1", "kEY=2"),
        repeated("--tag", *[f"k{i}=v" for i in range(51)]),
    ],
    "--transitive-tag": [
        ["--transitive-tag", "k"],
        ["--tag", "k=v", "--transitive-tag", "other"],
        ["--tag", "k=v", "--transitive-tag", ""],
        ["--tag", "k=v", "--transitive-tag", "k=v"],
    ],
    "--policy-arn": [
        *(
            ["--policy-arn", v]
            for v in (
                "",
                "ReadOnlyAccess",
                "arn:aws:iam::aws:role/x",
                "arn:aws:iam::123456789012:policy/",
                "arn:aws:iam::999888777666:policy/theirs",
                "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
                "arn:aws:iam::aws:policy/a b",
                READ_ONLY + "\n",
                "arn:aws:iam::aws:policy/" + "x" * 2048,
            )
        ),
        repeated("--policy-arn", *[f"{OWN}{i}" for i in range(11)]),
        repeated("--policy-arn", *[f"{OWN}{'x' * 200}{i}" for i in range(10)]),
    ],
    "--mfa-serial": [
        ["--mfa-serial", v, "--mfa-code", "123456"]
        for v in ("", "12345678", "x" * 257, "arn:aws:iam::123456789012:mfa/a b", "123456789\n")
    ],
    "--mfa-code": [
        ["--mfa-serial", MFA, "--mfa-code", v]
        for v in ("", "12345", "1234567", "12345a", "١٢٣٤٥٦", "123 456", "123456\n", "-12345")
    ],
}


class TestRefused:
    @pytest.mark.parametrize(
        ("option", "words"),
        [
            pytest.param(option, words, id=f"{option}-{number}")
            for option, cases in BAD.items()
            for number, words in enumerate(cases)
        ],
    )
    def test_is_one_line_and_exit_2_before_the_network(
        self, run: Runner, sts: Sts, option: str, words: list[str]
    ) -> None:
        """The option's name comes first, and nothing is sent."""
        failure = run.assume(*words, "--", "true").failure(2)
        assert failure.line.startswith(f"aws-role-exec: {option}: ")
        assert len(failure.line) < 400
        assert not sts.asked

    def test_a_default_is_named_by_its_variable(self, run: Runner, sts: Sts) -> None:
        """So that it can be found."""
        failure = run.assume("--", "true", env={"AWS_ROLE_EXEC_EXTERNAL_ID": "x"}).failure(2)
        assert failure.line.startswith("aws-role-exec: AWS_ROLE_EXEC_EXTERNAL_ID: ")

    def test_policies_are_measured_together(self, run: Runner, sts: Sts) -> None:
        """2048 characters, the inline one minified; one more is too many."""
        arns = repeated("--policy-arn", READ_ONLY, OWN)
        room = 2048 - len(READ_ONLY) - len(OWN)
        policy = ALLOW.replace("*", "x" * (room - len(ALLOW) + 1))
        assert len(policy) == room
        run.assume("--policy", policy, *arns, "--", "true").ok()
        longer = policy.replace("xx", "xxx", 1)
        failure = run.assume("--policy", longer, *arns, "--", "true").failure(2)
        assert "2049 characters" in failure.line
        run.assume("--policy", longer, "--", "true").ok()

    def test_a_code_that_is_none_is_not_shown(self, run: Runner) -> None:
        """It may be another secret, pasted."""
        failure = run.assume("--mfa-serial", MFA, "--mfa-code", "hunter2hunter2", "--", "true")
        assert "hunter2" not in failure.failure(2).text

    def test_a_policy_of_china_narrows_a_role_of_china(self, run: Runner, sts: Sts) -> None:
        """The partition is the role's."""
        role = ROLE.replace("arn:aws:", "arn:aws-cn:")
        arn = READ_ONLY.replace("arn:aws:", "arn:aws-cn:")
        run("--role-arn", role, "--policy-arn", arn, "--", "true").ok()
        run("--role-arn", role, "--policy-arn", READ_ONLY, "--", "true").failure(2)
