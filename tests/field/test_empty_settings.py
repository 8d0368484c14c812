"""Variables that are set and empty, as CI systems and compose files leave them: unset.

techservicesillinois/awscli-login#35.
"""

import pytest

from identity.conftest import WORK
from runner import Runner
from servers.sts import BASE, Sts

VARIABLES = (
    "AWS_CA_BUNDLE",
    "AWS_DEFAULTS_MODE",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
)


@pytest.mark.parametrize("variable", VARIABLES)
def test_are_as_if_they_were_not(run: Runner, sts: Sts, variable: str) -> None:
    """The profile's region counts, and its other settings."""
    (run.home / ".aws").mkdir()
    (run.home / ".aws/config").write_text(
        f"[default]\nregion = eu-west-1\nendpoint_url = {sts.url}\n"
    )
    env = {"AWS_ENDPOINT_URL_STS": None, "AWS_REGION": None, "AWS_DEFAULT_REGION": None}
    seen = run.become(env={**env, variable: ""})
    assert [(a.access_key, a.region) for a in sts.asked] == [(BASE.access_key, "eu-west-1")]
    assert seen.env["AWS_REGION"] == "eu-west-1"


def test_one_names_the_profile_where_the_other_is_empty(run: Runner, sts: Sts) -> None:
    sts.know(WORK)
    (run.home / ".aws").mkdir()
    (run.home / ".aws/config").write_text("[profile dev]\nregion = eu-west-1\n")
    env = {"AWS_DEFAULT_PROFILE": "", "AWS_PROFILE": "dev", "AWS_REGION": None}
    assert run.become(env=env).env["AWS_REGION"] == "eu-west-1"
