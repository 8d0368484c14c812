"""The renderers, each as its reader sees it."""

import configparser
import json
from datetime import UTC, datetime

import pytest

from aws_role_exec.credentials import Credentials
from aws_role_exec.errors import StsError
from aws_role_exec.formats import FORMATS


def make(**changes):
    values = {
        "access_key_id": "ASIAEXAMPLE",
        "secret_access_key": "se/cr+et",
        "session_token": "to/ken==",
        "expiration": datetime(2026, 3, 21, 20, tzinfo=UTC),
        "assumed_role_arn": "arn:aws:sts::123456789012:assumed-role/x/y",
    }
    return Credentials(**values | changes)


def render(name, credentials=None, region="us-east-1"):
    return FORMATS[name].render(credentials or make(), region)


class TestCredentials:
    def test_no_repr_shows_a_secret(self):
        assert "se/cr+et" not in repr(make())
        assert "to/ken" not in repr(make())
        assert "se/cr+et" not in f"{make()}"

    @pytest.mark.parametrize("bad", ["", "a b", "a\nexport X=1", "é", "\x1b[2J"])
    def test_a_value_that_would_break_a_line_is_refused_and_not_shown(self, bad):
        for field in ("access_key_id", "secret_access_key", "session_token"):
            with pytest.raises(StsError) as refusal:
                make(**{field: bad})
            assert not bad or bad not in str(refusal.value)


class TestEnv:
    def test_it_is_one_export_a_line_without_comments(self):
        assert render("env").splitlines() == [
            "export AWS_ACCESS_KEY_ID='ASIAEXAMPLE';",
            "export AWS_SECRET_ACCESS_KEY='se/cr+et';",
            "export AWS_SESSION_TOKEN='to/ken==';",
            "export AWS_REGION='us-east-1';",
            "export AWS_DEFAULT_REGION='us-east-1';",
            "export AWS_CREDENTIAL_EXPIRATION='2026-03-21T20:00:00Z';",
        ]

    def test_a_quote_cannot_end_the_quoting(self):
        text = render("env", make(session_token="a'b;`$(x)`"))
        assert "='a'\\''b;`$(x)`';" in text


class TestJson:
    def test_it_is_what_credential_process_wants_and_the_region(self):
        assert json.loads(render("json")) == {
            "Version": 1,
            "AccessKeyId": "ASIAEXAMPLE",
            "SecretAccessKey": "se/cr+et",
            "SessionToken": "to/ken==",
            "Expiration": "2026-03-21T20:00:00Z",
            "Region": "us-east-1",
        }


class TestCredentialsFile:
    def test_it_is_an_ini_section(self):
        parser = configparser.RawConfigParser()
        parser.read_string(render("credentials-file"))
        assert dict(parser["default"]) == {
            "aws_access_key_id": "ASIAEXAMPLE",
            "aws_secret_access_key": "se/cr+et",
            "aws_session_token": "to/ken==",
            "region": "us-east-1",
        }
