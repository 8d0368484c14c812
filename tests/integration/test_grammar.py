"""Where options stop, and how words and variables travel to the command."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner import PROBE, ROLE, Runner
from servers.sts import BASE, Key, Sts

# A whole process per example: few examples, each of them large, the same ones every time.
PROCESSES = settings(
    max_examples=6,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
WORD = st.binary(max_size=40).map(lambda word: word.replace(b"\0", b"\x01"))
OTHER_ROLE = "arn:aws:iam::210987654321:role/team/other"


class TestWhereOptionsStop:
    @pytest.mark.parametrize("dashes", [True, False], ids=["--", "no --"])
    def test_the_commands_own_flags_are_never_parsed(self, run: Runner, dashes: bool) -> None:
        """`aws-role-exec --role-arn R cmd --help` runs `cmd --help`."""
        words = ["--help", "--role-arn", "nonsense", "-v", "--version", "--no-such-option"]
        assert run.become(argv=words, dashes=dashes).argv == [word.encode() for word in words]

    @pytest.mark.parametrize("dashes", [True, False], ids=["--", "no --"])
    def test_a_second_double_dash_belongs_to_the_command(self, run: Runner, dashes: bool) -> None:
        """`-- git checkout -- file` keeps the `--` that git needs."""
        seen = run.become(argv=["--", "a", "--", "--"], dashes=dashes)
        assert seen.argv == [b"--", b"a", b"--", b"--"]

    def test_a_command_may_be_called_double_dash(self, run: Runner, sts: Sts) -> None:
        """Right after our `--`, even `--` is the command's name."""
        assert "--: command not found" in run.assume("--", "--").failure(127).line
        assert not sts.asked

    def test_options_may_be_written_with_an_equals_sign(self, run: Runner, sts: Sts) -> None:
        """`--role-arn=R` and `--role-arn R` are the same."""
        run(f"--role-arn={ROLE}", "--session-name=with=equals", "--", "true").ok()
        assert sts.asked[0].params["RoleSessionName"] == "with=equals"

    def test_a_single_dash_is_a_command(self, run: Runner, sts: Sts) -> None:
        """`-` is a word, not an option."""
        assert "-: command not found" in run.assume("-").failure(127).line
        assert not sts.asked

    @pytest.mark.parametrize("option", ["--rol", "--role", "--durat"])
    def test_options_are_not_abbreviated(self, run: Runner, sts: Sts, option: str) -> None:
        """An abbreviation that works today would break with the next option."""
        run(option, ROLE, "--", "true").failure(2)
        assert not sts.asked


class TestArgumentsArriveByteForByte:
    def test_empty_and_non_utf8_words(self, run: Runner) -> None:
        """No word is decoded, joined, split or dropped."""
        words = [b"", b"\xff\xfe", b"a b", b"", "\u00e9\U0001f511".encode(), b"$HOME", b"*", b"\n"]
        assert run.become(argv=words).argv == words

    @pytest.mark.parametrize("lang", ["C", "POSIX", "C.UTF-8", "de_DE.ISO-8859-1", None])
    def test_under_every_locale(self, run: Runner, lang: str | None) -> None:
        """The locale does not matter."""
        words = [b"\xff", "\u00e9".encode(), b"\xe9"]
        assert run.become(argv=words, env={"LANG": lang}).argv == words

    @PROCESSES
    @given(words=st.lists(WORD, max_size=60))
    def test_any_bytes(self, run: Runner, words: list[bytes]) -> None:
        """Whatever execve can carry arrives."""
        assert run.become(argv=words).argv == words

    def test_argv0_is_what_the_user_wrote(self, run: Runner) -> None:
        """A multi-call program sees the name it was called by, not the path it was found at."""
        result = run.assume("--", "cat", "/proc/self/cmdline").ok()
        assert result.stdout == b"cat\0/proc/self/cmdline\0"

    def test_a_very_long_word(self, run: Runner) -> None:
        """As long as the kernel takes (MAX_ARG_STRLEN is 128 KiB)."""
        word = b"x" * 131_000
        assert run.become(argv=[word]).argv == [word]


