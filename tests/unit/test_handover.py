"""Looking the command up."""

import os

import pytest

from aws_role_exec.errors import CommandNotExecutableError, CommandNotFoundError
from aws_role_exec.handover.execute import find_command


@pytest.fixture
def tools(tmp_path):
    """Two directories for PATH: `first` has a file that may not be executed, `second` may."""
    for name, mode in (("first", 0o644), ("second", 0o755)):
        (tmp_path / name).mkdir()
        tool = tmp_path / name / "tool"
        tool.write_text("#!/bin/sh\n")
        tool.chmod(mode)
    return tmp_path


class TestFindCommand:
    def test_a_name_is_searched_in_path_past_what_may_not_be_executed(self, tools):
        path = f"{tools}/first:{tools}/second"
        assert find_command("tool", {"PATH": path}) == f"{tools}/second/tool"

    def test_an_empty_entry_of_path_is_the_working_directory(self, tools, monkeypatch):
        monkeypatch.chdir(tools / "second")
        assert find_command("tool", {"PATH": "/nonexistent:"}) == "./tool"

    def test_without_path_the_usual_places_are_searched(self):
        assert os.path.basename(find_command("sh", {})) == "sh"

    def test_a_name_with_a_slash_is_a_path(self, tools, monkeypatch):
        monkeypatch.chdir(tools)
        assert find_command("second/tool", {"PATH": ""}) == "second/tool"

    @pytest.mark.parametrize("name", ["", "nosuch", "./nosuch", "/bin/sh/x", "a\0b", "no/such"])
    def test_what_is_not_there_is_not_found(self, name):
        with pytest.raises(CommandNotFoundError) as refusal:
            find_command(name, {"PATH": "/bin"})
        assert refusal.value.exit_code == 127

    def test_what_may_not_be_executed_is_said_so(self, tools):
        for name in ("tool", f"{tools}/first/tool", str(tools)):
            with pytest.raises(CommandNotExecutableError) as refusal:
                find_command(name, {"PATH": f"{tools}/first"})
            assert refusal.value.exit_code == 126

    def test_a_directory_in_path_with_the_commands_name_is_passed_over(self, tools):
        (tools / "third" / "tool").mkdir(parents=True)
        path = f"{tools}/third:{tools}/second"
        assert find_command("tool", {"PATH": path}) == f"{tools}/second/tool"
        with pytest.raises(CommandNotFoundError):
            find_command("tool", {"PATH": f"{tools}/third"})
