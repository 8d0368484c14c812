"""What `--renew` goes with, what it refuses, and what is told before anything is done."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from renewal.conftest import StartJob
from runner import ROLE, Runner
from servers.sts import Sts

MFA = "arn:aws:iam::123456789012:mfa/alice"
RENEWAL = "renewal: by a helper process, until the command ends"


class TestHowLong:
    """A Go duration is a session's, a walltime the job's."""

    @pytest.mark.parametrize(
        ("duration", "session"),
        [
            ("UNLIMITED", "1h0m0s"),
            ("infinite", "1h0m0s"),
            ("7-00:00:00", "1h0m0s"),
            ("72:00:00", "1h0m0s"),
            ("00:20:00", "20m0s"),
            ("00:01:00", "15m0s"),
            ("auto", "1h0m0s"),
            ("45m", "45m0s"),
            ("12h", "12h0m0s"),
        ],
    )
    def test_sessions_last(self, run: Runner, duration: str, session: str) -> None:
        result = run.assume("--renew", "--duration", duration, "--dry-run", "--", "true").ok()
        assert f"duration: {session}\n" in result.err
        assert RENEWAL in result.err

    def test_a_session_of_more_than_12h_is_refused(self, run: Runner) -> None:
        failure = run.assume("--renew", "--duration", "13h", "--", "true").failure(2)
        assert "with --renew, this is the length of each session" in (failure.hint or "")

    def test_without_it_a_longer_job_is_told_of_it(self, run: Runner) -> None:
        for duration in ("13:00:00", "UNLIMITED", "1-12"):
            failure = run.assume("--duration", duration, "--", "true").failure(2)
            assert "--renew" in (failure.hint or "")

    def test_roles_one_from_another_are_told_of_it(self, run: Runner) -> None:
        failure = run.assume("--role-arn", ROLE, "--duration", "2h", "--", "true").failure(2)
        assert "--renew" in (failure.hint or "")

    def test_sts_is_asked_for_that(self, start_job: StartJob, sts: Sts) -> None:
        with start_job("--duration", "2-00:00:00"):
            pass
        assert sts.asked[0].params["DurationSeconds"] == "3600"


class TestWhatCannotBeAskedAgain:
    @pytest.mark.parametrize(
        "options",
        [
            ("--mfa-serial", MFA),
            ("--mfa-serial", MFA, "--mfa-code", "123456"),
            ("--web-identity", "env:TOKEN"),
            ("--web-identity", "file:pipe"),
        ],
    )
    def test_is_refused_before_anything_is_asked(
        self, run: Runner, sts: Sts, options: tuple[str, ...]
    ) -> None:
        import os

        os.mkfifo(run.cwd / "pipe")
        failure = run.assume("--renew", *options, "--", "true", env={"TOKEN": "a.b.c"}).failure(2)
        assert failure.line.startswith("aws-role-exec: --renew: ")
        assert failure.hint
        assert not sts.asked

    def test_is_refused_when_a_profile_wants_it(self, run: Runner, sts: Sts) -> None:
        (run.home / ".aws").mkdir()
        (run.home / ".aws/config").write_text(
            f"[profile admin]\nrole_arn = {ROLE}\nsource_profile = base\nmfa_serial = {MFA}\n"
            "[profile base]\naws_access_key_id = AKIAX\naws_secret_access_key = x\n"
        )
        for words in (("--role-arn", ROLE, "--profile", "admin"), ("--profile", "admin")):
            failure = run(*words, "--renew", "--", "true").failure(2)
            assert "MFA" in failure.line
        assert not sts.asked


class TestWithoutACommand:
    def test_there_is_nothing_to_renew_for(self, run: Runner, sts: Sts) -> None:
        failure = run.assume("--renew").failure(2)
        assert "renewal requires a command" in failure.line
        assert not sts.asked

    def test_a_sites_default_does_not_count(self, run: Runner) -> None:
        assert run.assume(env={"AWS_ROLE_EXEC_RENEW": "1"}).ok().out.startswith("export ")


class TestTheOption:
    @pytest.mark.parametrize("value", ["1", "true", "helper"])
    def test_has_a_default_in_the_environment(self, run: Runner, value: str) -> None:
        result = run.assume("--dry-run", "--", "true", env={"AWS_ROLE_EXEC_RENEW": value}).ok()
        assert RENEWAL in result.err

    @pytest.mark.parametrize("value", ["0", "false", ""])
    def test_can_be_switched_off_there(self, run: Runner, value: str) -> None:
        result = run.assume("--dry-run", "--", "true", env={"AWS_ROLE_EXEC_RENEW": value}).ok()
        assert "renewal" not in result.err

    @pytest.mark.parametrize("words", [("true", "--x"), ("--", "true", "--x")])
    @pytest.mark.parametrize("before", [("--renew",), ("--renew=helper",)])
    def test_takes_no_word_of_the_commands(
        self, run: Runner, before: tuple[str, ...], words: tuple[str, ...]
    ) -> None:
        result = run.assume("--dry-run", *before, *words).ok()
        assert "command: true --x" in result.err

    def test_is_read_the_same_by_click(self, run: Runner) -> None:
        """An abbreviated flag value makes click read the line."""
        result = run.assume("--dry-run", "--renew", "true", env={"AWS_ROLE_EXEC_VERBOSE": "yes"})
        assert RENEWAL in result.ok().err

    @pytest.mark.parametrize(
        "options",
        [
            ("--renew=sometimes",),
            ("--renew=",),
            ("--renew=process",),
            ("--renew-dir", "."),
            ("--renew", "--renew-dir", "."),
            ("--renew=process", "--renew-dir", "gone"),
        ],
    )
    def test_that_does_not_fit_does_nothing(
        self, run: Runner, sts: Sts, options: tuple[str, ...]
    ) -> None:
        run.assume(*options, "--", "true").failure(2)
        assert not sts.asked

    def test_is_explained(self, run: Runner) -> None:
        text = run.assume("--renew", "--explain", "--", "true").ok().out
        assert re.search(r"^renewal: +by a helper process", text, re.M)
        assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in text
        document = json.loads(
            run.assume("--renew", "--explain", "--format", "json", "--", "true").ok().out
        )
        assert document["Renewal"] == "helper"
        given = set(document["Environment"]["Set"])
        assert "AWS_PROFILE" in given
        assert "AWS_ACCESS_KEY_ID" not in given

    def test_is_explained_truly(self, run: Runner, start_job: StartJob) -> None:
        document = json.loads(
            run.assume("--renew", "--explain", "--format", "json", "--", "true").ok().out
        )
        with start_job() as job:
            new = {name for name in job.env if name not in run.env and name != "LC_CTYPE"}
        new |= {name for name in document["Environment"]["Set"] if name in run.env}
        assert new == set(document["Environment"]["Set"])


class TestByProcess:
    """`--renew=process`: other nodes and containers run the program again."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        made = tmp_path / "shared"
        made.mkdir()
        return made

    def start(self, run: Runner, place: Path, *options: str, **more: object) -> Mapping[str, str]:
        result = run.assume(
            "--renew=process", "--renew-dir", str(place), *options, "--", "env", **more
        ).ok()
        return dict(line.split("=", 1) for line in result.out.splitlines())

    def ask(self, run: Runner, env: Mapping[str, str]) -> dict[str, str]:
        """Do what an SDK does: run the profile's credential_process in the job's environment."""
        import subprocess

        config = Path(env["AWS_CONFIG_FILE"]).read_text()
        (process,) = re.findall(r"^credential_process = (.*)$", config, re.M)
        words = str(process).split()
        output = subprocess.run(words, env=dict(env), capture_output=True, check=True).stdout
        return dict(json.loads(output))

    def test_each_asks_again_as_the_first_run_did(self, run: Runner, sts: Sts, place: Path) -> None:
        policy = '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'
        env = self.start(run, place, "--tag", "team=a b", "--policy", policy)
        assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & env.keys()
        assert env["AWS_EC2_METADATA_DISABLED"] == "true"
        first, second = self.ask(run, env), self.ask(run, env)
        assert first["AccessKeyId"] != second["AccessKeyId"]
        requests = [dict(asked.params) for asked in sts.asked]
        assert requests[0] == requests[1] == requests[2]

    def test_what_the_job_changes_is_not_asked(self, run: Runner, sts: Sts, place: Path) -> None:
        env = self.start(run, place)
        of_the_job = {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": "AKIAOTHER",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_ROLE_EXEC_ROLE_ARN": "arn:aws:iam::123456789012:role/other",
        }
        assert self.ask(run, {**env, **of_the_job})["AccessKeyId"]
        assert {asked.params["RoleArn"] for asked in sts.asked} == {ROLE}

    def test_its_files_are_private_and_apart(self, run: Runner, place: Path) -> None:
        self.start(run, place)
        self.start(run, place)
        made = list(place.iterdir())
        assert len(made) == 2
        for folder in made:
            assert folder.stat().st_mode & 0o777 == 0o700
            assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}

    def test_a_path_that_sdks_misread_is_refused(
        self, run: Runner, sts: Sts, tmp_path: Path
    ) -> None:
        bad = tmp_path / "a b"
        bad.mkdir()
        run.assume("--renew=process", "--renew-dir", str(bad), "--", "env").failure(2)
        run.assume("--renew=process", "--renew-dir", str(bad), "--dry-run", "--", "env").failure(2)
        assert not list(bad.iterdir())

    def test_refused_by_sts_it_writes_nothing(self, run: Runner, sts: Sts, place: Path) -> None:
        from servers.sts import ACCESS_DENIED

        sts.always(ACCESS_DENIED)
        run.assume("--renew=process", "--renew-dir", str(place), "--", "env").failure(125)
        assert not list(place.iterdir())
