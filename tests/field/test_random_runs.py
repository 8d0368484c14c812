"""Whatever is asked, wherever: an exit status of the table, one line, perhaps a hint, no secret.

Random command lines and environments, found by generating; those of the field are rows of other
files. All is seeded. `RANDOM_RUNS=200000` is the long form.
"""

import os
import random
import re
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
from botocore.httpsession import URLLib3Session

from aws_role_exec import cli, redaction
from aws_role_exec.handover import environment
from aws_role_exec.identity import mfa
from aws_role_exec.network.exchange import Answer
from aws_role_exec.network.wire import Wire
from aws_role_exec.output.formats import FORMATS
from aws_role_exec.request.options import TABLE
from differential import worlds
from runner import ROLE, Runner
from servers import sts as behave
from servers.sts import BASE, Sts

COMMAND_LINES = int(os.environ.get("RANDOM_RUNS", "5000"))
ENVIRONMENTS = COMMAND_LINES * 3 // 10
PROCESSES = 100
STATUSES = {0, 2, 125, 126, 127}
SECRETS = (BASE.secret, worlds.SECRET, "IssuedSecretForTests", "IssuedTokenForTests", "hunter2pass")

VALUES: dict[str, tuple[str, ...]] = {
    "--role-arn": (ROLE, ROLE, ROLE, "my-role", ROLE.replace(":iam:", ":sts:"), ROLE + "\n"),
    "--duration": ("1h", "15m", "auto", "04:00:00", "1d", "0", "-1h", "1e9h", "99999999999h"),
    "--session-name": ("auto", "me@here", "a", "x" * 65, "é"),
    "--region": ("eu-west-1", "us-east1", "Frankfurt", "None", "us-gov-west-1", "a" * 300),
    "--policy": ("{}", '{"a":1,"a":2}', "[", "file:///nonexistent", "file:///dev/zero", "arn:aws"),
    "--policy-arn": ("arn:aws:iam::aws:policy/ReadOnlyAccess", "ReadOnlyAccess"),
    "--profile": ("default", "nosuch", "\x1b[31m"),
    "--web-identity": ("env:TOKEN", "env:NONE", "file:/nonexistent", "github", "github:", "x:y"),
    "--external-id": ("ext", "x", "a b"),
    "--source-identity": ("alice", "a b", "aws:x"),
    "--tag": ("a=b", "a=", "=b", "a", "aws:x=y", "a=" + "x" * 300, "é=ü"),
    "--transitive-tag": ("a", "b"),
    "--mfa-serial": ("arn:aws:iam::123456789012:mfa/me", "GAHT12345678", "?"),
    "--mfa-code": ("123456", "12345", "abcdef"),
    "--format": (*FORMATS, "yaml"),
    "--output": ("-", "out/file", "out", "missing/file", "/dev/full", "/dev/null/x", ""),
    "--owner": ("root", "nobody:nogroup", "nosuchuser", "0:0", ":"),
    "--mode": ("0600", "0640", "0777", "abc"),
    "--profile-name": ("job", "a]b", "default"),
    "--renew": ("process", "sometimes", "0"),
    "--renew-dir": ("out", "/nonexistent", "a b"),
    "--sts-timeout": ("30s", "5s", "0", "2d", "soon"),
    "--color": ("auto", "always", "never", "red"),
}
ANYTHING = ("auto", "x", "1", "a b", "é")  # for an option that has no words of its own above
COMMANDS = (
    ["--", "true"],
    ["--", "/bin/sh", "-c", "exit 3"],
    ["true"],
    ["--", "nosuchcommand"],
    ["--", "FOO=bar", "env"],
    ["--", "/etc/passwd"],
    ["--", "/"],
    ["--", ""],
    ["--"],
    [],
)
SURROUNDINGS: dict[str, tuple[str, ...]] = {
    "TOKEN": ("eyJ0.eyJ1.c2ln", "", "two words"),
    "SLURM_JOB_ID": ("17", "undefined", ""),
    "SLURM_JOB_END_TIME": ("1", "soon", "99999999999999999999"),
    "SGE_TASK_ID": ("undefined", "7"),
    "JOB_ID": ("12", "x"),
    "PBS_JOBID": ("9.host", "9[].host"),
    "LSB_JOBID": ("5",),
    "AWS_BATCH_JOB_ID": ("a-b",),
    "GITHUB_ENV": ("/nonexistent/env", "out/github"),
    "GITHUB_ACTIONS": ("true",),
    "KUBERNETES_SERVICE_HOST": ("10.0.0.1",),
    "HTTPS_PROXY": ("http://me:hunter2pass@127.0.0.1:1", "socks5://h:1", "h:abc", " "),
    "AWS_ENDPOINT_URL": ("http://me:hunter2pass@127.0.0.1:1", "localhost:1", "ftp://h"),
    "AWS_CA_BUNDLE": ("/nonexistent.pem", "/dev/null"),
    "AWS_ROLE_EXEC_DURATION": ("2h", "x", "auto"),
    "AWS_ROLE_EXEC_TAG": ("a=b c=d", " "),
    "AWS_ROLE_EXEC_DRYRUN": ("1",),
    "AWS_ROLE_EXEC_FORMAT": ("json", "ini"),
    "AWS_PROFILE": ("", "nosuch"),
    "AWS_SESSION_TOKEN": ("", "${X}", "a\nb"),
    "PATH": ("", "/nonexistent"),
    "LANG": ("C", "xx_XX.UTF-8"),
}
ANSWERS = (
    (
        400,
        b"<ErrorResponse><Error><Code>Odd</Code><Message>{}%s\n</Message></Error></ErrorResponse>",
    ),
    (403, b"<html><body>403 Forbidden</body></html>"),
    (302, b""),
    (200, b""),
    (200, b"\xff\xfe"),
    (200, b"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"),
    (401, b'{"__type":"x#Denied","message":null}'),
)
GRANTED = (
    "<{0}Response><{0}Result><Arn>arn:aws:iam::123456789012:user/alice</Arn><AssumedRoleUser>"
    "<Arn>arn:aws:sts::123456789012:assumed-role/my-role/me</Arn></AssumedRoleUser><Credentials>"
    "<AccessKeyId>ASIAISSUEDEXAMPLE000</AccessKeyId>"
    "<SecretAccessKey>IssuedSecretForTests</SecretAccessKey>"
    "<SessionToken>IssuedTokenForTests</SessionToken>"
    "<Expiration>2036-01-01T00:00:00Z</Expiration></Credentials></{0}Result></{0}Response>"
)


