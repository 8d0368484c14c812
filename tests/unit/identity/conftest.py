"""What a source looks at, made of an environment and profiles."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from aws_role_exec.configuration import settings
from aws_role_exec.identity.base import Surroundings
from aws_role_exec.messages import keep_quiet
from aws_role_exec.network.deadline import Deadline
from aws_role_exec.network.wire import Wire

Surround = Callable[..., Surroundings]


@pytest.fixture
def surround(tmp_path: Path) -> Surround:
    """Return what a source gets to see: `surround({"AWS_X": "y"}, config="[default]...")`."""

    def make(
        environ: Mapping[str, str],
        *,
        config: str = "",
        profile: str | None = None,
        seconds: float = 30,
    ) -> Surroundings:
        (tmp_path / "config").write_text(config)
        whole = {
            "HOME": str(tmp_path),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
            **environ,
        }
        loaded = settings.load(whole, profile)
        wire = Wire(whole, loaded.get("ca_bundle"), Deadline(seconds), keep_quiet)
        return Surroundings(whole, loaded, "eu-west-1", wire, keep_quiet)

    return make
