"""Every option, right and wrong: a wrong one is one line, exit 2, and no request."""

import getpass
import json
import os
import re
import time
from pathlib import Path

import pytest

from runner import ROLE, Runner
from servers.sts import MAX_SESSION_DURATION, ROLE_CHAINING_CAP, Behaviour, Sts

ALLOW = '{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'


def a_policy(length: int) -> str:
    """A legal policy that is `length` characters long when minified."""
    frame = '{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"%s"}]}'
    return frame % ("x" * (length - len(frame) + 2))


BAD: dict[str, list[str]] = {
    "--role-arn": [
        "",
        " ",
        "my-role",
        "arn:aws:iam::12345:role/x",
        "arn:aws:iam::1234567890123:role/x",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:user/alice",
        "arn:aws:sts::123456789012:assumed-role/a/b",
        "arn:aws:iam:us-east-1:123456789012:role/x",
        "arn:aws:s3:::bucket",
        "arn:aws:iam::123456789012:role/x\n",
        " arn:aws:iam::123456789012:role/x",
        "arn:aws:iam::123456789012:role/with space",
        "arn:aws:iam::123456789012:role/x;rm",
        "arn:aws:iam::\u0661\u0662\u0663456789012:role/x",
        "arn::iam::123456789012:role/x",
    ],
    "--duration": [
        "",
        " ",
        "soon",
        "0",
        "0s",
        "-1h",
        "1d",
        "h",
        "1h 30m",
        "14m59s",
        "1s",
        "12h0m1s",
        "13h",
        "999999999999999999999h",
        "nan",
        "inf",
        "1e1h",
        "0x10h",
        "1h\n",
        "\u0661h",
        "10:00",  # minutes or hours?
        "1:60:00",
        "1:00:60",
        "1:2:3:4",
        "12:00:01",
        "13:00:00",
        "1-00",
        "1-00:00:00",
        "100-00",
        "43201",
        "UNLIMITED",
        "-01:00:00",
        "1:00:00 ",
    ],
    "--session-name": [
        "",
        "a",
        "x" * 65,
        "with space",
        "pbs-1234[5].srv",
        "a/b",
        "a:b",
        "\u00e9t\u00e9",
        "a\n",
        "a;b",
        "job*",
    ],
    "--region": [
        "",
        " ",
        "us east 1",
        "us-east-1/",
        "us-east-1.evil.example",
        "us-east-1@evil.example",
        "us-east-1#",
        "..",
        "us-east-1\n",
        "-x",
        "\u00fc",
        "x" * 300,
    ],
    "--format": ["", "yaml", "ENV", "env ", "json,env", "environment"],
    "--policy": [
        "",
        " ",
        "{",
        "{}",
        "[]",
        "null",
        "1",
        '"Statement"',
        "not json",
        "{'Statement': []}",
        '{"Version":"2012-10-17"}',
        '{"Statement":"x"}',
        '{"Statement":["x"]}',
        '{"Statement":[{"Action":"*","Resource":"*"}]}',
        '{"Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]}',
        '{"Statement":[{"Effect":"allow","Action":"*","Resource":"*"}]}',
        '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]} trailing',
        '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":NaN}]}',
        "file:///nonexistent/policy.json",
        "file://",
        "file:///",
        a_policy(2049),
    ],
    "--sts-timeout": ["", "0", "0s", "-1s", "soon", "1d", "nan", "inf", "1s\n"],
}
CASES = [(option, value) for option, values in BAD.items() for value in values]


def case_id(case: tuple[str, str]) -> str:
    option, value = case
    return f"{option} {ascii(value)[1:41]}"