class _Ended(BaseException):
    """The process would have ended, or become its command, here."""

    def __init__(self, code: int) -> None:
        self.code = code


def _command_line(dice: random.Random) -> list[str]:
    """Return options, mostly sensible ones, and perhaps a command."""
    words = ["--role-arn", ROLE] * (dice.random() < 0.8)
    for option in dice.sample(TABLE, dice.choice((0, 1, 1, 2, 3, 6))):
        flag = option.flag
        if option.kind == "flag":
            words.append(flag)
            continue
        value = dice.choice(VALUES.get(flag, ANYTHING))
        if dice.random() < 0.05:
            value = "".join(chr(dice.randrange(1, 0x250)) for _ in range(dice.randrange(9)))
        is_one_word = option.implied or dice.random() < 0.3
        words += [f"{flag}={value}"] if is_one_word else [flag, value]
        if dice.random() < 0.02:
            words.pop()
    words += dice.choice(COMMANDS)
    if dice.random() < 0.05:
        words.insert(
            dice.randrange(len(words) + 1), dice.choice(("-x", "--nosuch", "-h", "--version", ""))
        )
    return words


def _variables(dice: random.Random, home: Path) -> dict[str, str]:
    environ = {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "AWS_ACCESS_KEY_ID": BASE.access_key,
        "AWS_SECRET_ACCESS_KEY": BASE.secret,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name in dice.sample(sorted(SURROUNDINGS), dice.choice((0, 0, 1, 2, 4))):
        environ[name] = dice.choice(SURROUNDINGS[name])
    return environ


Go = Callable[[list[str], Mapping[str, str], random.Random], object]


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Go:
    """Run the program in this process, with its ends cut: execve, exit, network and terminal."""
    dice = random.Random()
    answered = "AssumeRole"

    def answer(body: bytes) -> Answer:
        name = next((n for n in ("GetCallerIdentity", answered) if n.encode() in body), answered)
        name += "WithWebIdentity" * (b"WithWebIdentity" in body)
        if dice.random() < 0.6:
            return Answer(200, {}, GRANTED.format(name).encode())
        status, content = dice.choice(ANSWERS)
        return Answer(status, {"location": "https://x/?y"}, content)

    def send(
        _wire: Wire, _method: str, _url: str, _headers: object, body: bytes, **_: Any
    ) -> Answer:
        return answer(body)

    def ended(code: int) -> NoReturn:
        raise _Ended(code)

    def became(*_: object) -> NoReturn:
        raise _Ended(0)

    def out_of_reach(*_: object, **_more: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    (tmp_path / "cwd/out").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setattr(Wire, "send", send)
    monkeypatch.setattr(URLLib3Session, "send", out_of_reach)
    monkeypatch.setattr(os, "execve", became)
    monkeypatch.setattr(os, "_exit", ended)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(mfa, "_INPUT", "/nonexistent")

    def one(arguments: list[str], environ: Mapping[str, str], own: random.Random) -> object:
        dice.setstate(own.getstate())
        redaction._secrets.clear()
        monkeypatch.setattr(sys, "argv", ["aws-role-exec", *arguments])
        monkeypatch.setattr(environment, "caller_environment", lambda: dict(environ))
        code = None
        try:
            cli.main({})
        except (_Ended, SystemExit) as end:
            code = end.code
        what = f"{arguments} in {environ}"
        check(code, capfd.readouterr().err, what)
        return code

    return one


def check(code: object, err: str, what: str) -> None:
    """Assert what a user may count on."""
    if "always" in what:  # --color
        err = re.sub(r"\x1b\[[0-9;]*m", "", err)
    assert code in STATUSES, f"{code!r}: {what}"
    assert "this is a bug" not in err, f"{what}\n{err}"
    assert "unexpected" not in err, f"{what}\n{err}"
    assert "Traceback" not in err, f"{what}\n{err}"
    for secret in SECRETS:
        assert secret not in err, f"a secret is shown: {what}"
    if code:
        told = [line for line in err.splitlines() if not line.startswith("hint: ")]
        if "--explain" in what:
            return  # its report on stdout tells
        assert told, f"nothing is told: {what}"
        assert all(line.startswith("aws-role-exec: ") for line in told), f"{what}\n{err}"
        assert ": " in told[-1].removeprefix("aws-role-exec: "), f"{what}\n{err}"
        assert err.count("\nhint: ") <= 1, f"{what}\n{err}"


def test_no_command_line_is_a_bug(go: Go, tmp_path: Path) -> None:
    """Of all that somebody may type."""
    seen = set()
    for seed in range(COMMAND_LINES):
        dice = random.Random(seed)
        arguments = _command_line(dice)
        seen.add(go(arguments, _variables(dice, tmp_path), dice))
    assert seen == STATUSES, "the command lines do not get far enough"


def test_no_environment_is_a_bug(go: Go, tmp_path: Path) -> None:
    """Of all that AWS's variables and files may say."""
    nobody = "http://127.0.0.1:1"
    for seed in range(ENVIRONMENTS):
        world = worlds.make(seed, tmp_path / f"home-{seed}", instance=nobody, container=nobody)
        profile = ["--profile", world.profile] if world.profile else []
        explain = ["--explain"] if seed % 5 == 0 else []
        arguments = ["--role-arn", ROLE, *profile, *explain, "--", "true"]
        go(arguments, world.environ, random.Random(seed))


def test_no_process_of_its_own_is_a_bug(run: Runner, sts: Sts) -> None:
    """The same command lines, with nothing cut off."""
    (run.cwd / "out").mkdir()
    sts.always(behave.ok)
    for seed in range(PROCESSES):
        dice = random.Random(seed)
        arguments = [word for word in _command_line(dice) if word != "--mfa-serial"]
        chosen = _variables(dice, run.home)
        for name in ("HTTPS_PROXY", "AWS_ENDPOINT_URL"):
            chosen.pop(name, None)
        if any("\0" in word for word in arguments):
            continue
        result = run(*arguments, env=chosen)
        if result.code != 3:  # the command's own
            check(result.code, result.err, str(arguments))
