"""A web identity token in a file, as EKS gives one to a pod."""

import re
from pathlib import Path
from typing import Any

import botocore.credentials
import botocore.session
import pytest

from aws_role_exec.errors import IdentityError
from aws_role_exec.identity import token_file
from servers.oidc import jwt
from unit.identity.conftest import Surround

FILE, ROLE, NAME = "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"
ARN = "arn:aws:iam::123456789012:role/pod"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(jwt())
    return path


class TestFound:
    @pytest.mark.parametrize(
        ("environ", "config"),
        [
            ({ROLE: ARN, NAME: "pod"}, ""),
            ({ROLE: ARN}, ""),
            ({ROLE: ARN}, "[default]\nrole_session_name = from-profile\n"),
            ({ROLE: ARN, NAME: "pod"}, "[default]\nrole_session_name = from-profile\n"),
            ({NAME: "pod"}, f"[default]\nrole_arn = {ARN}2\nweb_identity_token_file = /x\n"),
            ({ROLE: ARN}, f"[default]\nrole_arn = {ARN}2\nweb_identity_token_file = /x\n"),
        ],
    )
    def test_the_role_the_name_and_the_token_are_those_that_botocore_uses(
        self,
        surround: Surround,
        path: Path,
        environ: dict[str, str],
        config: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What no variable says the profile may."""
        surroundings = surround({**environ, FILE: str(path)}, config=config)
        for name, value in surroundings.environ.items():
            monkeypatch.setenv(name, value)
        asked: list[dict[str, str]] = []

        class Fetcher(botocore.credentials.AssumeRoleWithWebIdentityCredentialFetcher):
            def _get_credentials(self) -> Any:
                asked.append(self._assume_role_kwargs())
                raise ValueError

        monkeypatch.setattr(
            botocore.credentials, "AssumeRoleWithWebIdentityCredentialFetcher", Fetcher
        )
        with pytest.raises(ValueError):  # noqa: PT011 - the one above
            botocore.session.Session().get_credentials().get_frozen_credentials()
        found = token_file.find(surroundings)
        assert found is not None
        assert found.keys is None
        (hop,) = found.hops
        assert hop.role_arn == asked[0]["RoleArn"]
        assert hop.token == asked[0]["WebIdentityToken"]
        assert hop.duration_seconds is None, "botocore asks for none"
        assert hop.named_by
        theirs = asked[0]["RoleSessionName"]
        if theirs.startswith("botocore-session-"):
            assert re.fullmatch(r"botocore-session-\d+", hop.session_name)
        else:
            assert hop.session_name == theirs
        assert str(path) in found.source

    @pytest.mark.parametrize("place", ["$HOME/token", "~/token"])
    def test_wherever_the_variable_says(self, surround: Surround, path: Path, place: str) -> None:
        assert path.exists()
        assert token_file.find(surround({FILE: place, ROLE: ARN})) is not None

    def test_a_line_break_at_its_end_is_not_sent(self, surround: Surround, path: Path) -> None:
        path.write_text(jwt() + "\n")
        found = token_file.find(surround({FILE: str(path), ROLE: ARN}))
        assert found is not None
        assert found.hops[0].token == jwt()


def test_a_variable_that_is_not_set_or_empty_is_none(surround: Surround) -> None:
    assert token_file.find(surround({ROLE: ARN})) is None
    assert token_file.find(surround({FILE: "", ROLE: ARN})) is None


class TestRefused:
    @pytest.mark.parametrize("environ", [{}, {ROLE: ""}])
    def test_without_a_role(self, surround: Surround, path: Path, environ: dict[str, str]) -> None:
        with pytest.raises(IdentityError, match=f"{ROLE} is not"):
            token_file.find(surround({FILE: str(path), **environ}))

    @pytest.mark.parametrize("text", ["", " \n", "two words", "a\nb\nc", "x" * 30000, "\x00abcd"])
    def test_a_file_without_a_token_is_named_and_not_quoted(
        self, surround: Surround, path: Path, text: str
    ) -> None:
        path.write_text(text)
        with pytest.raises(IdentityError, match=str(path)) as refusal:
            token_file.find(surround({FILE: str(path), ROLE: ARN}))
        assert "two words" not in str(refusal.value)

    @pytest.mark.parametrize("place", ["/nonexistent/token", "/", "/dev/zero"])
    def test_a_file_that_cannot_be_read_is_named_with_the_variable(
        self, surround: Surround, place: str
    ) -> None:
        """As a volume that was not mounted; an endless device is not read to its end."""
        with pytest.raises(IdentityError, match=place) as refusal:
            token_file.find(surround({FILE: place, ROLE: ARN}))
        assert FILE in str(refusal.value.hint)