class TestBadInput:
    # Several cases to a test: a process each, and a pytest item each would cost more than it.
    @pytest.mark.parametrize("case", CASES, ids=case_id)
    def test_is_one_line_and_exit_2_before_the_network(
        self, run: Runner, sts: Sts, case: tuple[str, str]
    ) -> None:
        """Bad input costs nothing: no request, no file, one line that names the option."""
        option, value = case
        role = () if option == "--role-arn" else ("--role-arn", ROLE)
        command = () if option == "--format" else ("--", "true")
        failure = run(*role, option, value, *command).failure(2)
        assert option in failure.line
        assert not sts.asked

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ((), "--role-arn"),
            (("--", "true"), "--role-arn"),
            (("--role-arn",), "--role-arn"),
            (("--role-arn", ROLE, "--no-such-option", "--", "true"), "--no-such-option"),
            (("--role-arn", ROLE, "-x", "--", "true"), "-x"),
            (("--role-arn", ROLE, "--dry-run=yes", "--", "true"), "--dry-run"),
            (("--role-arn", ROLE, "--format", "json", "--", "true"), "--format"),
            (("--role-arn", ROLE, "--format", "env", "--", "true"), "--format"),
            (("--role-arn", ROLE, "--output", "x", "--", "true"), "--output"),
            (("--role-arn", ROLE, "--format", "credentials-file"), "--output"),
        ],
        ids=lambda value: " ".join(value).replace(ROLE, "R") if isinstance(value, tuple) else "",
    )
    def test_a_wrong_command_line(
        self, run: Runner, sts: Sts, arguments: tuple[str, ...], expected: str
    ) -> None:
        """What is missing, unknown or pointless is named."""
        assert expected in run(*arguments).failure(2).line
        assert not sts.asked
        assert not list(run.cwd.iterdir())

    @pytest.mark.parametrize("option", ["--role-arn", "--session-name", "--policy", "--duration"])
    def test_bytes_that_are_no_text(self, run: Runner, sts: Sts, option: str) -> None:
        """Non-UTF-8 in our own options is an error, not a traceback."""
        role = () if option == "--role-arn" else ("--role-arn", ROLE)
        run(*role, option, b"\xff\xfe", "--", "true").failure(2)
        assert not sts.asked

    def test_a_policy_file_that_is_no_text(self, run: Runner, sts: Sts, tmp_path: Path) -> None:
        """A binary policy file neither."""
        path = tmp_path / "policy.json"
        path.write_bytes(b"\xff\xfe{\0")
        assert "--policy" in run.assume("--policy", f"file://{path}", "--", "true").failure(2).line
        assert not sts.asked

    def test_a_session_name_error_shows_the_nearest_legal_one(self, run: Runner) -> None:
        """The user can paste it."""
        failure = run.assume("--session-name", "pbs-1234[5].srv", "--", "true").failure(2)
        assert "pbs-1234-5-.srv" in failure.text

    @pytest.mark.parametrize("walltime", ["13:00:00", "1-00:00:00", "50000"])
    def test_a_walltime_above_12h_says_that_no_session_lasts_that_long(
        self, run: Runner, walltime: str
    ) -> None:
        """Shortening it silently would kill the job halfway."""
        assert "12h" in run.assume("--duration", walltime, "--", "true").failure(2).text

    def test_an_ambiguous_walltime_says_how_to_write_either(self, run: Runner) -> None:
        """`10:00` is ten minutes or ten hours: both ways to write it are shown."""
        text = run.assume("--duration", "10:00", "--", "true").failure(2).text
        assert "10:00:00" in text
        assert "00:10:00" in text or "0:10:00" in text


