"""The option of `make clients`, which runs all of them and writes the page."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--clients-page",
        metavar="PATH",
        help="run every client, also those that `make clients` builds, and write this page",
    )


@pytest.fixture(scope="session")
def clients_page(pytestconfig: pytest.Config) -> Path | None:
    """The page to write, if it is to be written."""
    path = pytestconfig.getoption("--clients-page", None)
    return Path(path) if path else None
