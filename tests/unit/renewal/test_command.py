"""What the command is given beside its token: its configuration and its proxy settings."""

from pathlib import Path
from typing import Any

import botocore.session
import pytest

from aws_role_exec.configuration import files
from aws_role_exec.identity_variables import IDENTITY_SETTINGS
from aws_role_exec.renewal import command

USERS = """\
[default]
region = eu-west-1
output = json
role_arn = arn:aws:iam::123456789012:role/other
source_profile = work
s3 =
    max_concurrent_requests = 20
    addressing_style = path
services = local

[profile work]
aws_access_key_id = AKIAWORK
credential_process = /bin/keys "a b"

[services local]
s3 =
    endpoint_url = http://127.0.0.1:9

[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
"""


def written(text: str) -> dict[str, Any]:
    sections = files.parse(text, "config")
    return files.parse(command.configuration(sections, {"region": "us-west-2"}), "ours")


def test_the_default_profile_keeps_its_settings_and_loses_its_identity() -> None:
    default = written(USERS)["default"]
    assert default["output"] == "json"
    assert default["s3"] == {"max_concurrent_requests": "20", "addressing_style": "path"}
    assert not IDENTITY_SETTINGS & default.keys()


def test_the_commands_profile_has_the_default_ones_settings_and_the_runs_region() -> None:
    ours = written(USERS)["profile aws-role-exec"]
    assert ours["region"] == "us-west-2"
    assert ours["services"] == "local"
    assert ours["s3"] == {"max_concurrent_requests": "20", "addressing_style": "path"}
    assert not IDENTITY_SETTINGS & ours.keys()


def test_other_sections_stay_as_they_are() -> None:
    theirs, ours = files.parse(USERS, "config"), written(USERS)
    for title in ("profile work", "services local", "sso-session corp"):
        assert ours[title] == theirs[title]


@pytest.mark.parametrize("title", ["default", "profile default", "profile  default"])
@pytest.mark.parametrize("setting", sorted(IDENTITY_SETTINGS))
def test_no_setting_selects_an_identity_for_the_default_profile(title: str, setting: str) -> None:
    assert setting not in written(f"[{title}]\n{setting} = x\noutput = text\n")[title]


def test_a_profile_of_the_users_with_our_name_stays_theirs() -> None:
    sections = written("[profile aws-role-exec]\nregion = eu-north-1\n")
    assert sections["profile aws-role-exec"] == {"region": "eu-north-1"}
    assert sections["profile aws-role-exec-"] == {"region": "us-west-2"}


def test_botocore_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = command.configuration(files.parse(USERS, "config"), {"region": "us-west-2"})
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    session = botocore.session.Session(profile="aws-role-exec")
    assert session.get_config_variable("region") == "us-west-2"
    assert session.get_scoped_config()["s3"]["addressing_style"] == "path"
    assert set(session.available_profiles) == {"default", "work", "aws-role-exec"}


@pytest.mark.parametrize(
    ("environ", "lower", "upper"),
    [
        ({}, "127.0.0.1", "127.0.0.1"),
        ({"no_proxy": "a.example"}, "a.example,127.0.0.1", "a.example,127.0.0.1"),
        ({"NO_PROXY": "a.example"}, "a.example,127.0.0.1", "a.example,127.0.0.1"),
        ({"no_proxy": "a", "NO_PROXY": "b"}, "a,127.0.0.1", "b,127.0.0.1"),
        ({"no_proxy": "127.0.0.1, b"}, "127.0.0.1, b", "127.0.0.1, b"),
        ({"NO_PROXY": "*"}, "*", "*"),
        ({"no_proxy": ""}, "127.0.0.1", "127.0.0.1"),
    ],
)
def test_no_proxy_gets_the_keys_and_the_users_exceptions_stay(
    environ: dict[str, str], lower: str, upper: str
) -> None:
    given = command.settings("us-east-1", environ)
    assert (given["no_proxy"], given["NO_PROXY"]) == (lower, upper)
