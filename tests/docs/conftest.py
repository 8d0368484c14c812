"""The sandbox that the blocks of the documentation run in."""

from pathlib import Path

import pytest

from examples.sandbox import Sandbox
from servers.sts import Sts


@pytest.fixture
def sandbox(tmp_path: Path, program: list[str], sts: Sts) -> Sandbox:
    """A fresh sandbox against a fresh STS."""
    return Sandbox(tmp_path, program, sts)