class TestDuration:
    @pytest.mark.parametrize(
        ("text", "seconds", "shown"),
        [
            ("15m", 900, "15m0s"),
            ("1h", 3600, "1h0m0s"),
            ("1h30m", 5400, "1h30m0s"),
            ("1.5h", 5400, "1h30m0s"),
            ("900s", 900, "15m0s"),
            ("90m", 5400, "1h30m0s"),
            ("12h", 43200, "12h0m0s"),
            ("04:00:00", 14400, "4h0m0s"),
            ("4:00:00", 14400, "4h0m0s"),
            ("12:00:00", 43200, "12h0m0s"),
            ("0-04", 14400, "4h0m0s"),
            ("0-4:30", 16200, "4h30m0s"),
            ("0-04:30:15", 16215, "4h30m15s"),
            ("7200", 7200, "2h0m0s"),
            ("36:00", None, None),
        ],
    )
    def test_reaches_sts_in_seconds(
        self, run: Runner, sts: Sts, text: str, seconds: int | None, shown: str | None
    ) -> None:
        """Go durations and walltimes are what STS is asked for, and what --dry-run shows."""
        result = run.assume("--duration", text, "--", "true")
        if seconds is None:
            result.failure(2)
            return
        result.ok()
        assert sts.asked[0].params["DurationSeconds"] == str(seconds)
        dry = run.assume("--duration", text, "--dry-run", "--", "true").ok()
        assert f"duration: {shown}\n" in dry.err

    @pytest.mark.parametrize("walltime", ["00:10:00", "0-00:10", "600", "0:00:01"])
    def test_a_short_walltime_is_rounded_up_with_a_notice(
        self, run: Runner, sts: Sts, walltime: str
    ) -> None:
        """A job of ten minutes gets a key of fifteen."""
        result = run.assume("--duration", walltime, "--", "true").ok()
        assert sts.asked[0].params["DurationSeconds"] == "900"
        assert "15m" in result.err

    def test_auto_is_an_hour_outside_jobs(self, run: Runner, sts: Sts) -> None:
        """And nothing is said about it."""
        result = run.assume("--duration", "auto", "--", "true").ok()
        assert sts.asked[0].params["DurationSeconds"] == "3600"
        assert result.err == ""

    @pytest.mark.parametrize("refusal", [MAX_SESSION_DURATION, ROLE_CHAINING_CAP])
    def test_auto_asks_once_more_where_sts_gives_less(
        self, run: Runner, sts: Sts, refusal: Behaviour
    ) -> None:
        """With one line that says so, and never a third time."""
        job = {"SLURM_JOB_ID": "17", "SLURM_JOB_END_TIME": str(int(time.time()) + 4 * 3600)}
        sts.script(refusal)
        result = run.assume("--duration", "auto", "--", "true", env=job).ok()
        first, second = (int(asked.params["DurationSeconds"]) for asked in sts.asked)
        assert 14000 < first <= 14400
        assert second == 3600
        assert result.err.startswith("aws-role-exec: the credentials will last 1h, not ")
        assert result.err.count("\n") == 1
        assert "DurationSeconds exceeds" in result.err
        sts.asked.clear()
        sts.script(refusal, refusal)
        assert run.assume("--duration", "auto", "--", "true", env=job).code == 125
        assert len(sts.asked) == 2

    def test_a_duration_that_was_named_is_never_shortened(self, run: Runner, sts: Sts) -> None:
        """It is refused, with a hint."""
        sts.script(MAX_SESSION_DURATION)
        run.assume("--duration", "4h", "--", "true").failure(125)
        assert len(sts.asked) == 1

    def test_defaults_to_an_hour(self, run: Runner, sts: Sts) -> None:
        """Without --duration."""
        run.assume("--", "true").ok()
        assert sts.asked[0].params["DurationSeconds"] == "3600"


class TestRoleArn:
    @pytest.mark.parametrize(
        ("arn", "region"),
        [
            ("arn:aws:iam::123456789012:role/my-role", "us-east-1"),
            ("arn:aws:iam::123456789012:role/a/path/of_some+=,.@-length", "us-east-1"),
            ("arn:aws-cn:iam::123456789012:role/r", "cn-north-1"),
            ("arn:aws-us-gov:iam::123456789012:role/r", "us-gov-west-1"),
        ],
    )
    def test_of_any_partition_works_without_a_region(
        self, run: Runner, sts: Sts, arn: str, region: str
    ) -> None:
        """China and GovCloud need no --region: the partition's default is signed for."""
        run("--role-arn", arn, "--", "true").ok()
        assert sts.asked[0].params["RoleArn"] == arn
        assert sts.asked[0].region == region


class TestSessionName:
    @pytest.mark.parametrize("name", ["ab", "x" * 64, "user_1+=,.@-X"])
    def test_legal_names_are_sent_as_they_are(self, run: Runner, sts: Sts, name: str) -> None:
        """STS's own rule, no stricter."""
        run.assume("--session-name", name, "--", "true").ok()
        assert sts.asked[0].params["RoleSessionName"] == name

    def test_the_default_names_the_user_and_differs_each_time(self, run: Runner, sts: Sts) -> None:
        """CloudTrail tells two runs of one user apart."""
        run.assume("--", "true").ok()
        run.assume("--", "true").ok()
        names = [asked.params["RoleSessionName"] for asked in sts.asked]
        user = re.escape(getpass.getuser())
        assert all(re.fullmatch(rf"aws-role-exec-{user}-[0-9a-f]{{8}}", name) for name in names)
        assert names[0] != names[1]


