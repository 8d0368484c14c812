"""The command line, up to the Options."""

import pytest

from aws_role_exec import cli
from aws_role_exec.errors import UsageError
from aws_role_exec.request import command_line
from aws_role_exec.request.options import TABLE, Options


@pytest.fixture(autouse=True)
def _no_defaults(monkeypatch):
    for option in TABLE:
        monkeypatch.delenv(option.variable, raising=False)


class TestParse:
    @pytest.mark.parametrize(
        ("arguments", "command"),
        [
            (["ls", "-l"], ("ls", "-l")),
            (["--", "ls", "-l"], ("ls", "-l")),
            (["ls", "--", "-l"], ("ls", "--", "-l")),
            (["--", "--", "x"], ("--", "x")),
            (["ls", "--region", "x", "--help", "--version"],
             ("ls", "--region", "x", "--help", "--version")),
            (["env", "", "a b"], ("env", "", "a b")),
            ([], ()),
        ],
    )  # fmt: skip
    def test_options_stop_at_the_first_other_word(self, arguments, command):
        options = command_line.parse(["--role-arn", "x", *arguments])
        assert options.command == command
        assert options.region is None

    def test_an_option_has_its_default_in_the_environment(self, monkeypatch):
        monkeypatch.setenv("AWS_ROLE_EXEC_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_ROLE_EXEC_SESSION_NAME", "")
        options = command_line.parse(["--duration", "15m", "--duration", "20m"])
        assert (options.region, options.duration, options.session_name) == (
            "eu-west-1", "20m", None,
        )  # fmt: skip
        assert options.from_environment == {"--region"}
        assert options.label("--region") == "AWS_ROLE_EXEC_REGION"

    def test_every_option_of_the_table_has_a_field(self):
        origins = {"from_environment", "from_default", "set_in"}
        fields = set(Options.__annotations__) - {"command", *origins}
        assert fields == {option.name for option in TABLE}

    @pytest.mark.parametrize(
        "arguments", [["--bogus"], ["--region"], ["--dry-run=yes"], ["-x"], ["--roll-arn", "x"]]
    )
    def test_what_is_no_option_is_one_line(self, arguments):
        with pytest.raises(UsageError, match="command line: ") as refusal:
            command_line.parse(arguments)
        assert "\n" not in str(refusal.value)


class TestFailureLine:
    @pytest.mark.parametrize(
        ("arguments", "environ"),
        [
            ([], {}),
            (["--bogus"], {}),
            (["--role-arn"], {}),
            (["--role-arn", "x", "--format", "env"], {}),
            (["--format=nonsense"], {}),
            (["--"], {}),
            (["--output", "-"], {}),
            (["--verbose", "--format", "env"], {"AWS_ROLE_EXEC_FORMAT": "json"}),
        ],
    )
    def test_a_shell_that_evaluates_it_stops(self, arguments, environ):
        assert cli.failure_line(arguments, environ) == "false\n"

    @pytest.mark.parametrize(
        ("arguments", "environ"),
        [
            (["--role-arn", "x", "--", "ls"], {}),
            (["--role-arn=x", "ls"], {}),
            (["--dry-run", "ls"], {}),
            (["--format", "json"], {}),
            (["--output", "creds"], {}),
            ([], {"AWS_ROLE_EXEC_FORMAT": "json"}),
        ],
    )
    def test_nothing_is_printed_that_no_shell_would_evaluate(self, arguments, environ):
        assert cli.failure_line(arguments, environ) == ""
