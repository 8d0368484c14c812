"""The two readers of the command line agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_role_exec.errors import UsageError
from aws_role_exec.request import command_line, options
from aws_role_exec.request.options import TABLE, Options

FLAGS = [option.flag for option in TABLE] + [option.short for option in TABLE if option.short]
WORDS = st.one_of(
    st.sampled_from([*FLAGS, "--", "-", "", "-h", "--help", "--version", "--bogus", "-x", "ls"]),
    st.sampled_from(FLAGS).map(lambda flag: flag + "=value"),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
)
VALUES = st.one_of(
    st.sampled_from(["", "0", "1", "yes", "a b", " x ", "--", "value"]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
)
ENVIRONMENTS = st.dictionaries(
    st.sampled_from([option.variable for option in TABLE]), VALUES, max_size=3
)


def by_click(arguments: list[str], environ: dict[str, str]) -> Options | None:
    """Return what click makes of it, None for an error, help or the version."""
    with pytest.MonkeyPatch.context() as patch:
        for option in TABLE:
            patch.delenv(option.variable, raising=False)
        for name, value in environ.items():
            patch.setenv(name, value)
        try:
            return command_line.parse(arguments)
        except UsageError:
            return None


class TestRead:
    @settings(max_examples=600)
    @given(st.lists(WORDS, max_size=7), ENVIRONMENTS)
    def test_what_it_reads_click_reads_alike(self, arguments, environ):
        ours = options.read(arguments, environ)
        if ours is not None:
            assert ours == by_click(arguments, environ)

    @pytest.mark.parametrize(
        ("arguments", "environ"),
        [
            (["--role-arn", "x", "--", "ls", "-l"], {}),
            (["--role-arn=x", "--role-arn", "y", "ls"], {}),
            (["-v", "--dry-run", "--duration", "--", "--", "--", "ls"], {}),
            (["--region", "", "--region=a=b"], {"AWS_ROLE_EXEC_ROLE_ARN": " x  y "}),
            ([], {"AWS_ROLE_EXEC_DRY_RUN": "1", "AWS_ROLE_EXEC_VERBOSE": "0"}),
            (["-"], {"AWS_ROLE_EXEC_REGION": ""}),
        ],
    )
    def test_a_plain_command_line_needs_no_click(self, arguments, environ):
        ours = options.read(arguments, environ)
        assert ours is not None
        assert ours == by_click(arguments, environ)

    @pytest.mark.parametrize(
        "arguments",
        [["-h"], ["--version", "x"], ["--bogus"], ["--region"], ["-vv"], ["--dry-run=1"], ["-v=1"]],
    )
    def test_anything_else_is_clicks(self, arguments):
        assert options.read(arguments, {}) is None

    def test_completion_is_clicks(self):
        assert options.read(["ls"], {options.COMPLETION_VARIABLE: "bash_complete"}) is None
