"""Whom to trust."""

from pathlib import Path

import pytest

from aws_role_exec.network import trust
from aws_role_exec.network.trust import Trust


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a store and without a hashed directory."""
    (tmp_path / "empty").touch()
    (tmp_path / "directory").mkdir()
    (tmp_path / "store").write_text("pem")
    names = ("missing", "empty", "directory", "store")
    monkeypatch.setattr(trust, "SYSTEM_STORES", tuple(str(tmp_path / name) for name in names))
    monkeypatch.setattr(trust, "HASHED_DIRECTORIES", (str(tmp_path / "directory"),))
    return tmp_path


class TestFind:
    def test_the_first_store_that_is_there_and_has_something_in_it(self, system: Path) -> None:
        assert trust.find(None, {}) == Trust(str(system / "store"), None)

    def test_a_hashed_directory_is_quicker_and_the_store_stands_behind_it(
        self, system: Path
    ) -> None:
        (system / "directory" / "0a1b2c3d.0").touch()
        expected = Trust(None, str(system / "directory"), str(system / "store"))
        assert trust.find(None, {}) == expected

    @pytest.mark.parametrize(
        ("setting", "environ", "expected"),
        [
            ("/aws.pem", {"REQUESTS_CA_BUNDLE": "/r.pem"}, Trust("/aws.pem", None)),
            (None, {"REQUESTS_CA_BUNDLE": "/r.pem", "SSL_CERT_FILE": "f"}, Trust("/r.pem", None)),
            ("", {"REQUESTS_CA_BUNDLE": ""}, None),
        ],
    )
    def test_settings_go_by_botocores_rank(
        self, system: Path, setting: str | None, environ: dict[str, str], expected: Trust | None
    ) -> None:
        """And count even where there is no such file; an empty one is none."""
        assert trust.find(setting, environ) == (expected or Trust(str(system / "store"), None))

    def test_a_directory_may_be_named_too(self, system: Path) -> None:
        directory = str(system / "directory")
        assert trust.find(directory, {}) == Trust(None, directory)
        assert trust.find(None, {"SSL_CERT_DIR": directory}) == Trust(None, directory)

    def test_openssls_variable_goes_before_the_system(self, system: Path) -> None:
        (system / "mine").write_text("pem")
        mine = str(system / "mine")
        assert trust.find(None, {"SSL_CERT_FILE": mine}) == Trust(mine, None)
        assert trust.find(None, {"SSL_CERT_FILE": "/nonexistent"}) == trust.find(None, {})

    def test_none_stands_for_the_ones_that_botocore_brings(
        self, system: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trust, "SYSTEM_STORES", ("/nonexistent",))
        assert trust.find(None, {}) is None