class TestDefaultsFromTheEnvironment:
    def test_every_option_has_one(self, run: Runner, sts: Sts) -> None:
        """A site sets AWS_ROLE_EXEC_* once, and users type the command only."""
        policy = '{"Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
        run(
            "--",
            "true",
            env={
                "AWS_ROLE_EXEC_ROLE_ARN": ROLE,
                "AWS_ROLE_EXEC_DURATION": "2h",
                "AWS_ROLE_EXEC_SESSION_NAME": "from-env",
                "AWS_ROLE_EXEC_REGION": "eu-west-1",
                "AWS_ROLE_EXEC_POLICY": policy,
                "AWS_ROLE_EXEC_STS_TIMEOUT": "10s",
            },
        ).ok()
        (asked,) = sts.asked
        assert asked.params["RoleArn"] == ROLE
        assert asked.params["DurationSeconds"] == "7200"
        assert asked.params["RoleSessionName"] == "from-env"
        assert asked.params["Policy"] == policy
        assert asked.region == "eu-west-1"

    def test_format_output_and_dry_run_have_one_too(
        self, run: Runner, sts: Sts, tmp_path: Path
    ) -> None:
        """The options of a run without a command are no exception."""
        path = tmp_path / "creds"
        run.assume(
            env={"AWS_ROLE_EXEC_FORMAT": "credentials-file", "AWS_ROLE_EXEC_OUTPUT": str(path)}
        ).ok()
        assert path.read_text().startswith("[default]\n")
        result = run.assume("--", "true", env={"AWS_ROLE_EXEC_DRY_RUN": "1"}).ok()
        assert result.err.startswith("DRY RUN: would assume " + ROLE)
        assert len(sts.asked) == 1

    def test_verbose_has_one(self, run: Runner) -> None:
        """-v too."""
        assert run.assume("--", "true", env={"AWS_ROLE_EXEC_VERBOSE": "1"}).ok().err

    def test_roles_to_hop_through_are_separated_by_spaces(self, run: Runner, sts: Sts) -> None:
        """As click has it for options that can be repeated."""
        env = {"AWS_ROLE_EXEC_ROLE_ARN": f"{ROLE} {OTHER_ROLE}"}
        run("--", "true", env=env).ok()
        assert [asked.params["RoleArn"] for asked in sts.asked] == [ROLE, OTHER_ROLE]

    def test_an_empty_one_is_none(self, run: Runner, sts: Sts) -> None:
        """`AWS_ROLE_EXEC_REGION=` in a site's profile does no harm."""
        names = ("DURATION", "SESSION_NAME", "REGION", "FORMAT", "OUTPUT", "POLICY", "STS_TIMEOUT")
        run.assume("--", "true", env={f"AWS_ROLE_EXEC_{name}": "" for name in names}).ok()
        run.assume(env={f"AWS_ROLE_EXEC_{name}": "" for name in names}).ok()

    def test_format_and_output_are_ignored_with_a_command(self, run: Runner) -> None:
        """A site's default for printing must not break running."""
        env = {"AWS_ROLE_EXEC_FORMAT": "json", "AWS_ROLE_EXEC_OUTPUT": "creds"}
        run.assume("--", "true", env=env).ok()
        assert not list(run.cwd.iterdir())

    def test_the_command_line_wins(self, run: Runner, sts: Sts) -> None:
        """What is typed beats what is set."""
        run.assume(
            "--session-name",
            "typed",
            "--",
            "true",
            env={"AWS_ROLE_EXEC_ROLE_ARN": OTHER_ROLE, "AWS_ROLE_EXEC_SESSION_NAME": "set"},
        ).ok()
        assert [asked.params["RoleArn"] for asked in sts.asked] == [ROLE]
        assert sts.asked[0].params["RoleSessionName"] == "typed"

    def test_none_reaches_the_command(self, run: Runner) -> None:
        """Otherwise a command that calls us again would get our options."""
        seen = run.become(
            env={
                "AWS_ROLE_EXEC_DURATION": "2h",
                "AWS_ROLE_EXEC_DEBUG": "0",
                "AWS_ROLE_EXEC_BUILD_CACHE": "/var/cache/x",
                "AWS_ROLE_EXEC_NO_SUCH_OPTION": "",
            }
        )
        assert not [name for name in seen.env if name.startswith("AWS_ROLE_EXEC_")]

    def test_a_wrong_one_is_named(self, run: Runner, sts: Sts) -> None:
        """The user learns which variable to correct, for it is nowhere on the command line."""
        failure = run.assume("--", "true", env={"AWS_ROLE_EXEC_DURATION": "soon"}).failure(2)
        assert "AWS_ROLE_EXEC_DURATION" in failure.line or "--duration" in failure.line
        assert not sts.asked


