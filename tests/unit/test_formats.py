"""The renderers, each as its reader sees it."""

import configparser
import json

import pytest

from aws_role_exec.credentials import Credentials
from aws_role_exec.errors import OutputError, StsError, UsageError
from aws_role_exec.output.formats import FORMATS, check_section_name


def make(**changes):
    values = {
        "access_key_id": "ASIAEXAMPLE",
        "secret_access_key": "se/cr+et",
        "session_token": "to/ken==",
        "expiration": "2026-03-21T20:00:00Z",
        "assumed_role_arn": "arn:aws:sts::123456789012:assumed-role/x/y",
    }
    return Credentials(**values | changes)


def render(name, credentials=None, region="us-east-1", section="default", others=()):
    return FORMATS[name].text(credentials or make(), region, section, others)


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

    def test_its_section_can_have_another_name(self):
        assert render("credentials-file", section="job").startswith("[job]\n")

    @pytest.mark.parametrize("name", ["default", "job-1", "a@b", "team/prod:x", "1.2_3+%"])
    def test_names_that_every_reader_takes(self, name):
        assert check_section_name(name) == name

    @pytest.mark.parametrize("name", ["", "a b", "a]", "[a", "a\nb", "#a", "é", ";", "a" * 129])
    def test_names_that_some_reader_would_not_take(self, name):
        with pytest.raises(UsageError):
            check_section_name(name)


class TestShells:
    """One line of each; tests/outputs runs them in the shells."""

    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("fish", "set -gx AWS_SECRET_ACCESS_KEY 'a\\'b\\\\c!';"),
            ("csh", "setenv AWS_SECRET_ACCESS_KEY 'a'\\''b\\c\\!';"),
            ("powershell", "$env:AWS_SECRET_ACCESS_KEY = 'a''b\\c!';"),
            ("slurm", "export AWS_SECRET_ACCESS_KEY=a'b\\c!"),
        ],
    )
    def test_quoting(self, name, line):
        assert render(name, make(secret_access_key="a'b\\c!")).splitlines()[-5] == line

    def test_cmd_quotes_the_whole_assignment(self):
        text = render("cmd", make(secret_access_key="a&b|c^d"))
        assert 'set "AWS_SECRET_ACCESS_KEY=a&b|c^d"\n' in text

    @pytest.mark.parametrize(
        ("name", "characters"),
        [("csh", "*?[]{}"), ("cmd", '"%!'), ("dotenv", "\"'`#$\\"), ("github", ""), ("fish", "")],
    )
    def test_what_would_arrive_changed_is_refused_and_not_shown(self, name, characters):
        for character in map(chr, range(33, 127)):
            odd = make(session_token=f"sec{character}ret")
            if character in characters:
                with pytest.raises(OutputError) as refusal:
                    render(name, odd)
                assert "ret" not in str(refusal.value)
            else:
                assert render(name, odd)

    @pytest.mark.parametrize("name", ["env", "fish", "csh", "powershell", "cmd", "slurm"])
    def test_every_shell_can_fail_and_forget(self, name):
        assert FORMATS[name].failure.endswith("\n")
        assert FORMATS[name].failure.count("\n") == 1
        lines = FORMATS[name].remove(["A", "B"]).splitlines()
        assert ["A" in lines[0], "B" in lines[1], len(lines)] == [True, True, 2]

    @pytest.mark.parametrize("name", ["json", "credentials-file", "dotenv", "github"])
    def test_what_no_shell_evaluates_prints_nothing_on_failure(self, name):
        assert FORMATS[name].failure == ""
        assert FORMATS[name].remove is None

    @pytest.mark.parametrize("name", ["env", "fish", "csh", "powershell"])
    def test_lines_that_may_be_joined_end_in_a_semicolon(self, name):
        lines = render(name) + FORMATS[name].remove(["A"])
        assert all(line.endswith(";") for line in lines.splitlines())

    def test_slurm_also_takes_out_what_selects_another_identity(self):
        lines = render("slurm").splitlines()
        assert "unset AWS_PROFILE" in lines
        assert "unset AWS_SESSION_TOKEN" not in lines
        assert [line.split()[0] for line in lines] == ["unset"] * (len(lines) - 6) + ["export"] * 6


class TestGithub:
    def test_each_secret_is_masked(self):
        assert FORMATS["github"].announcement(make()).splitlines() == [
            "::add-mask::se/cr+et",
            "::add-mask::to/ken==",
            "::add-mask::ASIAEXAMPLE",
        ]

    def test_a_percent_sign_is_not_the_runners_escape(self):
        masks = FORMATS["github"].announcement(make(session_token="a%0Ab"))
        assert "::add-mask::a%250Ab\n" in masks

    def test_the_pairs_are_lines(self):
        assert render("github").splitlines()[1] == "AWS_SECRET_ACCESS_KEY=se/cr+et"
