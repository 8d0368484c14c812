"""STS is told what botocore would tell it, and its answers are read as botocore reads them."""

import urllib.parse
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_role_exec.credentials import Keys
from aws_role_exec.errors import Fault, Refusal
from aws_role_exec.sts import protocol

STS = botocore.session.Session().get_service_model("sts")
SERIALIZER = create_serializer("query", include_validation=False)
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TAGS = st.lists(st.fixed_dictionaries({"Key": TEXT, "Value": TEXT}), min_size=1, max_size=5)
PARAMETERS = {
    "AssumeRole": st.fixed_dictionaries(
        {"RoleArn": TEXT, "RoleSessionName": TEXT},
        optional={
            "DurationSeconds": st.integers(900, 43200),
            "Policy": TEXT,
            "PolicyArns": st.lists(st.fixed_dictionaries({"arn": TEXT}), min_size=1, max_size=3),
            "ExternalId": TEXT,
            "SerialNumber": TEXT,
            "TokenCode": TEXT,
            "SourceIdentity": TEXT,
            "Tags": TAGS,
            "TransitiveTagKeys": st.lists(TEXT, min_size=1, max_size=3),
        },
    ),
    "AssumeRoleWithWebIdentity": st.fixed_dictionaries(
        {"RoleArn": TEXT, "RoleSessionName": TEXT, "WebIdentityToken": TEXT},
        optional={"DurationSeconds": st.integers(900, 43200), "Policy": TEXT},
    ),
    "GetCallerIdentity": st.just({}),
}


class TestForm:
    @settings(max_examples=500)
    @given(st.data())
    @pytest.mark.parametrize("action", sorted(PARAMETERS))
    def test_is_the_one_that_botocore_sends(self, action: str, data: Any) -> None:
        """With any parameters that the API has."""
        parameters = data.draw(PARAMETERS[action])
        ours = protocol.form(action, parameters).decode("ascii")
        theirs = SERIALIZER.serialize_to_request(parameters, STS.operation_model(action))["body"]
        parsed = urllib.parse.parse_qsl(ours, keep_blank_values=True, strict_parsing=True)
        assert dict(parsed) == {name: str(value) for name, value in theirs.items()}
        assert len(parsed) == len(theirs)

    def test_leaves_out_what_is_not_given(self) -> None:
        form = protocol.form("AssumeRole", {"Policy": None, "Tags": [], "RoleArn": "r"})
        assert form == b"Action=AssumeRole&Version=2011-06-15&RoleArn=r"


class TestSign:
    @settings(max_examples=500)
    @given(
        TEXT,
        st.sampled_from(["", "token/+="]),
        st.text("abcdefghijklmnopqrstuvwxyz/+=0123456789", min_size=1, max_size=60),
        st.integers(0, 2**32),
        st.sampled_from(["/", "/gateway", "/a/b/"]),
    )
    def test_the_signature_is_botocores(
        self, policy: str, token: str, secret: str, now: int, path: str
    ) -> None:
        body = protocol.form("AssumeRole", {"Policy": policy})
        keys = Keys("AKIAIOSFODNN7EXAMPLE", secret, token)
        headers = protocol.sign(
            body,
            "sts.eu-west-1.amazonaws.com",
            path,
            region="eu-west-1",
            keys=keys,
            seconds_since_epoch=now,
        )
        request = AWSRequest(
            "POST",
            f"https://sts.eu-west-1.amazonaws.com{path}",
            headers={"content-type": headers["content-type"]},
            data=body,
        )
        request.headers["x-amz-date"] = request.context["timestamp"] = headers["x-amz-date"]
        if token:
            request.headers["x-amz-security-token"] = token
        auth = SigV4Auth(BotocoreCredentials(keys.access_key_id, secret, token), "sts", "eu-west-1")
        canonical = auth.canonical_request(request)
        signature = auth.signature(auth.string_to_sign(request, canonical), request)
        assert headers["authorization"].endswith(f"Signature={signature}")

    def test_shows_no_secret(self) -> None:
        assert "secret" not in repr(Keys("AKIA", "secret", "secret"))


def read(
    body: str, status: int = 200, action: str = "AssumeRole", **headers: str
) -> dict[str, str]:
    return protocol.read(action, "https://sts", status, headers, body.encode())


def botocore_reads(body: str, status: int, action: str = "AssumeRole") -> Any:
    parser: Any = create_parser("query")
    shape = STS.operation_model(action).output_shape
    return parser.parse({"status_code": status, "headers": {}, "body": body.encode()}, shape)


def answer(result: str, action: str = "AssumeRole") -> str:
    return (
        f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{result}</{action}Result>'
        "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>"
    ).replace("</AssumeRoleResponse>", f"</{action}Response>")


ASSUMED = (
    "<AssumedRoleUser><AssumedRoleId>AROA:n</AssumedRoleId>"
    "<Arn>arn:aws:sts::123456789012:assumed-role/r/n</Arn></AssumedRoleUser><Credentials>"
    "<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>a&#47;b&amp;c</SecretAccessKey>"
    "<SessionToken>\n  t/+=\n</SessionToken><Expiration>2036-03-21T20:00:00Z</Expiration>"
    "</Credentials><PackedPolicySize>6</PackedPolicySize>"
)


