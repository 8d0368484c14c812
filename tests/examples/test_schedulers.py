"""Slurm's Prolog, TaskProlog and Epilog run as slurmd would run them; the PBS hook under a
stand-in for PBS's Python module (openpbs.py). A real Slurm runs them in tests/scheduler."""

import json
import os
import random
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from aws_role_exec import identity_variables
from examples.sandbox import REPOSITORY, Ran, Sandbox
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
            "SLURM_JOB_UID": str(self.owner),
        }

    @property
    def job(self) -> Path:
        return self.base / "4711"

    def map(self, text: str) -> None:
        (self.root / "etc/roles.map").write_text(text)

    def start(self, script: str, *words: str, **env: str | None) -> Ran:
        path = self.root / script
        return self.sandbox.run(path, *words, env={**self.env, **env})


@pytest.fixture
def node(sandbox: Sandbox) -> Node:
    return Node(sandbox)


ROLE = b"arn:aws:iam::123456789012:role/x"
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
            (b"user=a,user=b -", '"user=" stands there twice'),
            (b"user=bob - # no role", "a comment needs a line of its own"),
            (b"user=bob -\r", "ends in a carriage return"),
            (b"\xef\xbb\xbfuser=bob -", '"\ufeffuser" is no condition'),
            (b"user=b\x07ob -", "holds a control character"),
            (b"user=bob role", '"role" is not the ARN of a role'),
            (b"user=bob arn:aws:iam::123:role/x", '"arn:aws:iam::123:role/x" is not the ARN of a'),
            (b"user=bob arn:aws:sts::123456789012:role/x", '"arn:aws:sts::123456789012:role/x"'),
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
        assert (found.code, ROLE.decode() in found.output) == (1, False), found
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
            b"user=a -\nuser=a,partition=gpu "
            + ROLE
            + b"\nqueue=x,project=y "
            + ROLE
            + b"\nUser=x -\n"
        )
        told = node.start("libexec/job-credentials", "check", str(new))
        assert told.code == 1
        assert told.output.splitlines() == [
            f"{new}:2: is never reached: line 1 fits before",
            f'{new}:4: "User" is no condition',
        ]
        shipped = REPOSITORY / "packaging/roles/roles.map"
        assert node.start("libexec/job-credentials", "check", str(shipped)).ok().output == ""

    @pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
    def test_is_read_alike_by_every_shell(self, tmp_path: Path, shell: str) -> None:
        """Whatever /bin/sh and awk are on the node."""
        script = str(REPOSITORY / "packaging/roles/job-credentials")
        new = tmp_path / "new.map"
        for line, status in ((b"user=bob -", 3), (b"user=bob,", 1), (b"user=eve -", 0), (b"", 0)):
            new.write_bytes(line + b"\nuser=bob " + ROLE + b"\n")
            done = subprocess.run(
                [*shell.split(), script, "find", str(new), "user=bob"], capture_output=True
            )
            assert done.returncode == status, (line, done)
            assert done.stdout == (ROLE + b"\n" if status == 0 else b"")

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

    def test_of_any_bytes_gives_a_role_by_a_line_that_is_understood_or_none(
        self, node: Node
    ) -> None:
        """A seeded search for a line that slips through."""
        dice = random.Random(18)
        good = b"partition=gpu " + ROLE
        pieces = [b"user=bob", b"user=", b",", b" ", b"\t", b"-", ROLE, b"#", b"\r",
                  b"partition=gpu", b"=", b"\xc3\xa9", b"User=bob", b"queue=x", b"\n"]  # fmt: skip
        for _ in range(60):
            line = b"".join(dice.choices(pieces, k=dice.randint(1, 6)))
            (node.root / "etc/roles.map").write_bytes(line + b"\n" + good + b"\n")
            found = node.start(
                "libexec/job-credentials", "find", "partition=gpu", "account=", "user=bob"
            )
            assert found.code in (0, 1, 3, 4), (line, found)
            assert (ROLE.decode() in found.output.splitlines()) == (found.code == 0), (line, found)


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
        assert task.output.startswith("print aws-role-exec: no credentials for this job: aws-role")

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
        names = [*identity_variables.IDENTITY_VARIABLES, "AWS_VAULT", "AWS_BEARER_TOKEN_BEDROCK"]
        names += ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_X"]
        kept = {"AWS_CA_BUNDLE": "x", "AWS_BATCH_JOB_ID": "x", "AWS_ROLE_EXEC_REGION": "x"}
        lines = node.start("taskprolog.sh", **dict.fromkeys(names, "x"), **kept).ok().output
        unset = {line.split()[1] for line in lines.splitlines() if line.startswith("unset ")}
        # The last one is set anew instead.
        assert unset == {*names} - {"AWS_SHARED_CREDENTIALS_FILE"}


@slurm
class TestHostileEnvironment:
    """Grid Engine hands what the user submitted to root's prolog."""

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
class TestEpilog:
    def test_it_removes_the_jobs_file_and_no_other(self, node: Node) -> None:
        """Twice does no harm."""
        node.start("prolog.sh").ok()
        node.start("prolog.sh", SLURM_JOB_ID="4712").ok()
        node.start("epilog.sh").ok()
        node.start("epilog.sh").ok()
        assert [path.name for path in node.base.iterdir()] == ["4712"]


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

    def test_a_slip_in_the_map_stops_the_job(self, pbs: Pbs) -> None:
        """It may be in the line that says no; the job's output and MoM's log name it."""
        pbs.map.write_text("partition=gpu -\n" + pbs.map.read_text())
        launched = pbs.launch()
        assert not launched.job_runs
        assert 'roles.map:1: a job here has no "partition"' in launched.told
        assert launched.log[-1].startswith("1234[5].server: ")
        assert 'a job here has no "partition"' in launched.log[-1]
        assert not pbs.sandbox.assumed()
