"""GitHub's token, asked for patiently; and which variables hold a token."""

import json
from collections.abc import Iterator

import pytest

from aws_role_exec.errors import IdentityError
from aws_role_exec.identity import oidc
from servers.oidc import GitHubTokens
from unit.identity.conftest import Surround


@pytest.fixture
def github() -> Iterator[GitHubTokens]:
    with GitHubTokens() as server:
        yield server


def fetch(surround: Surround, github: GitHubTokens, source: str = "github") -> str:
    return oidc.fetch(oidc.find(source, github.env), surround(github.env))


class TestFetch:
    def test_gives_the_jobs_token_for_the_audience(
        self, surround: Surround, github: GitHubTokens
    ) -> None:
        assert fetch(surround, github, "github:a b&c/é") == github.token
        assert github.asked == [{"api-version": "2.0", "audience": "a b&c/é"}]

    def test_asks_again_while_the_endpoint_is_overloaded(
        self, surround: Surround, github: GitHubTokens
    ) -> None:
        for status in (503, 429):
            github.script(status)
        assert fetch(surround, github) == github.token

    @pytest.mark.parametrize("status", [302, 400, 401, 404])
    def test_takes_a_refusal_for_one(
        self, surround: Surround, github: GitHubTokens, status: int
    ) -> None:
        github.script(status, '{"message": "no"}')
        with pytest.raises(IdentityError, match=f"HTTP {status}") as refusal:
            fetch(surround, github)
        assert "id-token: write" in str(refusal.value.hint)
        assert len(github.asked) == 1

    @pytest.mark.parametrize(
        "body", ["", "{", "[]", "{}", '{"value": ""}', '{"value": "two words"}', '{"value": null}']
    )
    def test_refuses_an_answer_without_a_token(
        self, surround: Surround, github: GitHubTokens, body: str
    ) -> None:
        github.script(200, body)
        with pytest.raises(IdentityError, match="GitHub's response contains none"):
            fetch(surround, github)

    def test_is_told_where_nobody_listens(self, surround: Surround) -> None:
        found = oidc.TokenEndpoint("github", "http://127.0.0.1:1/x", "bearer-x", "aud")
        with pytest.raises(IdentityError, match="OIDC token: GitHub's endpoint: ") as refusal:
            oidc.fetch(found, surround({}))
        assert "HTTPS_PROXY" in str(refusal.value.hint)

    def test_of_a_token_that_is_here_asks_nobody(self, surround: Surround) -> None:
        token = json.dumps("x").strip('"') * 20
        assert oidc.fetch(oidc.Token("env:X", token), surround({})) == token


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("env:AWS_ID_TOKEN", ("AWS_ID_TOKEN",)),
        ("github", ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")),
        ("github:aud", ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")),
        ("file:/x", ()),
    ],
)
def test_the_variables_that_a_command_must_not_have(source: str, names: tuple[str, ...]) -> None:
    """With them it could take the base role again."""
    assert oidc.variables(source) == names