PREFIXED = answer(ASSUMED).replace("<", "<a:").replace("<a:/", "</a:").replace("xmlns", "xmlns:a")


class TestRead:
    @pytest.mark.parametrize(
        "body",
        [
            answer(ASSUMED),
            f"<?xml version='1.0' encoding='UTF-8'?>\n{answer(ASSUMED)}\n",
            answer(ASSUMED.replace("ASIAEXAMPLE", "<![CDATA[ASIAEXAMPLE]]>")),
            answer(ASSUMED)
            .replace("<", "<a:")
            .replace("<a:/", "</a:")
            .replace("xmlns=", "xmlns:a="),
        ],
        ids=["plain", "declared", "cdata", "prefixed"],
    )
    def test_finds_what_botocore_finds(self, body: str) -> None:
        ours = read(body)
        theirs = botocore_reads(body, 200)
        assert ours["Credentials/AccessKeyId"] == theirs["Credentials"]["AccessKeyId"]
        assert ours["Credentials/SecretAccessKey"] == theirs["Credentials"]["SecretAccessKey"]
        assert ours["Credentials/SessionToken"] == theirs["Credentials"]["SessionToken"].strip()
        assert ours["AssumedRoleUser/Arn"] == theirs["AssumedRoleUser"]["Arn"]
        assert int(ours["PackedPolicySize"]) == theirs["PackedPolicySize"]

    @given(TEXT, TEXT, st.integers(301, 599))
    def test_a_refusal_has_the_services_words(self, code: str, message: str, status: int) -> None:
        """As botocore would raise them."""
        code = "".join(c for c in code if c.isalnum()) or "Code"
        message = "".join(c for c in message if c.isprintable() and c not in "<&").strip()
        body = (
            f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
            f"<Message>{message}</Message></Error></ErrorResponse>"
        )
        with pytest.raises(Refusal) as caught:
            read(body, status)
        theirs = botocore_reads(body, status)["Error"]
        assert (caught.value.code, caught.value.message) == (theirs["Code"], message)
        assert caught.value.status == status

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    @pytest.mark.parametrize("body", ["", "<html><p>busy", "busy"])
    def test_of_an_overloaded_gateway_there_is_the_status(self, status: int, body: str) -> None:
        with pytest.raises(Refusal) as caught:
            read(body, status)
        assert (caught.value.code, caught.value.status) == ("", status)

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, ""),
            (200, "<html><body>Welcome<br></body></html>"),
            (200, '{"AssumeRoleResponse": {}}'),
            (200, "<AssumeRoleResponse><AssumeRoleResult><Credentials>"),
            (200, f"<!DOCTYPE x [<!ENTITY e 'x'>]>{answer(ASSUMED)}"),
            (200, answer(ASSUMED + ASSUMED)),
            (302, "<html><body>over there</body></html>"),
            (403, "<html><body>forbidden<br></body></html>"),
            (404, ""),
            (407, "<p>proxy"),
            (403, "<Error/>"),
        ],
    )
    def test_what_no_sts_answers_is_a_fault(self, status: int, body: str) -> None:
        """It quotes nothing of it, but says what it was."""
        with pytest.raises(Fault) as caught:
            read(body, status, **{"content-type": "text/html; charset=x"})
        assert caught.value.name == "not STS"
        assert caught.value.detail.startswith(f"HTTP {status}")
        assert "Welcome" not in caught.value.detail


class TestCredentials:
    def test_are_those_of_the_answer(self) -> None:
        found = protocol.credentials(read(answer(ASSUMED)), "https://sts")
        assert (found.access_key_id, found.secret_access_key) == ("ASIAEXAMPLE", "a/b&c")
        assert (found.session_token, found.expiration) == ("t/+=", "2036-03-21T20:00:00Z")

    def test_are_none_of_an_answer_that_breaks_off(self) -> None:
        """At any byte: HTTP does not always tell where an answer ends."""
        whole = answer(ASSUMED).rstrip()
        for cut in range(len(whole)):
            with pytest.raises(Fault):
                read(whole[:cut])

    @pytest.mark.parametrize(
        "name", ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "Arn"]
    )
    def test_must_all_be_there(self, name: str) -> None:
        body = answer(ASSUMED.replace(f"<{name}>", "<Other>").replace(f"</{name}>", "</Other>"))
        with pytest.raises(Fault, match=f"no .*{name}"):
            protocol.credentials(read(body), "https://sts")

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("2036-03-21T20:00:00Z", "2036-03-21T20:00:00Z"),
            ("2036-03-21T20:00:00.123Z", "2036-03-21T20:00:00Z"),
            ("2036-03-21T20:00:00+00:00", "2036-03-21T20:00:00Z"),
            ("2036-03-21T22:00:00.5+02:00", "2036-03-21T20:00:00Z"),
            ("soon", "soon"),
        ],
    )
    def test_a_time_is_written_one_way(self, written: str, meant: str) -> None:
        assert protocol.to_seconds(written) == meant
