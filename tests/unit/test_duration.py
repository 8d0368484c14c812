"""Durations as people write them."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_role_exec.errors import UsageError
from aws_role_exec.sts.duration import Duration, format_go, from_seconds, parse, session_seconds


class TestParse:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("1h30m", 5400),
            ("45m", 2700),
            ("1.5h", 5400),
            ("90s", 90),
            ("1h1h", 7200),
            (".5h", 1800),
            ("2.h", 7200),
            ("+1h", 3600),
            ("1500ms", 1.5),
            ("1us", 1e-6),
            ("1µs", 1e-6),
        ],
    )
    def test_a_go_duration_is_read_as_go_reads_it(self, text, seconds):
        assert parse(text).seconds == pytest.approx(seconds)
        assert not parse(text).is_walltime

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("04:00:00", 14400),
            ("4:00:00", 14400),
            ("100:00:00", 360000),
            ("1-12", 129600),
            ("0-04", 14400),
            ("1-02:30", 95400),
            ("1-02:30:15", 95415),
            ("3600", 3600),
        ],
    )
    def test_a_walltime_is_read_as_the_scheduler_reads_it(self, text, seconds):
        assert parse(text) == Duration(seconds * 10**9, is_walltime=True)

    def test_two_numbers_are_refused_and_both_ways_to_write_them_shown(self):
        with pytest.raises(UsageError, match="ambiguous") as refusal:
            parse("30:00")
        for way in ("00:30:00", "30m0s", "30:00:00", "30h0m"):
            assert way in refusal.value.hint

    @pytest.mark.parametrize("text", ["UNLIMITED", "unlimited", "INFINITE"])
    def test_no_session_lasts_for_ever(self, text):
        with pytest.raises(UsageError, match="unlimited"):
            parse(text)

    @pytest.mark.parametrize(
        "text",
        ["", " ", "x", ".", "h", ".h", "1h.", "1h-1m", "1 h", "1d", "1-", "-", "1:2:3:4", "1-24",
         "00:61:00", "00:00:60", "1h\n", "٣h", "٣", "0x10", "1e3", "1_000", "9" * 5000, "1h" * 50],
    )  # fmt: skip
    def test_anything_else_is_refused(self, text):
        with pytest.raises(UsageError):
            parse(text)

    @pytest.mark.parametrize("text", ["0", "0s", "-1h", "00:00:00", "0-00"])
    def test_nothing_lasts_no_time_or_less(self, text):
        with pytest.raises(UsageError, match="positive"):
            parse(text)

    @given(st.text(max_size=60))
    def test_no_text_whatever_makes_it_fail_in_another_way(self, text):
        with contextlib.suppress(UsageError):
            assert parse(text).nanoseconds > 0

    @given(st.integers(1, 10**6))
    def test_what_is_printed_is_read_back(self, seconds):
        assert parse(format_go(from_seconds(seconds))).nanoseconds == seconds * 10**9


class TestSessionSeconds:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("15m", 900), ("12h", 43200), ("00:15:00", 900), ("43200", 43200), ("900.5s", 901)],
    )
    def test_what_sts_gives_is_taken_as_it_is(self, text, seconds):
        assert session_seconds(parse(text)) == (seconds, None)

    @pytest.mark.parametrize("text", ["14m59s", "1s", "12h1s", "12h0.5s", "24h"])
    def test_a_go_duration_outside_of_it_is_refused(self, text):
        with pytest.raises(UsageError, match=r"15m|12h"):
            session_seconds(parse(text))

    @pytest.mark.parametrize("text", ["00:10:00", "1", "899"])
    def test_a_short_walltime_is_rounded_up_and_said_so(self, text):
        seconds, notice = session_seconds(parse(text))
        assert seconds == 900
        assert "15m" in notice

    @pytest.mark.parametrize("text", ["12:00:01", "1-00", "43201"])
    def test_a_long_walltime_is_refused_since_the_job_would_lose_its_key(self, text):
        with pytest.raises(UsageError, match="maximum of 12h"):
            session_seconds(parse(text))


class TestFormatGo:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(14400, "4h0m0s"), (90, "1m30s"), (5, "5s"), (3661, "1h1m1s"), (900, "15m0s")],
    )
    def test_it_prints_what_go_prints(self, seconds, text):
        assert format_go(from_seconds(seconds)) == text

    def test_a_fraction_is_kept(self):
        assert format_go(parse("1.5s")) == "1.5s"
        assert re.fullmatch(r"1m0\.000000001s", format_go(parse("1m1ns")))
