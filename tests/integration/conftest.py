"""Both ways that a request to STS can be carried."""

from collections.abc import Iterator

import pytest

from runner import Runner
from servers.proxy import Proxy


@pytest.fixture(params=["directly", "through a proxy"])
def both_transports(request: pytest.FixtureRequest, run: Runner) -> Iterator[None]:
    """Run a test twice; what a user sees must not depend on what carries the bytes.

    Through a proxy they are carried by botocore's HTTP session.
    """
    if request.param == "directly":
        yield
        return
    with Proxy(None) as proxy:
        run.env |= {"HTTP_PROXY": proxy.url, "HTTPS_PROXY": proxy.url}
        yield
