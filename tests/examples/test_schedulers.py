"""Slurm's Prolog, TaskProlog and Epilog run as slurmd would run them; the PBS hook under a
stand-in for PBS's Python module (openpbs.py). A real Slurm runs them in tests/scheduler."""

import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
import yaml
from hypothesis import strategies as st

from aws_role_exec import identity_variables
from examples.sandbox import EXAMPLES, REPOSITORY, Ran, Sandbox
from runner import wait_for
from scheduler.daemons import processes_with
from scheduler.site import install
from servers.sts import ACCESS_DENIED

MAP = REPOSITORY / "packaging/roles/roles.map"


class Node:
    """A compute node: its run directory and what slurmd starts."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.root = sandbox.tmp.parent / "node"
        self.root.mkdir()
        install(self.root, "slurm", sandbox.bin)
        self.base = self.root / "run"
        self.map(MAP.read_text())
        settings = self.root / "etc/base.env"
        lines = (f"{name}={value}" for name, value in sandbox.env.items() if name[:4] == "AWS_")
        settings.write_text("\n".join(lines))
        self.owner = 65534 if os.geteuid() == 0 else os.geteuid()
        self.env: dict[str, str | None] = {
            "SLURM_JOB_ID": "4711",
            "SLURM_JOB_PARTITION": "gpu",
            "SLURM_JOB_ACCOUNT": "default",
            "SLURM_JOB_UID": str(self.owner),
        }

    @property
    def job(self) -> Path:
        return self.base / "4711"

    def map(self, text: str) -> None:
        (self.root / "etc/roles.map").write_text(text)

    def set(self, line: str) -> None:
        """One more line of base.env."""
        with (self.root / "etc/base.env").open("a") as settings:
            settings.write(f"\n{line}\n")

    def held(self) -> dict[int, str]:
        """The processes that renew the job's credentials."""
        return processes_with(f"TMPDIR={self.job}")

    def start(self, script: str, *words: str, **env: str | None) -> Ran:
        path = self.root / script
        return self.sandbox.run(path, *words, env={**self.env, **env})


@pytest.fixture
def node(sandbox: Sandbox) -> Node:
    return Node(sandbox)


ROLE = b"arn:aws:iam::123456789012:role/x"
# Members of each family of variables that select an identity; our own options stay, for jobs that
# ask for a role themselves.
SUBMITTED = [
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_X",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_VAULT",
    "AWS_VAULT_BACKEND",
    *(f"{name}X" for name in identity_variables.IDENTITY_PREFIXES if name != "AWS_ROLE_EXEC_"),
]
PIECES = [b"user=bob", b"user=eve", b"partition=gpu", b"account=x", b"user=", b"User=bob",
          b"queue=x", b"=", b",", b" ", b"\t", b"-", ROLE, b"#", b"*", b"\r", b"\0",
          b"\xc2\xa0", b"\xef\xbb\xbf"]  # fmt: skip
CONDITIONS = st.lists(st.sampled_from(PIECES[:6]), min_size=1, max_size=3).map(b",".join)
GOOD_LINES = st.tuples(CONDITIONS, st.sampled_from([b" -", b"\t" + ROLE, b" - "])).map(b"".join)
LINES = GOOD_LINES | st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)


def understood(line: bytes, known: list[bytes]) -> tuple[dict[bytes, bytes], bytes] | None:
    """What a line of a map says: its conditions and its role; none of either for a comment, None
    for one that cannot be understood."""
    if b"\r" not in line and re.fullmatch(rb"[ \t]*(#.*)?", line, re.DOTALL):
        return ({b"": b""}, b"")
    words = re.fullmatch(rb"[ \t]*([!-~]+)[ \t]+([!-~]+)[ \t]*", line)
    if words is None or words[2] not in (b"-", ROLE):
        return None
    pairs = [re.fullmatch(rb"(\w+)=([\w.-]+)", word) for word in words[1].split(b",")]
    names = [pair[1] for pair in pairs if pair is not None and pair[1] in known]
    if len(names) != len(pairs) or len(set(names)) != len(names):
        return None
    return ({pair[1]: pair[2] for pair in pairs if pair is not None}, words[2])


slurm = pytest.mark.skipif(sys.platform != "linux", reason="Slurm's scripts are for Linux nodes")


