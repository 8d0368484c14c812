"""The budget of imports, and how it is written anew."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-budget",
        action="store_true",
        help="write tests/cost/imports.txt from what is imported now, and look at the difference",
    )