class TestPolicy:
    def test_is_minified(self, run: Runner, sts: Sts) -> None:
        """White space does not count against STS's 2,048 characters."""
        spread = ALLOW.replace(",", " ,\n    ").replace(":[", " : [\n")
        run.assume("--policy", spread + "\n" * 3000, "--", "true").ok()
        assert sts.asked[0].params["Policy"] == ALLOW

    def test_of_exactly_the_limit_is_sent(self, run: Runner, sts: Sts) -> None:
        """2,048 characters are allowed, 2,049 are not."""
        run.assume("--policy", a_policy(2048), "--", "true").ok()
        assert len(sts.asked[0].params["Policy"]) == 2048

    def test_comes_from_a_file_as_in_the_aws_cli(
        self, run: Runner, sts: Sts, tmp_path: Path
    ) -> None:
        """`file://PATH`, absolute or relative."""
        (run.cwd / "policy.json").write_text(ALLOW + "\n")
        run.assume("--policy", f"file://{run.cwd}/policy.json", "--", "true").ok()
        run.assume("--policy", "file://policy.json", "--", "true").ok()
        assert [asked.params["Policy"] for asked in sts.asked] == [ALLOW, ALLOW]

    def test_a_single_statement_need_not_be_a_list(self, run: Runner, sts: Sts) -> None:
        """IAM takes an object too."""
        policy = '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
        run.assume("--policy", policy, "--", "true").ok()
        assert sts.asked[0].params["Policy"] == policy

    def test_text_that_is_not_ascii_survives(self, run: Runner, sts: Sts) -> None:
        """A bucket prefix may hold any letter."""
        policy = ALLOW.replace('"*"', '"arn:aws:s3:::b/\u00e9\u4e2d/*"')
        run.assume("--policy", policy, "--", "true").ok()
        sent = sts.asked[0].params["Policy"]
        assert json.loads(sent) == json.loads(policy)
        assert all(ord(character) <= 0xFF for character in sent), "STS's pattern for policies"


class TestDryRun:
    def test_says_what_would_be_done(self, run: Runner, sts: Sts) -> None:
        """On stderr, in the words of the documentation; stdout stays empty."""
        result = run.assume(
            "--duration", "04:00:00", "--session-name", "my-job-42", "--region", "eu-west-1",
            "--dry-run", "--", "true", "two words",
        ).ok()  # fmt: skip
        lines = result.err.splitlines()
        assert lines[0] == f"DRY RUN: would assume {ROLE}"
        rows = dict(line.strip().split(": ", 1) for line in lines[1:])
        assert rows["session-name"] == "my-job-42"
        assert rows["duration"] == "4h0m0s"
        assert rows["region"] == "eu-west-1"
        assert rows["command"].startswith("true")
        assert result.stdout == b""
        assert not sts.asked

    def test_shows_the_format_without_a_command(self, run: Runner, tmp_path: Path) -> None:
        """And creates no file."""
        path = tmp_path / "creds"
        result = run.assume("--format", "json", "--output", str(path), "--dry-run").ok()
        assert "format: json" in result.err
        assert not path.exists()

    def test_needs_no_credentials(self, run: Runner) -> None:
        """It can be tried on a machine that has none."""
        keyless = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
        run.assume("--dry-run", "--", "true", env=keyless).ok()

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (("--duration", "soon", "--", "true"), 2),
            (("--output", "/nonexistent/x"), 2),
            (("--policy", "{", "--", "true"), 2),
            (("--", "no-such-command"), 127),
            (("--", "/etc"), 126),
        ],
    )
    def test_validates_all_the_same(
        self, run: Runner, arguments: tuple[str, ...], code: int
    ) -> None:
        """What would fail fails."""
        run.assume("--dry-run", *arguments).failure(code)


class TestVersionAndHelp:
    @pytest.mark.parametrize("option", ["--version", "--help", "-h"])
    def test_print_on_stdout_and_need_nothing(self, run: Runner, sts: Sts, option: str) -> None:
        """No role, no credentials, no request."""
        keyless = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
        result = run(option, env=keyless).ok()
        assert "aws-role-exec" in result.out
        assert result.err == ""
        assert not sts.asked

    def test_help_names_every_option(self, run: Runner) -> None:
        """What is not in --help does not exist for users."""
        out = run("--help").ok().out
        for option in (*BAD, "--output", "--dry-run", "--version", "-h", "-v", "--verbose"):
            assert option in out

    def test_version_is_the_packages(self, run: Runner) -> None:
        """A number that can be put in a bug report."""
        assert re.search(r"\d+\.\d+\.\d+", run("--version").ok().out)

    def test_help_to_a_full_disk_is_no_traceback(self, run: Runner) -> None:
        """Neither a full disk nor a closed pipe makes it cry."""
        if not os.path.exists("/dev/full"):
            pytest.skip("SKIPPED: no /dev/full on this platform")
        with open("/dev/full", "wb") as full:
            result = run("--help", stdout=full)
        assert result.code != 0


class TestVerbose:
    def test_says_what_is_done_on_stderr(self, run: Runner, sts: Sts) -> None:
        """-v names the role and the caller's key, and never a secret."""
        result = run.assume("-v", "--", "true").ok()
        assert ROLE in result.err
        assert result.stdout == b""

    def test_is_silent_without(self, run: Runner) -> None:
        """A wrapper that talks breaks scripts."""
        assert run.assume("--", "true").ok().err == ""
