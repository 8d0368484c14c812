"""The instance metadata service: found, absent, overloaded, out of reach, and refusing."""

import json
import os
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from aws_role_exec.errors import IdentityError
from aws_role_exec.identity import instance
from servers.metadata import INSTANCE, InstanceMetadata
from unit.identity.conftest import Surround

ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
PREFIX = "/latest/meta-data/iam/security-credentials/"
WHOLE = ["PUT /latest/api/token", f"GET {PREFIX}", f"GET {PREFIX}node-role"]


@pytest.fixture
def service() -> Iterator[InstanceMetadata]:
    with InstanceMetadata() as server:
        yield server


def documents(**changes: Any) -> str:
    usual = {
        "Code": "Success",
        "AccessKeyId": "ASIAX",
        "SecretAccessKey": "secret-of-the-node",
        "Token": "token-of-the-node",
        "Expiration": "2999-01-01T00:00:00Z",
    }
    return json.dumps({k: v for k, v in {**usual, **changes}.items() if v is not None})


class TestFound:
    def test_the_keys_of_the_role(self, surround: Surround, service: InstanceMetadata) -> None:
        found = instance.find(surround({ENDPOINT: service.url}))
        assert found is not None
        assert found.keys is not None
        assert found.keys.access_key_id == INSTANCE.access_key
        assert found.keys.session_token == INSTANCE.token
        assert (found.provider, found.source) == ("iam-role", "the instance metadata service")
        assert service.asked == WHOLE

    def test_an_expiration_that_has_passed_is_used_all_the_same(
        self, surround: Surround, service: InstanceMetadata
    ) -> None:
        """As in botocore: the service serves its last keys while it cannot get new ones."""
        service.document = documents(Expiration="2001-01-01T00:00:00Z")
        assert instance.find(surround({ENDPOINT: service.url})) is not None

    def test_by_version_1_where_that_is_all(self, surround: Surround) -> None:
        with InstanceMetadata(version=1) as service:
            found = instance.find(surround({ENDPOINT: service.url}))
        assert found is not None

    @pytest.mark.parametrize("value", ["true", "TRUE"])
    def test_not_by_version_1_where_that_is_forbidden(self, surround: Surround, value: str) -> None:
        with InstanceMetadata(version=1) as service:
            environ = {ENDPOINT: service.url, "AWS_EC2_METADATA_V1_DISABLED": value}
            with pytest.raises(IdentityError, match="AWS_EC2_METADATA_V1_DISABLED"):
                instance.find(surround(environ))
        assert service.asked == ["PUT /latest/api/token"]


