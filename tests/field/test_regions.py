"""A region that is an availability zone, a city or what a program prints for nothing.

cloudavail/aws-missing-tools#97 and aws/chalice#89: the error is about an endpoint that does not
answer, and takes as long as the network does.
"""

import botocore.session
import pytest

from aws_role_exec.request import regions
from runner import Runner
from servers.sts import Sts

WRONG = {
    "us-east1": "us-east-1",
    "us-east-1a": "us-east-1",
    "ap-southeast-1a": "ap-southeast-1",
    "US-EAST-1": "us-east-1",
    "us_west_2": "us-west-2",
    "useast1": "us-east-1",
    "eu-west": "eu-west-1",
    "Frankfurt": "eu-central-1",
    "Europe (Frankfurt)": "eu-central-1",
    "São Paulo": "sa-east-1",
    "N. Virginia": "us-east-1",
    "us-gov-west-1b": "us-gov-west-1",
    "us-west-2-lax-1a": "us-west-2",
    "eu-central-1 ": "eu-central-1",
    "None": "us-east-1",
    "null": "us-east-1",
    "1": "us-east-1",
}


@pytest.mark.parametrize(("name", "nearest"), WRONG.items(), ids=WRONG)
def test_is_refused_at_once_with_the_nearest(
    run: Runner, sts: Sts, name: str, nearest: str
) -> None:
    """No name is looked up and no time is lost."""
    for more in (("--", "true"), ("--tag", "a=b", "--dry-run")):
        failure = run.assume("--region", name, *more).failure(2)
        assert failure.line.startswith("aws-role-exec: --region: ")
        assert failure.hint == f"the nearest region is {nearest}"
    assert not sts.asked


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_EXEC_REGION"])
def test_is_told_by_its_variable(run: Runner, sts: Sts, variable: str) -> None:
    """No message begins with an option that nobody gave."""
    failure = run.assume("--", "true", env={variable: "eu-west-1c"}).failure(2)
    assert failure.line.startswith(f"aws-role-exec: {variable}: ")
    assert not sts.asked


def test_is_told_by_the_profile(run: Runner, sts: Sts) -> None:
    (run.home / ".aws").mkdir()
    (run.home / ".aws/config").write_text("[default]\nregion = Frankfurt\n")
    failure = run.assume("--", "true").failure(2)
    assert "profile" in failure.line
    assert "--region" not in failure.line
    assert "eu-central-1" in (failure.hint or "")
    assert not sts.asked


@pytest.mark.parametrize("name", ["eu-west-1", "us-gov-east-1", "eusc-de-east-1", "xy-north-9"])
def test_of_the_form_of_one_is_used(run: Runner, sts: Sts, name: str) -> None:
    """Also one that is too new to be known."""
    assert run.become("--region", name).env["AWS_REGION"] == name


def test_those_we_name_are_botocores() -> None:
    """All of a partition that botocore has, and no other."""
    partitions = botocore.session.Session().get_data("partitions")["partitions"]
    known = {region for partition in partitions for region in partition["regions"]}
    assert set(regions.PLACES) == {name for name in known if not name.endswith("-global")}