class TestHops:
    def test_roles_are_hopped_through_in_order(self, run: Runner, sts: Sts) -> None:
        """Each hop signs with what the one before gave; the last identity is handed over."""
        policy = '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
        seen = run.become(
            "--role-arn", OTHER_ROLE, "--session-name", "me", "--duration", "30m",
            "--policy", policy,
        )  # fmt: skip
        first, second = sts.asked
        assert (first.params["RoleArn"], second.params["RoleArn"]) == (ROLE, OTHER_ROLE)
        assert (first.access_key, second.access_key) == (
            BASE.access_key,
            sts.issued[0].access_key,
        )
        assert "Policy" not in first.params
        assert second.params["Policy"] == policy
        assert second.params["DurationSeconds"] == "1800"
        assert second.params["RoleSessionName"] == "me"
        assert seen.env["AWS_ACCESS_KEY_ID"] == sts.issued[1].access_key


TAKEN_OUT = {
    "AWS_ACCESS_KEY": "x",
    "AWS_BEARER_TOKEN_": "x",
    "AWS_BEARER_TOKEN_BEDROCK": "x",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nonexistent",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x",
    "AWS_CREDENTIAL_FILE": "/nonexistent",
    "AWS_DEFAULT_PROFILE": "job",
    "AWS_PROFILE": "job",
    "AWS_ROLE_ARN": "x",
    "AWS_ROLE_SESSION_NAME": "x",
    "AWS_SECRET_KEY": "x",
    "AWS_VAULT": "x",
    "AWS_VAULT_BACKEND": "file",
}
"""What selects an identity, beside what botocore takes one from in the test."""
PUT_IN = {
    b"AWS_ACCESS_KEY_ID",
    b"AWS_SECRET_ACCESS_KEY",
    b"AWS_SESSION_TOKEN",
    b"AWS_REGION",
    b"AWS_DEFAULT_REGION",
    b"AWS_CREDENTIAL_EXPIRATION",
}
KEPT = {
    "AWS_BATCH_JOB_ARRAY_INDEX": "7",
    "AWS_BATCH_JOB_ID": "x",
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_EXECUTION_ENV": "test",
    "AWS_MAX_ATTEMPTS": "2",
    "AWS_PAGER": "",
    "AWS_REGIONS": "not AWS_REGION",
    "AWS_ROLE_EXECUTIVE": "not ours",
    "AWS_SDK_LOAD_CONFIG": "1",
    "EMPTY": "",
    "LC_ALL": "C",
    "LC_CTYPE": "C.UTF-8",
    "LD_LIBRARY_PATH": "/nonexistent/lib",
    "PYTHONHASHSEED": "0",
    "PYTHONPATH": "/nonexistent/python",
    "_": "/usr/bin/env",
    "aws_access_key_id": "case counts on POSIX",
}


