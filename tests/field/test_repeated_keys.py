"""A key that stands twice in a session policy: JSON readers keep one of them without a word.

hashicorp/terraform-provider-aws#33026.
"""

import pytest

from runner import Runner
from servers.sts import Sts

STATEMENT = '"Effect":"Allow","Action":"s3:*","Resource":"*"'


@pytest.mark.parametrize(
    ("policy", "key", "place"),
    [
        (
            f'{{"Statement":[{{{STATEMENT},"Condition":{{"StringEquals":{{"aws:SourceVpc":"vpc-1"}},'
            '"StringEquals":{"s3:ExistingObjectTag/a":"b"}}}]}',
            "StringEquals",
            "Statement[0].Condition",
        ),
        (f'{{"Statement":[{{{STATEMENT},"Effect":"Deny"}}]}}', "Effect", "Statement[0]"),
        (f'{{"Statement":{{{STATEMENT},"Resource":"b"}}}}', "Resource", "Statement"),
        (f'{{"Statement":[],"Statement":{{{STATEMENT}}}}}', "Statement", "the policy"),
        (
            f'{{"Statement":[{{{STATEMENT}}},{{{STATEMENT},"Condition":{{"Bool":'
            '{"aws:MultiFactorAuthPresent":"true","AWS:MultiFactorAuthPresent":"false"}}}]}',
            "aws:MultiFactorAuthPresent",
            "Statement[1].Condition.Bool",
        ),
        (f'{{"Statement":{{{STATEMENT}}},"\\u0053tatement":[]}}', "Statement", "the policy"),
    ],
)
def test_is_refused_with_its_name_and_place(
    run: Runner, sts: Sts, policy: str, key: str, place: str
) -> None:
    """The session would be broader than what is written."""
    for command in (("--", "true"), ()):
        failure = run.assume("--policy", policy, *command).failure(2)
        assert f"'{key}'" in failure.line
        assert f" in {place}" in failure.line
    assert not sts.asked


def test_the_same_key_in_different_objects_is_no_repetition(run: Runner, sts: Sts) -> None:
    policy = f'{{"Statement":[{{{STATEMENT}}},{{{STATEMENT}}}]}}'
    run.assume("--policy", policy, "--", "true").ok()
    assert sts.asked[0].params["Policy"] == policy


@pytest.mark.parametrize("policy", ["[" * 100_000, '{"a":' * 50_000, '{"Statement":' + "[" * 40])
def test_a_deeply_nested_one_is_refused_whatever_the_stack(
    run: Runner, sts: Sts, policy: str
) -> None:
    """`ulimit -s 256` and 100,000 brackets ended in SIGSEGV, and `eval` went on."""
    prefix = ("sh", "-c", 'ulimit -s 256 && exec "$@"', "sh")
    result = run.assume("--policy", policy[:100_000], prefix=prefix)
    assert "nested too deeply" in result.failure(2).line
    assert result.out == "false\n"
    assert not sts.asked
