"""Environments that no shell makes: what the command gets of them, and that none ends us."""

import os
import random
import sys
from pathlib import Path

import pytest

from aws_role_exec.identity_variables import selects_identity
from hostile.amount import SEED
from runner import Runner
from servers.sts import Sts

RAW_EXEC = (sys.executable, "-I", "-S", str(Path(__file__).with_name("raw_exec.py")))
NAMES = (b"A", b"LC_CTYPE", b"_", b"BASH_FUNC_ls%%", b"PYTHONPATH", b"AWS_CA_BUNDLE_X", b"\xff\xfe")
VALUES = (b"", b"=", b"\n", b"() { :; }", b"\x1b[31m", b"\xe9", b"x" * 100_000, b"$(id)", b"%s%n")


def entries(chance: random.Random) -> list[bytes]:
    """Some that are ordinary, some twice, some without a name or a value."""
    found = []
    for _ in range(chance.randrange(1, 60)):
        name = chance.choice((*NAMES, bytes(chance.randrange(1, 256) for _ in range(8))))
        value = chance.choice((*VALUES, bytes(chance.randrange(1, 256) for _ in range(40))))
        sign = chance.choice((b"=", b"=", b"=", b""))
        found.append(name.replace(b"=", b"") + sign + (value if sign else b""))
    return [*found, b"=nameless", b"="]


def expected(given: list[bytes]) -> list[bytes]:
    """The first of each name, as getenv(3) finds it, without what is no variable."""
    kept: dict[bytes, bytes] = {}
    for entry in given:
        name, sign, _ = entry.partition(b"=")
        if sign and name and not selects_identity(os.fsdecode(name)):
            kept.setdefault(name, entry)
    return sorted(kept.values())


@pytest.mark.parametrize("number", range(12))
def test_the_command_gets_what_is_a_variable_byte_for_byte(
    run: Runner, sts: Sts, program: list[str], tmp_path: Path, number: int
) -> None:
    """Of a name that occurs twice the first; what has no name or no `=` is no variable."""
    given = entries(random.Random(SEED + number))
    ours = [f"{name}={value!s}".encode() for name, value in run.env.items() if name != "LANG"]
    (tmp_path / "environ").write_bytes(b"".join(entry + b"\0" for entry in (*ours, *given)))
    run.program = program
    prefix = [*RAW_EXEC, str(tmp_path / "environ")]
    result = run.assume("--", "/bin/cat", "/proc/self/environ", prefix=prefix).ok()
    got = result.stdout.split(b"\0")[:-1]
    new = {b"AWS_SESSION_TOKEN", b"AWS_REGION", b"AWS_DEFAULT_REGION"}
    new |= {b"AWS_ACCESS_KEY_ID", b"AWS_SECRET_ACCESS_KEY", b"AWS_CREDENTIAL_EXPIRATION"}
    assert sorted(e for e in got if e.partition(b"=")[0] not in new) == expected([*ours, *given])
    assert {e.partition(b"=")[0] for e in got} >= new


@pytest.mark.parametrize("number", range(12))
def test_an_option_of_any_bytes_is_an_error_in_one_line_or_works(
    run: Runner, sts: Sts, program: list[str], tmp_path: Path, number: int
) -> None:
    """Every option's variable and every AWS setting, with bytes that nobody would write there."""
    chance = random.Random(SEED + number)
    names = ("SESSION_NAME", "DURATION", "REGION", "POLICY", "TAG", "EXTERNAL_ID", "STS_TIMEOUT")
    names += ("POLICY_ARN", "SOURCE_IDENTITY", "OUTPUT", "PROFILE", "MFA_SERIAL", "WEB_IDENTITY")
    settings = (
        "AWS_CONFIG_FILE",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_ENDPOINT_URL_STS",
        "HTTP_PROXY",
    )
    settings += ("AWS_CA_BUNDLE", "AWS_MAX_ATTEMPTS", "NO_PROXY", "SLURM_JOB_ID", "HOME", "PATH")
    chosen = [f"AWS_ROLE_EXEC_{chance.choice(names)}", chance.choice(settings)]
    given = {}
    for name in chosen:
        value = chance.choice(
            (*VALUES[:6], VALUES[7], VALUES[8], b"9" * 400, b"../../x", b"\xff:\xff")
        )
        given[name] = value
    run.program = program
    result = run.assume("--dry-run", "--", "/bin/true", env=given)
    assert result.code in (0, 2, 125, 127), (given, result)
    if result.code:
        result.failure(result.code)
    assert b"\x1b" not in result.stderr
    assert not sts.asked