class TestSameAsBotocore:
    @pytest.mark.parametrize(
        "change",
        [
            {},
            {ENDPOINT: "/"},
            {ENDPOINT: "/prefix"},
            {"AWS_EC2_METADATA_DISABLED": "TRUE"},
            {"AWS_EC2_METADATA_DISABLED": "1"},
            {"AWS_EC2_METADATA_DISABLED": ""},
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"},
            {"AWS_IMDS_USE_IPV6": "true"},
            {"AWS_METADATA_SERVICE_TIMEOUT": "2"},
            {"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3"},
            {"AWS_EC2_METADATA_V1_DISABLED": "true"},
            {"version": "1"},
            {"role": ""},
            {"document": documents(Code="Failed", AccessKeyId=None, Message="no")},
        ],
    )
    def test_the_same_is_asked_and_the_same_key_found(
        self, surround: Surround, change: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In the same environment; where botocore finds none, ours is none or an error."""
        change = dict(change)
        with InstanceMetadata(version=int(change.pop("version", "2"))) as service:
            service.role = change.pop("role", service.role)
            service.document = change.pop("document", None)
            surroundings = surround({**change, ENDPOINT: service.url + change.get(ENDPOINT, "")})
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                monkeypatch.delenv(name)
            for name, value in surroundings.environ.items():
                monkeypatch.setenv(name, value)
            resolver: Any = botocore.session.Session().get_component("credential_provider")
            theirs = resolver.get_provider("iam-role").load()
            asked_by_botocore, service.asked = service.asked, []
            try:
                ours = instance.find(surroundings)
            except IdentityError:
                ours = None
        assert service.asked == asked_by_botocore
        key = theirs.get_frozen_credentials().access_key if theirs else None
        assert (ours.keys.access_key_id if ours and ours.keys else None) == key

    @pytest.mark.parametrize(
        ("environ", "url"),
        [
            ({}, "http://169.254.169.254/"),
            ({ENDPOINT: ""}, "http://169.254.169.254/"),
            ({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}, "http://[fd00:ec2::254]/"),
            ({"AWS_IMDS_USE_IPV6": "true"}, "http://[fd00:ec2::254]/"),
            (
                {"AWS_IMDS_USE_IPV6": "true", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv4"},
                "http://169.254.169.254/",
            ),
            ({ENDPOINT: "http://h:1", "AWS_IMDS_USE_IPV6": "true"}, "http://h:1/"),
        ],
    )
    def test_the_address_is_the_same(
        self,
        surround: Surround,
        environ: dict[str, str],
        url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """IPv6 mode, the older variable for it, and an address that is set."""
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        resolver: Any = botocore.session.Session().get_component("credential_provider")
        fetcher = resolver.get_provider("iam-role")._role_fetcher
        assert fetcher._construct_url("") == url
        sent: list[str] = []

        class Asked(Exception):  # noqa: N818
            pass

        def send(_: object, _method: str, request_url: str, *__: object, **___: object) -> None:
            sent.append(request_url)
            raise Asked

        monkeypatch.setattr("aws_role_exec.network.wire.Wire.send", send)
        with pytest.raises(Asked):
            instance.find(surround(environ))
        assert sent == [url + "latest/api/token"]


class TestAbsent:
    def test_where_the_connection_is_refused_at_once(self, surround: Surround) -> None:
        surroundings = surround({ENDPOINT: "http://127.0.0.1:1"})
        assert instance.find(surroundings) is None
        assert surroundings.wire.deadline.last_error is None, "it was asked once"

    def test_where_the_instance_has_no_role(
        self, surround: Surround, service: InstanceMetadata
    ) -> None:
        service.role = ""
        assert instance.find(surround({ENDPOINT: service.url})) is None
        assert service.asked == WHOLE[:2]

    @pytest.mark.parametrize("value", ["true", "True", "TRUE"])
    def test_where_it_is_switched_off(
        self, surround: Surround, service: InstanceMetadata, value: str
    ) -> None:
        environ = {ENDPOINT: service.url, "AWS_EC2_METADATA_DISABLED": value}
        assert instance.find(surround(environ)) is None
        assert service.asked == []


class TestPatience:
    @pytest.mark.parametrize("moods", [[503, 429], ["drop", "drop"]])
    @pytest.mark.parametrize("before", [0, 1, 2])
    def test_with_overload_and_dropped_answers_at_every_step(
        self, surround: Surround, service: InstanceMetadata, before: int, moods: list[int | str]
    ) -> None:
        """Two or three bad answers in a row, to the token, the role or the keys."""
        service.script(*([None] * before), *moods)
        assert instance.find(surround({ENDPOINT: service.url})) is not None
        expected = list(WHOLE)
        expected[before:before] = [WHOLE[before]] * len(moods)
        assert service.asked == expected

    def test_with_silence_of_a_service_that_answers_nothing_else(
        self, surround: Surround, service: InstanceMetadata
    ) -> None:
        """Not taken for a router on the way."""
        service.script("hang", 503)
        assert instance.find(surround({ENDPOINT: service.url})) is not None

    @pytest.mark.parametrize("late", [1, 2])
    def test_with_a_token_that_is_late(
        self, surround: Surround, service: InstanceMetadata, late: int
    ) -> None:
        """Not taken for a router on the way either, though the service answers otherwise."""
        service.script(*["hang", None] * late)
        assert instance.find(surround({ENDPOINT: service.url})) is not None
        assert service.asked == [*WHOLE[:2] * late, *WHOLE]

    def test_ends_with_the_deadline(self, surround: Surround, service: InstanceMetadata) -> None:
        service.script(*[503] * 100)
        surroundings = surround({ENDPOINT: service.url}, seconds=1)
        with pytest.raises(TimeoutError):
            instance.find(surroundings)
        assert service.url in surroundings.wire.deadline.waiting_for


class TestRefused:
    def test_beyond_the_hop_limit_it_says_so(self, surround: Surround) -> None:
        """One can connect, and the token never arrives."""
        with (
            InstanceMetadata(beyond_hop_limit=True) as service,
            pytest.raises(IdentityError, match="do not arrive") as refusal,
        ):
            instance.find(surround({ENDPOINT: service.url}))
        assert "hop-limit" in str(refusal.value.hint)

    def test_with_a_code_of_its_own(self, surround: Surround, service: InstanceMetadata) -> None:
        """The service's words, and what to do."""
        service.document = json.dumps(
            {
                "Code": "AssumeRoleUnauthorizedAccess",
                "Message": "EC2 cannot assume the role node-role.\nPlease see documentation",
                "LastUpdated": "2026-01-01T00:00:00Z",
            }
        )
        with pytest.raises(
            IdentityError, match="AssumeRoleUnauthorizedAccess: EC2 cannot assume"
        ) as refusal:
            instance.find(surround({ENDPOINT: service.url}))
        assert "ec2.amazonaws.com" in str(refusal.value.hint)

    @pytest.mark.parametrize(
        ("document", "words"),
        [
            ("<html>", "not a JSON object"),
            ("{}", "no AccessKeyId"),
            (documents(Token="a\nb"), "line break"),
            (documents(Expiration=None), "no expiration time"),
            (documents(Expiration="soon"), "no expiration time"),
            (documents(SecretAccessKey=None), "no SecretAccessKey"),
        ],
    )
    def test_for_an_answer_that_holds_no_keys(
        self, surround: Surround, service: InstanceMetadata, document: str, words: str
    ) -> None:
        service.document = document
        with pytest.raises(IdentityError, match=words):
            instance.find(surround({ENDPOINT: service.url}))

    def test_when_something_else_answers_there(
        self, surround: Surround, service: InstanceMetadata
    ) -> None:
        """A login page's HTML never becomes part of a request."""
        service.role = "<html>\r\nX-Other: 1"
        with pytest.raises(IdentityError, match="is not the instance metadata service"):
            instance.find(surround({ENDPOINT: service.url}))
        assert service.asked == WHOLE[:2]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            (ENDPOINT, "169.254.169.254"),
            (ENDPOINT, "http://h/\r\nX: 1"),
            (ENDPOINT, "http://h:99999"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5"),
            ("AWS_METADATA_SERVICE_TIMEOUT", "soon"),
            ("AWS_METADATA_SERVICE_TIMEOUT", "0"),
        ],
    )
    def test_for_a_setting_that_makes_no_sense(
        self, surround: Surround, name: str, value: str
    ) -> None:
        with pytest.raises(IdentityError, match=name):
            instance.find(surround({name: value}))
