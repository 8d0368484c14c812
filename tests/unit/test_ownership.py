"""--owner and --mode, before anything is written."""

import grp
import os
import pwd

import pytest

from aws_role_exec.errors import UsageError
from aws_role_exec.output import ownership


class TestMode:
    @pytest.mark.parametrize("text", ["400", "0400", "440", "0440", "600", "0600", "640", "0o640"])
    def test_the_owner_reads_and_the_group_may(self, text):
        assert ownership.parse_mode(text) == int(text.removeprefix("0o"), 8)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "644",
            "0604",
            "660",
            "620",
            "700",
            "000",
            "040",
            "4600",
            "1600",
            "u=r",
            "rw",
            "6",
            "60",
            "00600",
            "-600",
            "+600",
            " 600",
            "0x180",
            "٦٠٠",
            "0o",
            "600 ",
        ],
    )
    def test_anything_else_is_refused(self, text):
        with pytest.raises(UsageError) as refusal:
            ownership.parse_mode(text)
        assert "0640" in refusal.value.hint


class TestOwner:
    @pytest.fixture(autouse=True)
    def _may(self, monkeypatch):
        monkeypatch.setattr(ownership, "_may_give_away", lambda: True)

    def test_numbers_are_ids_that_need_no_name(self):
        assert ownership.parse_owner("54321") == (54321, None)
        assert ownership.parse_owner("54321:65432") == (54321, 65432)

    def test_names_are_looked_up(self):
        user = pwd.getpwuid(0)
        group = grp.getgrall()[0]
        assert ownership.parse_owner(user.pw_name) == (0, None)
        assert ownership.parse_owner(f"{user.pw_name}:{group.gr_name}") == (0, group.gr_gid)

    def test_a_colon_alone_is_the_login_group(self):
        user = pwd.getpwuid(0)
        assert ownership.parse_owner(f"{user.pw_name}:") == (0, user.pw_gid)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ":",
            ":0",
            "no such user",
            "0:no such group",
            "1:",
            "4294967295",
            "-1",
            "9" * 30,
            "0:4294967295",
            "0:0:0",
            "0.0",
            "é",
            "a\0b",
            "\udcff",
        ],
    )
    def test_what_is_nobody_is_refused(self, text):
        with pytest.raises(UsageError):
            ownership.parse_owner(text)

    def test_a_name_that_is_unknown_here_can_be_a_number(self):
        with pytest.raises(UsageError) as refusal:
            ownership.parse_owner("ldap-user")
        assert "numeric ID" in refusal.value.hint


class TestWithoutTheRightToGiveAway:
    @pytest.fixture(autouse=True)
    def _may_not(self, monkeypatch):
        monkeypatch.setattr(ownership, "_may_give_away", lambda: False)

    def test_oneself_and_ones_groups_are_fine(self):
        me, mine = os.geteuid(), os.getegid()
        assert ownership.parse_owner(f"{me}:{mine}") == (me, mine)

    @pytest.mark.parametrize("text", ["54321", "54321:0"])
    def test_another_user_is_refused(self, text):
        with pytest.raises(UsageError, match="only root"):
            ownership.parse_owner(text)

    def test_another_group_is_refused(self):
        with pytest.raises(UsageError, match="group"):
            ownership.parse_owner(f"{os.geteuid()}:54321")