class TestTheChildsEnvironment:
    def test_what_selects_an_identity_is_taken_out(self, run: Runner, tmp_path: Path) -> None:
        """The command has one identity: no SDK can find another first."""
        credentials = tmp_path / "credentials"
        credentials.write_text(
            f"[job]\naws_access_key_id = {BASE.access_key}\naws_secret_access_key = {BASE.secret}\n"
        )
        seen = run.become(
            env={
                **TAKEN_OUT,
                "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
                "AWS_ACCESS_KEY_ID": None,
                "AWS_SECRET_ACCESS_KEY": None,
            }
        )
        assert not {*TAKEN_OUT, "AWS_SHARED_CREDENTIALS_FILE"} & set(seen.env)

    @pytest.mark.parametrize("token", ["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"])
    def test_so_are_the_old_keys(self, run: Runner, sts: Sts, token: str) -> None:
        """Also the token under its old name, and the old expiry."""
        old = sts.know(Key("ASIAOLD", "OldSecret/Kd83+x", "OldToken//Zx9=="))
        expires = "2099-01-01T00:00:00Z"
        seen = run.become(
            env={
                "AWS_ACCESS_KEY_ID": old.access_key,
                "AWS_SECRET_ACCESS_KEY": old.secret,
                "AWS_CREDENTIAL_EXPIRATION": expires,
                token: old.token,
            }
        )
        values = set(seen.env.values())
        assert not {old.access_key, old.secret, old.token, expires} & values
        assert "AWS_SECURITY_TOKEN" not in seen.env

    def test_the_keys_the_region_and_the_expiry_are_put_in(self, run: Runner, sts: Sts) -> None:
        """What SDKs, old and new, look for."""
        env = run.become("--region", "eu-west-1").env
        key = sts.issued[0]
        assert env["AWS_ACCESS_KEY_ID"] == key.access_key
        assert env["AWS_SECRET_ACCESS_KEY"] == key.secret
        assert env["AWS_SESSION_TOKEN"] == key.token
        assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "eu-west-1"
        assert env["AWS_CREDENTIAL_EXPIRATION"].endswith("Z")

    @pytest.mark.parametrize("lang", ["C", "POSIX", "C.UTF-8", "en_US.UTF-8", None])
    def test_everything_else_is_the_callers(self, run: Runner, lang: str | None) -> None:
        """Nothing is added or lost: no LC_CTYPE, no PWD, nothing of Python or a freezer."""
        env: dict[str, str | bytes | None] = {
            "LANG": lang,
            "NOT_UTF8": b"\xff\xfe",
            "LINES": "a\nb",
            "EQUALS": "a=b=",
        }
        seen = run.become(env=env)
        assert rest(seen.environ) == rest(caller(run, env))

    @pytest.mark.parametrize("lang", ["C", "C.UTF-8"])
    def test_the_usual_suspects_are_kept(self, run: Runner, lang: str) -> None:
        """What sudo would drop, and what other tools drop, stays."""
        seen = run.become(env={**KEPT, "LANG": lang})
        assert rest(seen.environ) == rest(caller(run, {**KEPT, "LANG": lang}))

    @PROCESSES
    @given(
        variables=st.dictionaries(
            st.binary(min_size=1, max_size=20).map(
                lambda name: b"X" + name.replace(b"\0", b"").replace(b"=", b"")
            ),
            WORD,
            max_size=60,
        )
    )
    def test_any_bytes(self, run: Runner, variables: dict[bytes, bytes]) -> None:
        """Names and values of any bytes pass."""
        variables = {name: value for name, value in variables.items() if name != b"X"}
        env = {os.fsdecode(name): value for name, value in variables.items()}
        seen = run.become(env=env)
        expected = [name + b"=" + value for name, value in variables.items()]
        assert sorted(word for word in seen.environ if word.startswith(b"X")) == sorted(expected)

    @pytest.mark.parametrize("word", [b"=hidden=x", b"=", b"NO_EQUALS_SIGN", b""])
    def test_words_that_are_no_variables_do_no_harm(self, run: Runner, word: bytes) -> None:
        """execve lets a caller put anything into the environment."""
        code = (
            "import ctypes, os, sys\n"
            "environ = [n + b'=' + v for n, v in os.environb.items()] + [eval(sys.argv[1]), None]\n"
            "argv = [*map(os.fsencode, sys.argv[2:]), None]\n"
            "array = lambda words: (ctypes.c_char_p * len(words))(*words)\n"
            "ctypes.CDLL(None).execve(argv[0], array(argv), array(environ))\n"
        )
        seen = run.become(prefix=(sys.executable, "-I", "-c", code, repr(word)))
        assert rest([w for w in seen.environ if w != word]) == rest(caller(run, {}))

    def test_the_working_directory_and_umask_are_the_callers(self, run: Runner) -> None:
        """We change one thing about the process."""
        place = run.cwd / "here"
        place.mkdir()
        seen = run.become(cwd=place, umask=0o137)
        assert (seen.cwd, seen.umask) == (str(place), 0o137)


def caller(run: Runner, env: Mapping[str, str | bytes | None]) -> list[bytes]:
    return [
        os.fsencode(name) + b"=" + os.fsencode(value)
        for name, value in run.environment(env).items()
    ]


def rest(environ: list[bytes]) -> list[bytes]:
    """All but the six variables the contract puts in."""
    return sorted(word for word in environ if word.split(b"=", 1)[0] not in PUT_IN)


def test_the_probe_itself_adds_nothing(run: Runner) -> None:
    """The measure is right: without us the environment is what was given."""
    env = run.environment({"LANG": "C"})
    out = subprocess.run([*PROBE], env=env, capture_output=True, check=True).stdout
    seen = [word.encode("latin-1") for word in json.loads(out)["environ"]]
    assert sorted(seen) == sorted(caller(run, {"LANG": "C"}))
