"""The two ways to STS: a short one of our own for the plain case, botocore for all others."""

import pytest

from runner import Runner


@pytest.fixture(params=["short way", "botocore"])
def both_ways(request: pytest.FixtureRequest, run: Runner) -> None:
    """Run a test both ways; what a user sees must not depend on it.

    Any variable of AWS's that the short way does not know leads to botocore.
    """
    if request.param == "botocore":
        run.env["AWS_SDK_UA_APP_ID"] = "tests"