@slurm
class TestRolesMap:
    """`job-credentials find`: how an administrator tries a map, and how every job is looked up."""

    @pytest.mark.parametrize(
        ("facts", "status", "role"),
        [
            ("partition=gpu account=genomics user=bob", 0, "hpc-genomics-s3-omics"),
            ("partition=cpu account=genomics user=bob", 4, None),
            ("partition=gpu account= user=bob", 0, "hpc-gpu-s3-readwrite"),
            ("partition=gpu account=climate user=bob", 0, "hpc-climate-s3"),
            ("partition=gpu account=genomics user=slurm-health", 3, None),
            ("partition=gpu2 account=x user=bob", 4, None),
        ],
    )
    def test_the_first_line_that_fits_counts(
        self, node: Node, facts: str, status: int, role: str | None
    ) -> None:
        """As the map that we ship says; the line is named, and the status tells no from none."""
        found = node.start("libexec/job-credentials", "find", *facts.split())
        assert found.code == status
        assert (f"arn:aws:iam::123456789012:role/{role}\n" in found.output) == (role is not None)
        words = "no line fits this job" if status == 4 else ": fits this job"
        assert words in found.output

    @pytest.mark.parametrize(
        ("line", "fault"),
        [
            (b"partiton=gpu -", '"partiton" is no condition'),
            (b"User=bob -", '"User" is no condition'),
            (b"partition=gpu", "is not conditions and a role"),
            (b"partition=gpu, user=bob " + ROLE, "is not conditions and a role"),
            (b"partition=gpu, -", "has a comma too many"),
            (b",partition=gpu -", "has a comma too many"),
            (b"user= -", '"user=" has no value'),
            (b"user -", '"user" is not NAME=VALUE'),
            (b"user=a,user=b -", '"user=" occurs twice'),
            (b"user=bob - # no role", "a comment needs a line of its own"),
            (b"user=bob -\r", "ends in a carriage return"),
            (b"user=*bob -", '"user=*bob" is not a plain name'),
            (b"user==bob -", '"user==bob" is not a plain name'),
            (b"user!=bob -", '"user!" is no condition'),
            (b'user="bob" -', '"user="bob"" is not a plain name'),
            (b"user=bob|eve -", '"user=bob|eve" is not a plain name'),
            (b"user=%wheel -", '"user=%wheel" is not a plain name'),
            (b"user=bob;user=eve -", '"user=bob;user=eve" is not a plain name'),
            (b"user=bob -#", '"-#" is not the ARN of a role'),
            (b"\xef\xbb\xbfuser=bob -", "holds a character that is not printable ASCII"),
            (b"user=bob\xc2\xa0 -", "holds a character that is not printable ASCII"),
            (b"user=b\x07ob -", "holds a character that is not printable ASCII"),
            (b"user=bob -\x00", "holds a character that is not printable ASCII"),
            (b"user=bob\x0b-", "holds a character that is not printable ASCII"),
            (b"user=bob role", '"role" is not the ARN of a role'),
            (b"user=bob arn:aws:iam::123:role/x", '"arn:aws:iam::123:role/x" is not the ARN of a'),
            (b"user=bob arn:aws:sts::123456789012:role/x", '"arn:aws:sts::123456789012:role/x"'),
            (b"user=bob " + ROLE + b"/", f'"{ROLE.decode()}/" is not the ARN'),
            (b"user=bob " + ROLE + b"*", f'"{ROLE.decode()}*" is not the ARN'),
            (b"user=bob " + ROLE + b"x" * 64, f'"{ROLE.decode()}{"x" * 64}" is not'),
            (b"user=bob " + ROLE + b" x", "is not conditions and a role"),
            (b"project=x -", 'a job here has no "project"'),
        ],
    )
    def test_a_line_that_cannot_be_read_leaves_nobody_with_a_role(
        self, node: Node, line: bytes, fault: str
    ) -> None:
        """It may have been the one that says no; it is named."""
        (node.root / "etc/roles.map").write_bytes(
            b"# a comment\npartition=gpu " + ROLE + b"\n" + line + b"\n"
        )
        facts = ("partition=gpu", "account=", "user=bob")
        found = node.start("libexec/job-credentials", "find", *facts)
        assert (found.code, ROLE.decode() in found.output.splitlines()) == (1, False), found
        assert f"roles.map:3: {fault}" in found.output
        words = ["write", "4711", str(node.owner), *facts]
        written = node.start("libexec/job-credentials", *words)
        assert written.code == 1
        assert f"roles.map:3: {fault}" in written.output
        assert "roles.map:3:" in node.start("libexec/job-credentials", "check", "4711").output

    def test_a_byte_order_mark_is_named(self, node: Node) -> None:
        """As editors of another system put it before the first line."""
        (node.root / "etc/roles.map").write_bytes(b"\xef\xbb\xbfuser=bob -\n")
        found = node.start("libexec/job-credentials", "find", "user=bob")
        assert found.code == 1
        assert "roles.map:1: begins with a byte order mark" in found.output

    def test_of_others_is_no_map(self, node: Node) -> None:
        """Whoever can write to it decides who gets which role; so for the settings."""
        words = ["write", "4711", str(node.owner), "partition=gpu", "account=", "user=bob"]
        settings = node.root / "etc/base.env"
        settings.touch()
        for path, mode in (("etc/roles.map", 0o666), ("etc/roles.map", 0o664), (settings, 0o666)):
            file = node.root / path
            before = file.stat().st_mode
            file.chmod(mode)
            written = node.start("libexec/job-credentials", *words)
            assert written.code == 1
            assert f"{file.name} may be written to by others than root" in written.output
            file.chmod(before)
        node.start("libexec/job-credentials", *words).ok()

    def test_can_be_checked_as_a_whole(self, node: Node, tmp_path: Path) -> None:
        """Every fault with its line, and lines that no job ever reaches."""
        new = tmp_path / "new.map"
        new.write_bytes(
            b"user=a -\nuser=a,queue=gpu "
            + ROLE
            + b"\nqueue=x,project=y "
            + ROLE
            + b"\nUser=x -\npartition=gpu -\n"
        )
        told = node.start("libexec/job-credentials", "check", str(new))
        assert told.code == 1
        assert told.output.splitlines() == [
            f"{new}:2: is never reached: line 1 fits before",
            f'{new}:4: "User" is no condition',
            f"{new}:5: partition= is for Slurm alone, queue= and project= are for others",
        ]
        shipped = REPOSITORY / "packaging/roles/roles.map"
        assert node.start("libexec/job-credentials", "check", str(shipped)).ok().output == ""

    @pytest.mark.parametrize("awk", ["awk", "busybox awk"])
    @pytest.mark.parametrize("shell", ["dash", "bash", "bash -p", "bash --posix", "busybox sh"])
    def test_is_read_alike_by_every_shell_and_awk(
        self, sandbox: Sandbox, tmp_path: Path, shell: str, awk: str
    ) -> None:
        """Whatever /bin/sh and awk are on the node."""
        script = tmp_path / "job-credentials"
        text = (REPOSITORY / "packaging/roles/job-credentials").read_text()
        text = text.replace("      /bin/sh ", f"      /usr/bin/env {shell} ")
        script.write_text(text.replace("\nPATH=", f"\nPATH={sandbox.bin}:"))
        sandbox.script("awk", f'PATH=/usr/bin:/bin exec {awk} "$@"')
        new = tmp_path / "new.map"
        for line, status in [
            (b"user=bob -", 3),
            (b"user=eve -", 0),
            (b"\t", 0),
            (b"# \xc3\xa9", 0),
            (b"user=bob,", 1),
            (b"user=bob -\0", 1),
            (b"user=\xc3\xa9 -", 1),
            (b"user=b\x0b -", 1),
            (b"user=[b]ob -", 1),
            (b"user=bob -\r", 1),
        ]:
            new.write_bytes(line + b"\nuser=bob " + ROLE + b"\n")
            ran = sandbox.run(*shell.split(), script, "find", new, "user=bob")
            assert ran.code == status, (line, ran)
            assert (ROLE.decode() in ran.output.splitlines()) == (status == 0), (line, ran)

    @pytest.mark.parametrize(
        ("words", "status", "told"),
        [
            ("find user=bob", 1, "a fault's line is named"),
            ("find", 2, "nothing is said of the job"),
            ("find {map}", 2, "nothing is said of the job"),
            ("find usr=bob", 2, "'usr=bob' is none of account=, partition="),
            ("find user=bob nonsense", 2, "'nonsense' is none of"),
            ("find /nonexistent user=bob", 2, "/nonexistent cannot be read"),
            ("find / user=bob", 2, "/ cannot be read"),
            ("check /nonexistent", 2, "/nonexistent cannot be read"),
            ("check {map} more", 2, "check takes one map"),
            ("check", 2, "'' is not the number of a job"),
            ("fnid user=bob", 2, "usage: "),
            ("", 2, "usage: "),
            ("write 4711", 2, "usage: job-credentials write JOB UID NAME=VALUE..."),
            ("write 4711 1 usr=bob", 2, "'usr=bob' is none of"),
        ],
    )
    def test_a_slip_on_the_command_line_is_told(
        self, node: Node, words: str, status: int, told: str
    ) -> None:
        """It is never an answer about a job."""
        node.map("nonsense\n")
        ran = node.start(
            "libexec/job-credentials", *words.format(map=node.root / "etc/roles.map").split()
        )
        assert ran.code == status
        assert told in ran.output or (status == 1 and "roles.map:1: is not" in ran.output)

    def test_a_map_may_have_any_name(self, node: Node, tmp_path: Path) -> None:
        """awk takes NAME=VALUE for an assignment."""
        new = tmp_path / "new=1.map"
        new.write_bytes(b"user=bob -\n")
        assert node.start("libexec/job-credentials", "check", str(new)).ok().output == ""
        found = node.start("libexec/job-credentials", "find", str(new), "user=bob")
        assert found.code == 3
        assert found.output == f"{new}:1: fits this job and denies it a role\n"

    def test_that_is_not_there_gives_nobody_a_role(self, node: Node) -> None:
        """A link that leads nowhere was meant to be one: it stops jobs."""
        path = node.root / "etc/roles.map"
        path.unlink()
        found = node.start("libexec/job-credentials", "find", "user=bob")
        assert (found.code, found.output) == (4, f"{path} does not exist: no job here has a role\n")
        path.symlink_to("/nonexistent")
        found = node.start("libexec/job-credentials", "find", "user=bob")
        assert (found.code, found.output) == (1, f"{path} is not a file\n")
        node.start("prolog.sh").ok()
        assert "roles.map is not a file" in node.start("taskprolog.sh").output

    @pytest.mark.parametrize("mode", [0o777, 0o775])
    def test_in_a_directory_of_others_is_no_map(self, node: Node, mode: int) -> None:
        """They could put another in its place."""
        (node.root / "etc").chmod(mode)
        found = node.start("libexec/job-credentials", "find", "user=bob")
        assert found.code == 1
        assert "/etc may be written to by others than root" in found.output

    def test_can_be_tried_before_it_is_installed(self, node: Node, tmp_path: Path) -> None:
        """By naming it."""
        new = tmp_path / "new.map"
        words = ["find", str(new), "partition=gpu", "account=", "user=bob"]
        missing = node.start("libexec/job-credentials", *words)
        assert (missing.code, missing.output) == (2, f"{new} cannot be read\n")
        new.write_bytes(b"partition=gpu " + ROLE + b"\n")
        found = node.start("libexec/job-credentials", *words).ok().output.splitlines()
        assert sorted(found) == sorted([f"{new}:1: fits this job", ROLE.decode()])

    def test_values_are_taken_as_they_are(self, node: Node) -> None:
        """Nothing in a name is read as a pattern, an escape or code."""
        node.map(f"account=a.c {ROLE.decode()}1\naccount=a\\tc {ROLE.decode()}2\n")
        for value in ("abc", "a\tc", "$(id)", "*"):
            assert node.start("libexec/job-credentials", "find", f"account={value}").code == 4
        found = node.start("libexec/job-credentials", "find", "account=a\\tc")
        assert f"{ROLE.decode()}2\n" in found.output

    def test_says_what_it_does(self, node: Node) -> None:
        """--help, with the exit statuses."""
        told = node.start("libexec/job-credentials", "--help").ok().output
        for words in ("check MAP", "Exit status of find", "find [MAP] NAME=VALUE..."):
            assert words in told

    @hypothesis.given(lines=st.lists(LINES, min_size=1, max_size=3))
    @hypothesis.settings(
        max_examples=150,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def test_gives_a_role_by_a_line_that_is_understood_or_none(
        self, node: Node, lines: list[bytes]
    ) -> None:
        """Held against what docs/slurm-admin.md says of a map."""
        new = node.root / "new.map"
        new.write_bytes(b"\n".join([*lines, b"user=bob " + ROLE + b"\n"]))
        facts = {b"partition": b"gpu", b"account": b"x", b"user": b"bob"}
        words = [f"{name.decode()}={value.decode()}" for name, value in facts.items()]
        found = node.start("libexec/job-credentials", "find", str(new), *words)
        read = [understood(line, [*facts]) for line in new.read_bytes().split(b"\n")]
        faults = [number for number, line in enumerate(read, 1) if line is None]
        if faults:
            assert found.code == 1, found
            told = [line.split(":")[1] for line in found.output.splitlines()]
            assert told == [str(number) for number in faults]
            return
        fits = [line for line in read if line and line[0].items() <= facts.items()]
        assert found.code == (3 if fits[0][1] == b"-" else 0), found
        assert (ROLE.decode() in found.output.splitlines()) == (found.code == 0)


@slurm
class TestProlog:
    def test_it_leaves_a_file_for_the_jobs_user_alone(self, node: Node, sandbox: Sandbox) -> None:
        """0600, theirs, in directories that only the node's administrator writes to."""
        node.start("prolog.sh").ok()
        path = node.job / "credentials"
        seen = os.stat(path)
        assert (stat.S_IMODE(seen.st_mode), seen.st_uid) == (0o600, node.owner)
        for directory in (node.base, node.job):
            held = os.stat(directory)
            assert (stat.S_IMODE(held.st_mode), held.st_uid) == (0o711, os.geteuid())
        arn = sandbox.identity({}, path.read_text())
        assert arn == "arn:aws:sts::123456789012:assumed-role/hpc-gpu-s3-readwrite/slurm-4711"
        assert not (node.job / "error").exists()

    @pytest.mark.parametrize(
        ("remaining", "seconds"),
        [(None, 3600), (7200, 7200), (600, 900), (-5, 900), (400000, 43200)],
        ids=["older Slurm", "two hours", "ten minutes", "over", "days"],
    )
    def test_it_asks_for_as_long_as_the_job_has(
        self, node: Node, sandbox: Sandbox, remaining: int | None, seconds: int
    ) -> None:
        """Within what STS gives."""
        end = None if remaining is None else str(int(time.time()) + remaining)
        node.start("prolog.sh", SLURM_JOB_END_TIME=end).ok()
        (asked,) = sandbox.assumed()
        assert seconds - 5 <= int(asked["DurationSeconds"]) <= seconds

    def test_a_partition_without_a_role_gets_none(self, node: Node, sandbox: Sandbox) -> None:
        """Nothing asked, nothing written."""
        node.start("prolog.sh", SLURM_JOB_PARTITION="debug").ok()
        assert sandbox.assumed() == []
        assert not node.base.exists()

    def test_a_refusal_does_not_drain_the_node(self, node: Node, sandbox: Sandbox) -> None:
        """Exit 0; the task is stopped instead, with the reason."""
        sandbox.sts.always(ACCESS_DENIED)
        node.start("prolog.sh").ok()
        assert not (node.job / "credentials").exists()
        task = node.start("taskprolog.sh")
        assert task.code == 1
        first, *hints = task.output.splitlines()
        assert first.startswith("print aws-role-exec: no credentials for this job: aws-role")
        assert hints
        assert all(line.startswith("print ") for line in hints)
        assert "hint: " in task.output

    @pytest.mark.parametrize(
        ("lines", "told"),
        [
            (f"partition=gpu {ROLE.decode()}", f"roles.map:1: fits this job, {ROLE.decode()}"),
            ("partition=gpu -", "roles.map:1: fits this job and denies it a role"),
            ("partition=cpu -", "roles.map: no line fits this job"),
            ("partition=gpu", "roles.map:1: is not conditions and a role with blanks between them"),
        ],
    )
    def test_syslog_answers_why_a_job_has_no_role(
        self, node: Node, sandbox: Sandbox, lines: str, told: str
    ) -> None:
        """Or why it has this one: a line for each job, whatever became of it."""
        log = node.root / "syslog"
        sandbox.script("logger", f'echo "$@" >>{log}; cat >>{log}')
        node.map(lines + "\n")
        node.start("prolog.sh").ok()
        tag, *logged = log.read_text().splitlines()
        assert tag == "-t aws-role-exec"
        assert all(line.startswith("job 4711: ") for line in logged)
        assert logged[-1].endswith(told)

    @pytest.mark.parametrize(
        ("answer", "role"),
        [
            ("echo climate", "hpc-climate-s3"),
            ("echo 'slurm_load_jobs error: Unable to contact slurm controller'; exit 1", None),
            ("exit 124", None),
        ],
    )
    def test_an_account_that_is_not_known_passes_no_line_by(
        self, node: Node, sandbox: Sandbox, answer: str, role: str | None
    ) -> None:
        """Before Slurm 23.02 squeue is asked; where it cannot tell, the job has no role, not the
        next line's."""
        sandbox.script("squeue", answer)
        node.start("prolog.sh", SLURM_JOB_ACCOUNT=None).ok()
        task = node.start("taskprolog.sh")
        assert task.code == (1 if role is None else 0)
        assert [asked["RoleArn"].rpartition("/")[2] for asked in sandbox.assumed()] == (
            [] if role is None else [role]
        )
        if role is None:
            assert 'roles.map:11: a job here has no "account"' in task.output

    @pytest.mark.parametrize(
        "line",
        ["AWS_SECRET_ACCESS_KEY= wJalr", "\ufeffAWS_PROFILE=x", "AWS_PROFILE = x", "A='x", "A=$NO"],
    )
    def test_a_slip_in_the_settings_stops_the_job(
        self, node: Node, sandbox: Sandbox, line: str
    ) -> None:
        """Else root's identity would be looked for elsewhere. The line is named, and not told."""
        settings = node.root / "etc/base.env"
        settings.write_text(f"# ours\n{line}\n" + settings.read_text())
        node.start("prolog.sh").ok()
        told = node.start("taskprolog.sh").output
        assert "base.env:2: this is not NAME=value" in told or "'" in line
        assert "this is not NAME=value" in told
        assert "wJalr" not in told
        assert sandbox.assumed() == []

    def test_a_requeued_job_starts_clean(self, node: Node, sandbox: Sandbox) -> None:
        """The second run replaces what the first one left."""
        node.start("prolog.sh").ok()
        first = (node.job / "credentials").read_text()
        node.start("prolog.sh").ok()
        assert (node.job / "credentials").read_text() != first

    @pytest.mark.parametrize("trap", ["link", "open"])
    def test_a_directory_that_is_not_ours_is_refused(
        self, node: Node, sandbox: Sandbox, trap: str
    ) -> None:
        """A link somebody planted, or a directory others may write to. The job is cancelled, since
        the reason cannot be left where its tasks would find it."""
        elsewhere = node.base.with_name("elsewhere")
        elsewhere.mkdir(mode=0o777)
        if trap == "link":
            node.base.symlink_to(elsewhere)
        else:
            node.base.mkdir()
            node.base.chmod(0o777)
        for command in ("scontrol", "scancel"):
            sandbox.stand_in(command)
        told, cancelled = node.start("prolog.sh").ok().calls
        assert told.words.startswith("scontrol update JobId=4711 Comment=aws-role-exec: ")
        assert "is not a directory of root's" in told.words
        assert cancelled.words == "scancel 4711"
        assert list(elsewhere.iterdir()) == []
        assert list(node.base.iterdir()) == []
        assert sandbox.assumed() == []

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    def test_settings_that_are_not_roots_are_refused(self, node: Node, sandbox: Sandbox) -> None:
        """They would be read as root's own script."""
        os.chown(node.root / "etc/base.env", 65534, 65534)
        node.start("prolog.sh").ok()
        assert sandbox.assumed() == []
        assert "base.env is not root's" in node.start("taskprolog.sh").output

    @pytest.mark.parametrize("job", ["", "..", "keep", "4711/../x", "$(id)"])
    def test_a_strange_job_id_is_left_alone(self, node: Node, sandbox: Sandbox, job: str) -> None:
        """It becomes part of a path that root removes."""
        node.base.mkdir(mode=0o711)
        (node.base / "keep").touch()
        node.start("prolog.sh", SLURM_JOB_ID=job).ok()
        node.start("epilog.sh", SLURM_JOB_ID=job).ok()
        assert [path.name for path in node.base.iterdir()] == ["keep"]


@slurm
class TestTaskProlog:
    def test_the_task_uses_the_file_and_not_what_was_submitted(
        self, node: Node, sandbox: Sandbox
    ) -> None:
        """Slurm's protocol, applied to the environment that the user submitted from."""
        node.start("prolog.sh").ok()
        environ = dict(sandbox.env, AWS_PROFILE="mine")
        task = node.start("taskprolog.sh", AWS_PROFILE="mine").ok()
        for line in task.output.splitlines():
            verb, _, rest = line.partition(" ")
            if verb == "unset":
                environ.pop(rest, None)
            else:
                assert verb == "export"
                name, _, value = rest.partition("=")
                environ[name] = value
        assert "AWS_PROFILE" not in environ
        file = Path(environ["AWS_SHARED_CREDENTIALS_FILE"]).read_text()
        assert sandbox.identity(environ, file) is not None
        assert "assumed-role/hpc-gpu-s3-readwrite" in str(sandbox.identity(environ, file))

    def test_a_job_without_a_role_is_left_alone(self, node: Node) -> None:
        """Its own identity stays as it was."""
        assert node.start("taskprolog.sh").ok().output == ""

    def test_a_node_where_only_slurms_scripts_are_leaves_jobs_alone(self, node: Node) -> None:
        """As where /etc/slurm is shared by all nodes; a node with a map stops its tasks instead."""
        (node.root / "libexec/job-credentials").unlink()
        task = node.start("taskprolog.sh")
        assert task.code == 1
        assert task.output.startswith("print aws-role-exec: ")
        (node.root / "etc/roles.map").unlink()
        for script in ("prolog.sh", "taskprolog.sh"):
            assert node.start(script).ok().output == ""

    def test_no_other_identity_is_left(self, node: Node) -> None:
        """Nothing that the user submitted along selects one; the rest is the user's."""
        node.start("prolog.sh").ok()
        names = [*identity_variables.IDENTITY_VARIABLES, *SUBMITTED]
        kept = {"AWS_CA_BUNDLE": "x", "AWS_BATCH_JOB_ID": "x", "AWS_ROLE_EXEC_REGION": "x"}
        lines = node.start("taskprolog.sh", **dict.fromkeys(names, "x"), **kept).ok().output
        unset = {line.split()[1] for line in lines.splitlines() if line.startswith("unset ")}
        # The last one is set anew instead.
        assert unset == {*names} - {"AWS_SHARED_CREDENTIALS_FILE"}


@slurm
class TestHostileEnvironment:
    """Grid Engine hands what the user submitted to root's prolog."""

    def test_functions_of_bash_are_not_run(self, node: Node, tmp_path: Path) -> None:
        """Where sh is bash: whatever command they are named like."""
        ran = tmp_path / "ran"
        commands = "env sed awk cat [ printf stat umask test id rm mkdir exec unset export set case"
        names = ["/usr/bin/env", *commands.split()]
        functions = {f"BASH_FUNC_{name}%%": f"() {{ touch {ran}; }}" for name in names}
        (tmp_path / "sh").symlink_to("/bin/bash")
        script = node.root / "libexec/job-credentials"
        script.write_text(script.read_text().replace("      /bin/sh ", f"      {tmp_path}/sh "))
        words = ["find", "partition=gpu", "account=", "user=bob"]
        for shell in ("sh", "bash"):
            program = tmp_path / "sh" if shell == "sh" else shell
            found = node.sandbox.run(program, script, *words, env=dict(functions)).ok()
            assert "role/hpc-gpu-s3-readwrite" in found.output
            assert not ran.exists(), shell

    def test_it_does_not_lead_root_astray(self, node: Node, sandbox: Sandbox) -> None:
        """Neither who asks, nor whom, nor for what, nor where it is written."""
        hostile = {
            "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": "AKIAHOSTILE",
            "AWS_ROLE_EXEC_ROLE_ARN": "arn:aws:iam::123456789012:role/hostile",
            "AWS_ROLE_EXEC_MODE": "0640",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "role": "hostile",
            "base": "/tmp",
            "IFS": "/",
        }
        words = ["write", "4711", str(node.owner), "partition=gpu", "account=", "user=bob"]
        node.start("libexec/job-credentials", *words, **hostile).ok()
        assert stat.S_IMODE(os.stat(node.job / "credentials").st_mode) == 0o600
        (asked,) = sandbox.assumed()
        assert asked["RoleArn"].endswith(":role/hpc-gpu-s3-readwrite")


@slurm
class TestRenewal:
    """With AWS_ROLE_EXEC_RENEW=true; jobs that outlive their sessions are in tests/scheduler."""

    @pytest.fixture
    def renewing(self, node: Node) -> Iterator[Node]:
        node.set("AWS_ROLE_EXEC_RENEW=true")
        yield node
        node.start("epilog.sh").ok()
        wait_for(lambda: not node.held())

    def test_a_job_that_nobody_tells_of_has_not_ended(
        self, renewing: Node, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        """While Slurm does not answer; it has when Slurm knows of no such job on this node."""
        asked, answer = tmp_path / "asked", tmp_path / "answer"
        asked.touch()
        sandbox.script("scontrol", "exit 1")
        sandbox.script("squeue", f'echo "$*" >>{asked}; exec cat {answer}')
        renewing.start("prolog.sh").ok()

        def goes_on() -> None:
            before = len(asked.read_text().splitlines())
            wait_for(lambda: len(asked.read_text().splitlines()) >= before + 2)
            assert renewing.held()

        goes_on()  # no answer
        for text in ("47110\n4711\n", "47110\n"):
            (tmp_path / "new").write_text(text)
            (tmp_path / "new").rename(answer)
            if "\n4711\n" in text:
                goes_on()
        wait_for(lambda: not renewing.held() and not renewing.job.exists())

    @pytest.mark.parametrize(
        ("submitted", "given"),
        [
            ({}, ("127.0.0.1", "127.0.0.1")),
            ({"no_proxy": "a.b"}, ("a.b,127.0.0.1", "a.b,127.0.0.1")),
            ({"no_proxy": "a", "NO_PROXY": "b"}, ("a,127.0.0.1", "b,127.0.0.1")),
            ({"NO_PROXY": "*"}, ("*", "*")),
            ({"no_proxy": "x, 127.0.0.1 ,y"}, ("x, 127.0.0.1 ,y", "x, 127.0.0.1 ,y")),
        ],
    )
    def test_no_proxy_sees_the_credentials(
        self, renewing: Node, submitted: dict[str, str | None], given: tuple[str, str]
    ) -> None:
        """They come from this node; hosts that the user excepted stay so."""
        renewing.start("prolog.sh").ok()
        lines = renewing.start("taskprolog.sh", **submitted).ok().output.splitlines()
        names = ("no_proxy", "NO_PROXY")
        wanted = {f"export {name}={value}" for name, value in zip(names, given, strict=True)}
        assert {line for line in lines if line.lower().startswith("export no_proxy=")} == wanted

    @pytest.mark.parametrize("word", ["process", "True", "2"])
    def test_another_word_than_true_or_false_stops_jobs(
        self, node: Node, sandbox: Sandbox, word: str
    ) -> None:
        """Rather than credentials that end too early."""
        node.set(f"AWS_ROLE_EXEC_RENEW={word}")
        node.start("prolog.sh").ok()
        told = node.start("taskprolog.sh")
        assert told.code == 1
        assert f"AWS_ROLE_EXEC_RENEW={word} in {node.root}/etc/base.env: write true" in told.output
        assert sandbox.assumed() == []

    def test_false_is_as_without_it(self, node: Node) -> None:
        """A file with keys."""
        node.set("AWS_ROLE_EXEC_RENEW=false")
        node.start("prolog.sh").ok()
        assert "aws_access_key_id" in (node.job / "credentials").read_text()
        assert not node.held()


@slurm
class TestEpilog:
    def test_it_removes_the_jobs_file_and_no_other(self, node: Node) -> None:
        """Twice does no harm."""
        node.start("prolog.sh").ok()
        node.start("prolog.sh", SLURM_JOB_ID="4712").ok()
        node.start("epilog.sh").ok()
        node.start("epilog.sh").ok()
        assert [path.name for path in node.base.iterdir()] == ["4712"]


@slurm
class TestGridEngineProlog:
    """As sge_execd starts it: with what the user submitted, and two files that say what the job is
    and what it is started with. A real Grid Engine runs it in tests/scheduler."""

    @pytest.fixture
    def spool(self, sandbox: Sandbox) -> Path:
        self.node = Node(sandbox)
        install(self.node.root, "sge", sandbox.bin)
        self.node.map(f"queue=gpu.q {ROLE.decode()}\n")
        self.log = self.node.root / "syslog"
        sandbox.script("logger", f"cat >>{self.log}")
        spool = self.node.root / "spool"
        spool.mkdir()
        owner = pwd.getpwuid(self.node.owner).pw_name
        (spool / "config").write_text(f"queue=gpu.q\nacct_project=none\njob_owner={owner}\n")
        (spool / "environment").write_text("")
        return spool

    def start(self, spool: Path, **env: str | None) -> Ran:
        facts = {"JOB_ID": "7", "SGE_TASK_ID": "undefined", "SGE_JOB_SPOOL_DIR": str(spool)}
        return self.node.sandbox.run(self.node.root / "prolog.sh", env={**facts, **env})

    def test_no_other_identity_is_left(self, spool: Path) -> None:
        """Nothing that the user submitted along selects one; the rest is the user's."""
        kept = ["AWS_CA_BUNDLE", "AWS_PROFILES", "MY_AWS_PROFILE", "AWS_ROLE_EXEC_REGION"]
        names = [*identity_variables.IDENTITY_VARIABLES, *SUBMITTED, *kept]
        (spool / "environment").write_text("".join(f"{name}=x\n" for name in names))
        self.start(spool).ok()
        lines = (spool / "environment").read_text().splitlines()
        file = self.node.base / "7/credentials"
        assert sorted(lines) == sorted(
            [*(f"{name}=x" for name in kept), f"AWS_SHARED_CREDENTIALS_FILE={file}"]
        )

    def test_what_was_submitted_does_not_lead_root_astray(
        self, spool: Path, tmp_path: Path
    ) -> None:
        """Neither functions, nor the names of the script's own variables, nor a PATH."""
        ran = tmp_path / "ran"
        commands = ["env", "sed", "id", "grep", "logger", "printf", "compgen", "unset", "export"]
        hostile = {f"BASH_FUNC_{name}%%": f"() {{ touch {ran}; }}" for name in commands}
        hostile |= {"PATH": str(tmp_path), "BASH_ENV": str(ran), "IFS": "o", "GREP_OPTIONS": "-c"}
        self.start(spool, **hostile, owner="root", names="x", environment=str(ran)).ok()
        assert not ran.exists()
        assert os.stat(self.node.base / "7/credentials").st_uid == self.node.owner

    @pytest.mark.parametrize(
        ("lines", "status", "told"),
        [
            (f"queue=gpu.q {ROLE.decode()}", 0, f"roles.map:1: fits this job, {ROLE.decode()}"),
            ("queue=gpu.q -", 0, "roles.map:1: fits this job and denies it a role"),
            ("queue=x -", 0, "roles.map: no line fits this job"),
            ("account=x -", 100, 'roles.map:1: a job here has no "account"'),
        ],
    )
    def test_syslog_answers_why_a_job_has_no_role(
        self, spool: Path, lines: str, status: int, told: str
    ) -> None:
        """Or why it has this one."""
        self.node.map(lines + "\n")
        ran = self.start(spool)
        assert ran.code == status
        logged = self.log.read_text().splitlines()
        assert all(line.startswith("job 7: ") for line in logged)
        assert logged[-1].endswith(told)
        assert (told in ran.output) == (status == 100)

    def test_a_job_whose_user_is_not_told_does_not_start(self, spool: Path) -> None:
        """A line that denies that user a role would be passed by."""
        (spool / "config").write_text("queue=gpu.q\n")
        ran = self.start(spool)
        assert ran.code == 100
        assert "config does not say whose job this is" in ran.output


class Pbs:
    """A node of OpenPBS's, with the hook; `launch` is MoM about to start a job's shell."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.root = sandbox.tmp.parent / "node"
        self.root.mkdir()
        install(self.root, "pbs", sandbox.bin)
        self.map = self.root / "etc/roles.map"
        self.map.write_text(
            "project=climate,queue=gpu arn:aws:iam::123456789012:role/climate\n"
            "account=genomics arn:aws:iam::123456789012:role/genomics\n"
            "user=carol arn:aws:iam::123456789012:role/carol\n"
            "queue=workq arn:aws:iam::123456789012:role/hpc-pbs-worker\n"
        )
        self.settings = self.root / "etc/base.env"

    def launch(self, env: dict[str, str] | None = None, **job: str | int | None) -> "Launch":
        environ = {"HOME": "/home/alice", "PBS_JOBID": "1234[5].server", **(env or {})}
        event = json.dumps({"job": {"queue": "workq", "euser": "alice", **job}, "env": environ})
        stand_in = Path(__file__).with_name("openpbs.py")
        hook = self.root / "aws_role_launch.py"
        bare = {"PATH": None, "HOME": None}  # what MoM was started with
        ran = self.sandbox.run(sys.executable, stand_in, hook, event, env=bare).ok()
        return Launch(**json.loads(ran.output))


@dataclass(frozen=True)
class Launch:
    """What a hook made of it."""

    rejected: str | None
    program: list[str]
    """What is started: its file, then all that it is given, its own name first."""
    env: dict[str, str]
    log: list[str]

    @property
    def job_runs(self) -> bool:
        return self.rejected is None and self.program == ["/bin/bash", "-bash"]

    @property
    def told(self) -> str:
        """The output of a job that was replaced."""
        assert self.rejected is None, "what MoM logs is not told to the user"
        file, *argv = self.program
        done = subprocess.run(argv, executable=file, env=self.env, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (125, "")
        return done.stderr


@pytest.fixture
def pbs(sandbox: Sandbox) -> Pbs:
    return Pbs(sandbox)


@pytest.mark.skipif(sys.platform != "linux", reason="the hook is for Linux nodes")
class TestPbsHook:
    @pytest.mark.parametrize(
        ("walltime", "seconds"), [(1800, 1800), (60, 900), (86400, 3600), (None, 3600)]
    )
    def test_the_job_starts_under_the_role(
        self, pbs: Pbs, walltime: int | None, seconds: int
    ) -> None:
        """Its shell's environment has the keys, for as long as the job may run."""
        launched = pbs.launch(walltime=walltime)
        assert launched.job_runs
        arn = pbs.sandbox.identity(launched.env)
        assert arn == "arn:aws:sts::123456789012:assumed-role/hpc-pbs-worker/pbs-1234-5-.server"
        assert launched.env["HOME"] == "/home/alice"
        assert pbs.sandbox.assumed()[0]["DurationSeconds"] == str(seconds)

    @pytest.mark.parametrize(
        ("job", "role"),
        [
            ({"project": "climate", "queue": "gpu"}, "climate"),
            ({"project": "climate"}, "hpc-pbs-worker"),
            ({"account": "genomics", "queue": "gpu"}, "genomics"),
            ({"euser": "carol", "queue": "gpu"}, "carol"),
        ],
    )
    def test_the_map_names_the_role(self, pbs: Pbs, job: dict[str, str], role: str) -> None:
        """By queue, account, project and user."""
        assert f":assumed-role/{role}/" in str(pbs.sandbox.identity(pbs.launch(**job).env))

    def test_a_job_that_no_line_is_for_is_left_untouched(self, pbs: Pbs) -> None:
        """Its own identity stays as it was."""
        launched = pbs.launch({"AWS_PROFILE": "mine"}, queue="debug")
        assert launched.job_runs
        assert launched.env == {
            "HOME": "/home/alice",
            "PBS_JOBID": "1234[5].server",
            "AWS_PROFILE": "mine",
        }
        assert pbs.sandbox.assumed() == []

    def test_a_node_without_a_map_leaves_jobs_alone(self, pbs: Pbs) -> None:
        """The server sends the hook to every node. With a map, but without what reads it, a node
        starts nothing."""
        (pbs.root / "libexec/job-credentials").unlink()
        assert "No such file" in pbs.launch().told
        pbs.map.unlink()
        assert pbs.launch().job_runs
        assert pbs.sandbox.assumed() == []

    def test_no_role_no_job(self, pbs: Pbs) -> None:
        """Rather than a job under the node's identity. The reason is one line of its output."""
        pbs.sandbox.sts.always(ACCESS_DENIED)
        launched = pbs.launch()
        assert launched.told.startswith(
            "aws-role-exec: no credentials for this job: aws-role-exec: "
        )
        assert "AccessDenied" in launched.told
        assert "hint: " in launched.told
        assert launched.log[-1] == f"1234[5].server: {'; '.join(launched.told.splitlines())}"
        assert "AWS_ACCESS_KEY_ID" not in launched.env

    def test_no_other_identity_is_left(self, pbs: Pbs) -> None:
        """Nothing that was submitted along selects one; the rest is the user's."""
        names = [*identity_variables.IDENTITY_VARIABLES]
        names += [prefix + "X" for prefix in identity_variables.IDENTITY_PREFIXES]
        names += ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_VAULT", "AWS_ROLE_EXEC_ROLE_ARN"]
        kept = dict.fromkeys(
            ["AWS_CA_BUNDLE", "AWS_BATCH_JOB_ID", "AWS_PROFILES", "MY_AWS_PROFILE"], "x"
        )
        launched = pbs.launch({**dict.fromkeys(names, "x"), **kept})
        assert launched.job_runs
        left = {name: value for name, value in launched.env.items() if value == "x"}
        assert left == kept
        assert {name for name in launched.env if identity_variables.selects_identity(name)} == {
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_CREDENTIAL_EXPIRATION",
        }

    def test_nothing_of_the_jobs_environment_leads_root_astray(self, pbs: Pbs) -> None:
        """It is the job's alone."""
        hostile = {
            "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
            "AWS_ROLE_EXEC_ROLE_ARN": "arn:aws:iam::123456789012:role/hostile",
            "PATH": "/nonexistent",
            "LD_PRELOAD": "/nonexistent.so",
        }
        launched = pbs.launch(hostile)
        assert launched.job_runs
        assert pbs.sandbox.assumed()[0]["RoleArn"].endswith(":role/hpc-pbs-worker")

    def test_the_settings_of_the_site_are_read(self, pbs: Pbs) -> None:
        """The file that Slurm's scripts read as well."""
        pbs.settings.write_text(
            "# how long\nAWS_ROLE_EXEC_DURATION='45m'\nexport AWS_ROLE_EXEC_SESSION_NAME=ours\n"
        )
        arn = pbs.sandbox.identity(pbs.launch().env)
        assert arn == "arn:aws:sts::123456789012:assumed-role/hpc-pbs-worker/ours"
        assert pbs.sandbox.assumed()[0]["DurationSeconds"] == "2700"

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    def test_settings_that_are_not_roots_are_refused(self, pbs: Pbs) -> None:
        """They choose whom root asks."""
        pbs.settings.touch()
        os.chown(pbs.settings, 65534, 65534)
        assert "base.env is not root's" in pbs.launch().told
        assert pbs.sandbox.assumed() == []

    @pytest.mark.parametrize("place", ["etc/base.env", "etc"])
    def test_settings_that_others_may_write_are_refused(self, pbs: Pbs, place: str) -> None:
        """To the file, or to the directory where it could be replaced."""
        pbs.settings.touch()
        pbs.map.unlink()
        pbs.map.symlink_to(pbs.root / "roles.map")
        (pbs.root / "roles.map").write_text(f"queue=workq {ROLE.decode()}\n")
        (pbs.root / place).chmod(0o777)
        assert f"{place} may be written to by others than root" in pbs.launch().told
        assert pbs.sandbox.assumed() == []

    @pytest.mark.parametrize(
        "line", ["AWS_SECRET_ACCESS_KEY= wJalr", "\ufeffAWS_PROFILE=x", "AWS_PROFILE = x", "A='x"]
    )
    def test_a_slip_in_the_settings_stops_the_job(self, pbs: Pbs, line: str) -> None:
        """Else root's identity would be looked for elsewhere. The line is named, and not told."""
        pbs.settings.write_text(f"# ours\n{line}\n")
        told = pbs.launch().told
        assert "base.env:2: " in told
        assert "wJalr" not in told
        assert pbs.sandbox.assumed() == []

    def test_a_slip_in_the_map_stops_the_job(self, pbs: Pbs) -> None:
        """It may be in the line that says no; the job's output and MoM's log name it."""
        pbs.map.write_text("partition=gpu -\n" + pbs.map.read_text())
        launched = pbs.launch()
        assert not launched.job_runs
        assert 'roles.map:1: a job here has no "partition"' in launched.told
        assert launched.log[-1].startswith("1234[5].server: ")
        assert 'a job here has no "partition"' in launched.log[-1]
        assert not pbs.sandbox.assumed()


class TestParallelCluster:
    """install.sh, with an archive and a map from a bucket, in a root directory of its own."""

    @pytest.fixture
    def bucket(self, sandbox: Sandbox) -> Path:
        """What `aws s3 cp` fetches, by name."""
        bucket = sandbox.work / "bucket"
        bucket.mkdir()
        machine = "arm64" if os.uname().machine == "aarch64" else "amd64"
        with tarfile.open(bucket / f"aws-role-exec_linux_{machine}.tar.gz", "w:gz") as archive:
            archive.add(sandbox.bin / "aws-role-exec", "aws-role-exec")
            archive.add(REPOSITORY / "packaging/roles", "schedulers/roles")
            archive.add(REPOSITORY / "packaging/slurm", "schedulers/slurm")
        shutil.copy(REPOSITORY / "packaging/roles/roles.map", bucket)
        # aws s3 cp --only-show-errors s3://my-bucket/aws-role-exec/NAME TARGET
        sandbox.script("aws", f'cp "{bucket}/${{4##*/}}" "$5"')
        return bucket

    def install(self, sandbox: Sandbox, kind: str) -> tuple[Ran, list[str]]:
        root = sandbox.work / "root"
        (root / "etc/parallelcluster").mkdir(parents=True)
        (root / "etc/parallelcluster/cfnconfig").write_text(f"cfn_node_type={kind}\n")
        script = EXAMPLES / "parallelcluster/install.sh"
        ran = sandbox.run(script, "s3://my-bucket/aws-role-exec", env={"ROOT": str(root)})
        files = (path for path in root.rglob("*") if path.is_file() or path.is_symlink())
        found = sorted(str(path.relative_to(root)) for path in files)
        return ran, [name for name in found if name != "etc/parallelcluster/cfnconfig"]

    def test_a_compute_node_gets_the_program_and_the_map(
        self, sandbox: Sandbox, bucket: Path
    ) -> None:
        ran, files = self.install(sandbox, "ComputeFleet")
        assert ran.ok()
        assert files == [
            "etc/aws-role-exec/roles.map",
            "usr/libexec/aws-role-exec/job-credentials",
            "usr/local/bin/aws-role-exec",
        ]

    def test_the_head_node_gets_slurms_scripts_too(self, sandbox: Sandbox, bucket: Path) -> None:
        """In the directories that ParallelCluster runs; the TaskProlog as cluster.yml names it."""
        ran, files = self.install(sandbox, "HeadNode")
        assert ran.ok()
        scripts = [name for name in files if name.startswith("opt/slurm")]
        assert scripts == [
            "opt/slurm/etc/aws-role-exec/taskprolog.sh",
            "opt/slurm/etc/scripts/epilog.d/50_aws_role_exec",
            "opt/slurm/etc/scripts/prolog.d/50_aws_role_exec",
        ]
        cluster = yaml.safe_load((EXAMPLES / "parallelcluster/cluster.yml").read_text())
        settings = cluster["Scheduling"]["SlurmSettings"]["CustomSlurmSettings"]
        assert {"TaskProlog": f"/{scripts[0]}"} in settings
        for name in files:
            mode = 0o644 if name.endswith(".map") else 0o755
            assert (sandbox.work / "root" / name).stat().st_mode & 0o777 == mode

    def test_a_map_with_a_fault_is_not_installed(self, sandbox: Sandbox, bucket: Path) -> None:
        """The node does not start, and its log has the line."""
        (bucket / "roles.map").write_text("User=bob arn:aws:iam::123456789012:role/x\n")
        ran, files = self.install(sandbox, "ComputeFleet")
        assert ran.code != 0
        assert '"User" is no condition' in ran.output
        assert files == []
