"""Where a job of GitHub Actions gets its OIDC token."""

import base64
import json
import ssl
import urllib.parse
from collections.abc import Mapping

from servers.loopback import Handler, Server

CLAIMS = {
    "iss": "https://token.actions.githubusercontent.com",
    "sub": "repo:octo-org/octo-repo:ref:refs/heads/main",
    "aud": "sts.amazonaws.com",
}


def jwt(claims: Mapping[str, object] = CLAIMS) -> str:
    """A token that says so, with a signature of nobody's."""
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b"bm8tc2lnbmF0dXJlLWF0LWFsbA"]).decode()


class _Conversation(Handler):
    server: "GitHubTokens"

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.server.asked.append(query)
        status, answer = self.server.next_answer()
        if status == 302:
            self.reply(302, "", Location=self.server.url + "/elsewhere")
        elif url.path != "/_apis/token" or query.get("api-version") != "2.0":
            self.reply(404, "")
        elif self.headers.get("Authorization") != f"bearer {self.server.bearer}":
            self.reply(401, json.dumps({"message": "Bad credentials"}))
        elif answer is not None:
            self.reply(status, answer, Content_Type="application/json")
        else:
            claims = {**CLAIMS, "aud": query.get("audience", "https://github.com/octo-org")}
            self.server.token = jwt(claims)
            body = json.dumps({"count": 1, "value": self.server.token})
            self.reply(200, body, Content_Type="application/json; charset=utf-8")


class GitHubTokens(Server):
    """The Actions token endpoint; `env` is what a job with `id-token: write` is given.

    `script(status, body)` makes the next request meet that answer.
    """

    handler = _Conversation

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(context)
        self.bearer = "eyJRequestToken.of-this-job.c2VjcmV0"
        self.token = ""
        self.asked: list[dict[str, str]] = []
        self._script: list[tuple[int, str | None]] = []

    @property
    def env(self) -> dict[str, str]:
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/_apis/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.bearer,
        }

    def script(self, status: int, body: str = "") -> None:
        self._script.append((status, body))

    def next_answer(self) -> tuple[int, str | None]:
        return self._script.pop(0) if self._script else (200, None)
