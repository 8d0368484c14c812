"""The container credentials endpoint: whom a token goes to, patience, and words."""

import json
from collections.abc import Iterator
from pathlib import Path

import botocore.credentials
import botocore.utils
import pytest

from aws_role_exec.errors import IdentityError
from aws_role_exec.identity import container
from servers.certificates import Authority
from servers.metadata import CONTAINER, ContainerCredentials
from unit.identity.conftest import Surround

RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
SECRET = "Bearer container-token-0123456789"


@pytest.fixture
def endpoint() -> Iterator[ContainerCredentials]:
    with ContainerCredentials(SECRET) as server:
        yield server


def never(*_: object, **__: object) -> None:
    raise AssertionError("nothing may be sent")


def test_without_its_variables_there_is_none(surround: Surround) -> None:
    assert container.find(surround({TOKEN: "x"})) is None


def test_the_keys_are_the_endpoints(surround: Surround, endpoint: ContainerCredentials) -> None:
    found = container.find(surround({FULL: endpoint.url + "/v1/x?y=z", TOKEN: SECRET}))
    assert found is not None
    assert found.keys is not None
    assert (found.keys.access_key_id, found.keys.session_token) == (
        CONTAINER.access_key,
        CONTAINER.token,
    )
    assert found.provider == "container-role"
    assert FULL in found.source
    assert endpoint.asked == ["/v1/x?y=z"]


class TestToken:
    @pytest.mark.parametrize("path", ["token", "$HOME/token", "~/token", "${HOME}/token"])
    def test_in_a_file_is_read_wherever_the_variable_says(
        self, surround: Surround, endpoint: ContainerCredentials, tmp_path: Path, path: str
    ) -> None:
        """Before the one in the variable; `$HOME` and `~` may stand in the path."""
        (tmp_path / "token").write_text(SECRET)
        if path == "token":
            path = str(tmp_path / "token")
        environ = {FULL: endpoint.url, TOKEN: "Bearer other", TOKEN_FILE: path}
        assert container.find(surround(environ)) is not None

    def test_with_blanks_around_it_is_sent_without(
        self, surround: Surround, endpoint: ContainerCredentials
    ) -> None:
        assert container.find(surround({FULL: endpoint.url, TOKEN: f" {SECRET} "})) is not None

    @pytest.mark.parametrize("text", [f"{SECRET}\n", f"{SECRET}\r\nX-Other: 1", "a\x00b"])
    def test_with_a_line_break_is_refused_before_anything_is_sent(
        self, surround: Surround, endpoint: ContainerCredentials, tmp_path: Path, text: str
    ) -> None:
        """The message names variable or file, and quotes nothing of it."""
        (tmp_path / "token").write_text(text)
        path = str(tmp_path / "token")
        for environ, name in (({TOKEN: text}, TOKEN), ({TOKEN_FILE: path}, path)):
            with pytest.raises(IdentityError, match=name) as refusal:
                container.find(surround({FULL: endpoint.url, **environ}))
            assert "0123456789" not in str(refusal.value)
        assert endpoint.asked == []

    def test_file_that_is_missing_is_named(
        self, surround: Surround, endpoint: ContainerCredentials
    ) -> None:
        with pytest.raises(IdentityError, match=f"{TOKEN_FILE}: /nonexistent"):
            container.find(surround({FULL: endpoint.url, TOKEN_FILE: "/nonexistent"}))

    def test_that_is_wrong_has_a_hint(
        self, surround: Surround, endpoint: ContainerCredentials
    ) -> None:
        for environ in ({}, {TOKEN: "Bearer wrong-0123456"}):
            with pytest.raises(IdentityError, match="HTTP 403: Unauthorized") as refusal:
                container.find(surround({FULL: endpoint.url, **environ}))
            assert TOKEN in str(refusal.value.hint)
        assert len(endpoint.asked) == 2, "a refusal is not asked again"


class TestAddress:
    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com/x",
            "http://169.254.169.254/x",
            "http://127.0.0.1.example.com/x",
            "http://[2001:db8::1]/x",
            "http://10.0.0.1:80/x",
        ],
    )
    def test_of_another_host_gets_no_token_in_the_clear(
        self, surround: Surround, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As botocore; the message names the variable and the host."""
        fetcher = botocore.utils.ContainerMetadataFetcher()
        with pytest.raises(ValueError, match="Unsupported host"):
            fetcher.retrieve_full_uri(url)
        monkeypatch.setattr("aws_role_exec.network.wire.Wire.send", never)
        with pytest.raises(IdentityError, match=f"{FULL}: '") as refusal:
            container.find(surround({FULL: url, TOKEN: SECRET}))
        assert "https://" in str(refusal.value.hint)

    @pytest.mark.parametrize(
        "value",
        [
            "/x\r\nX-Other: 1",
            "/x y",
            "/\x00",
            "@example.com/x",
            ":99999/x",
            ":x/",
            "example.com/x",
        ],
    )
    def test_that_is_malformed_is_refused_by_the_variables_name(
        self, surround: Surround, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Control characters never reach the wire."""
        monkeypatch.setattr("aws_role_exec.network.wire.Wire.send", never)
        with pytest.raises(IdentityError, match=RELATIVE):
            container.find(surround({RELATIVE: value}))

    @pytest.mark.parametrize(
        "value", ["localhost:80/x", "ftp://127.0.0.1/x", "http://", "http:///x"]
    )
    def test_without_scheme_or_host_is_refused(self, surround: Surround, value: str) -> None:
        with pytest.raises(IdentityError, match=FULL):
            container.find(surround({FULL: value}))

    @pytest.mark.parametrize(
        "host", ["localhost", "127.0.0.1", "127.8.9.1", "[::1]", "169.254.170.23", "[fd00:ec2::23]"]
    )
    def test_of_loopback_ecs_and_eks_may_be_asked(
        self, surround: Surround, host: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent = []

        class Asked(Exception):  # noqa: N818
            pass

        def send(_wire: object, method: str, url: str, *_: object, **options: object) -> None:
            sent.append((method, url, options["proxied"]))
            raise Asked

        monkeypatch.setattr("aws_role_exec.network.wire.Wire.send", send)
        with pytest.raises(Asked):
            container.find(surround({FULL: f"http://{host}:8080?a=b#c"}))
        assert sent == [("GET", f"http://{host}:8080/?a=b", False)]

    @pytest.mark.parametrize(
        ("environ", "url"),
        [
            ({RELATIVE: "/v2/x"}, "http://169.254.170.2/v2/x"),
            ({RELATIVE: ""}, "http://169.254.170.2/"),
            ({RELATIVE: "", FULL: "http://localhost/"}, "http://169.254.170.2/"),
            ({RELATIVE: "/r", FULL: "http://localhost/"}, "http://169.254.170.2/r"),
        ],
    )
    def test_a_relative_one_is_ecss_and_counts_also_when_empty(
        self,
        surround: Surround,
        environ: dict[str, str],
        url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """As in botocore: the node's own role is not used in its place."""
        theirs: list[str] = []
        ours: list[str] = []

        class Asked(Exception):  # noqa: N818
            pass

        def note(_: object, request_url: str, *__: object) -> None:
            theirs.append(request_url)
            raise Asked

        def send(_: object, _method: str, request_url: str, *__: object, **___: object) -> None:
            ours.append(request_url)
            raise Asked

        monkeypatch.setattr(botocore.utils.ContainerMetadataFetcher, "_get_response", note)
        with pytest.raises(Asked):
            botocore.credentials.ContainerProvider(environ).load()
        monkeypatch.setattr("aws_role_exec.network.wire.Wire.send", send)
        with pytest.raises(Asked):
            container.find(surround(environ))
        assert ours == [url]
        assert theirs[0] in (url, url.removesuffix("/"))

    def test_an_empty_full_one_is_an_error(self, surround: Surround) -> None:
        with pytest.raises(IdentityError, match=FULL):
            container.find(surround({FULL: ""}))

    def test_of_https_is_trusted_as_sts_is(self, surround: Surround, tmp_path: Path) -> None:
        """AWS_CA_BUNDLE counts, and without it the certificate is refused."""
        authority = Authority(tmp_path)
        with ContainerCredentials(SECRET, authority.context()) as server:
            environ = {FULL: server.url, TOKEN: SECRET}
            bundle = {"AWS_CA_BUNDLE": str(authority.bundle)}
            assert container.find(surround({**environ, **bundle})) is not None
            with pytest.raises(IdentityError, match=FULL):
                container.find(surround(environ, seconds=3))
        assert len(server.asked) == 1


class TestPatience:
    @pytest.mark.parametrize("moods", [[503, 429], ["drop", 500]])
    def test_with_overload_and_dropped_answers(
        self, surround: Surround, endpoint: ContainerCredentials, moods: list[int | str]
    ) -> None:
        """It is asked again until it answers."""
        endpoint.script(*moods)
        assert container.find(surround({FULL: endpoint.url, TOKEN: SECRET})) is not None
        assert len(endpoint.asked) == len(moods) + 1

    def test_ends_with_the_deadline(
        self, surround: Surround, endpoint: ContainerCredentials
    ) -> None:
        """And the time-out says what was asked and what came last."""
        endpoint.script(*[503] * 100)
        surroundings = surround({FULL: endpoint.url, TOKEN: SECRET}, seconds=1)
        with pytest.raises(TimeoutError):
            container.find(surroundings)
        assert FULL in surroundings.wire.deadline.waiting_for
        assert "503" in str(surroundings.wire.deadline.last_error)

    @pytest.mark.parametrize("status", [400, 404, 302])
    def test_is_not_for_refusals(
        self, surround: Surround, endpoint: ContainerCredentials, status: int
    ) -> None:
        endpoint.script(status)
        with pytest.raises(IdentityError, match=f"HTTP {status}"):
            container.find(surround({FULL: endpoint.url, TOKEN: SECRET}))
        assert len(endpoint.asked) == 1

    def test_is_not_for_a_refused_connection(
        self, surround: Surround, endpoint: ContainerCredentials
    ) -> None:
        """Where nobody listens, the error names the variable at once: no other identity is used."""
        surroundings = surround({FULL: "http://127.0.0.1:1/x"})
        with pytest.raises(IdentityError, match=FULL) as refusal:
            container.find(surroundings)
        assert "No other identity" in str(refusal.value.hint)
        assert surroundings.wire.deadline.last_error is None


class TestAnswer:
    @pytest.mark.parametrize(
        ("document", "words"),
        [
            ("", "not a JSON object"),
            ("<html>secret-page</html>", "not a JSON object"),
            ("[]", "not a JSON object"),
            ('{"AccessKeyId": "A"', "not a JSON object"),
            ("[" * 100000, "not a JSON object"),
            ("{}", "no AccessKeyId and no SecretAccessKey"),
            ('{"AccessKeyId": "A", "SecretAccessKey": ""}', "no SecretAccessKey"),
            ('{"AccessKeyId": 1, "SecretAccessKey": "b"}', "not text"),
            (
                '{"AccessKeyId": "A\\r\\nX: y", "SecretAccessKey": "b", "Token": "c"}',
                "AccessKeyId of .* contains a line break",
            ),
            (
                '{"AccessKeyId": "A", "SecretAccessKey": "b", "Token": "c"}',
                "not an ISO 8601 time",
            ),
            (
                '{"AccessKeyId": "A", "SecretAccessKey": "b", "Expiration": ""}',
                "Expiration of .* is empty",
            ),
            (
                '{"AccessKeyId":"A","SecretAccessKey":"b","Expiration":"2001-01-01T00:00:00Z"}',
                "expired at 2001-01-01T00:00:00Z",
            ),
        ],
    )
    def test_that_holds_no_keys_is_told_by_what_is_wrong_with_it(
        self, surround: Surround, endpoint: ContainerCredentials, document: str, words: str
    ) -> None:
        """And is not quoted."""
        endpoint.document = document
        with pytest.raises(IdentityError, match=words) as refusal:
            container.find(surround({FULL: endpoint.url}))
        assert "secret-page" not in str(refusal.value)
        assert str(refusal.value).isprintable()

    @pytest.mark.parametrize(
        "expiration", ["2999-01-01T00:00:00.123Z", "2999-01-01T01:00:00+01:00"]
    )
    def test_may_write_its_time_with_a_fraction_or_a_zone(
        self, surround: Surround, endpoint: ContainerCredentials, expiration: str
    ) -> None:
        keys = {"AccessKeyId": "A", "SecretAccessKey": "b", "Token": None}
        endpoint.document = json.dumps({**keys, "Expiration": expiration})
        assert container.find(surround({FULL: endpoint.url})) is not None
