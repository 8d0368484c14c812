"""What root runs for a scheduler, with maps, environments, job IDs and names that mean ill."""

import os
import random
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from .amount import SEED, TIMES
from .mutations import mutations

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
TOOL = PACKAGING / "roles" / "job-credentials"
NAMES = ("account", "partition", "user")
VALUES = ("alice", "bob", "gpu", "chem-1", "x.y_z@r")
ROLES = ("-", "arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/path/b_c")
ROLE = re.compile(
    r"-|arn:aws(-[a-z]+)*:iam::\d{12}:role/([!-~]*/)?[A-Za-z0-9_+=,.@-]{1,64}", re.ASCII
)
CONDITION = re.compile(
    r"(account|partition|project|queue|user)=[A-Za-z0-9_][A-Za-z0-9_.@+$%&:~/\\-]*"
)
ILL = (
    *("$(touch {0})", "`touch {0}`", "; touch {0};", "\n touch {0}", "() {{ touch {0}; }}", "a' b"),
    *('" b', "-rf", "../..", "/", "*", "%s%n", "\\", "x" * 5000, "\x1b[31m", "é", "", " "),
)
FUNCTIONS = ("cat", "tr", "awk", "stat", "exec", "readlink", "printf", "[", "echo", "rm", "id")


def read_map(text: bytes, job: Mapping[str, str]) -> tuple[int, str]:
    """The status and the role of a job, by the rules in docs/slurm-admin.md, read anew."""
    found: str | None = None
    for line in text.split(b"\n"):
        if re.fullmatch(rb"[ \t]*(#.*)?", line, re.DOTALL) and b"\r" not in line:
            continue
        if re.search(rb"[^ -~\t]", line):
            return 1, ""
        words = line.decode().split()
        if len(words) != 2 or not ROLE.fullmatch(words[1]):
            return 1, ""
        conditions = words[0].split(",")
        names = [condition.partition("=")[0] for condition in conditions]
        if not all(CONDITION.fullmatch(one) for one in conditions) or not set(names) <= set(job):
            return 1, ""
        if len(set(names)) < len(names):
            return 1, ""
        holds = all(job[one.partition("=")[0]] == one.partition("=")[2] for one in conditions)
        if found is None and holds:
            found = words[1]
    if found is None:
        return 4, ""
    return (3, "") if found == "-" else (0, found)


def a_map(chance: random.Random) -> bytes:
    """A sound one of a few lines."""
    lines = ["# who may do what", ""]
    for _ in range(chance.randrange(1, 6)):
        names = chance.sample(NAMES, chance.randrange(1, 4))
        conditions = ",".join(f"{name}={chance.choice(VALUES)}" for name in names)
        lines.append(f"{conditions}{chance.choice((' ', chr(9), '   '))}{chance.choice(ROLES)}")
    return ("\n".join(lines) + "\n").encode()


def test_a_map_is_read_as_it_says_or_gives_nobody_a_role(tmp_path: Path) -> None:
    """Read a second time, by other means; what is wrong in it stops every job."""
    place = tmp_path / "roles.map"
    statuses = set()
    for number in range(40 * TIMES):
        chance = random.Random(SEED + number)
        sound = a_map(chance)
        job = {name: chance.choice(VALUES) for name in NAMES}
        for text in (sound, *mutations(sound, 3)):
            place.write_bytes(text)
            words = [f"{name}={value}" for name, value in job.items()]
            done = subprocess.run([TOOL, "find", place, *words], capture_output=True, text=True)
            status, role = read_map(text, job)
            assert (done.returncode, done.stdout.strip()) == (status, role), (text, job)
            statuses.add(status)
    assert statuses == {0, 1, 3, 4}


def ill_environment(chance: random.Random, canary: Path) -> dict[str, str]:
    """Variables by which a shell can be made to run something, and names that it makes much of."""
    script = canary.with_name("startup")
    script.write_text(f"touch {canary}\n")
    names = ("ENV", "BASH_ENV", "IFS", "PS4", "PATH", "CDPATH", "SHELLOPTS", "POSIXLY_CORRECT")
    names += ("LC_ALL", "HOME", "TMPDIR", "GLOBIGNORE", "AWKPATH", "MAIL", "AWS_PROFILE", "map")
    found = {
        name: chance.choice((*ILL, str(script), str(script.parent))).format(canary)
        for name in chance.sample(names, 6)
    }
    found |= {
        f"BASH_FUNC_{name}%%": f'() {{ touch {canary}; command {name} "$@"; }}'
        for name in chance.sample(FUNCTIONS, 4)
    }
    return found


@pytest.mark.parametrize("number", range(12 * TIMES))
@pytest.mark.parametrize("shell", ["/bin/sh", "bash"])
def test_an_environment_leads_root_nowhere(tmp_path: Path, shell: str, number: int) -> None:
    """Grid Engine hands root what the user submitted; the answer is the same, nothing else runs."""
    canary = tmp_path / "canary"
    (tmp_path / "roles.map").write_bytes(b"user=alice arn:aws:iam::123456789012:role/a\n")
    tool = tmp_path / "job-credentials"
    # `bash -p` and sh take no functions; the tool itself may be run by a bash that is called sh.
    path = shutil.which(shell)
    assert path is not None
    tool.write_text(TOOL.read_text().replace("/bin/sh", path))
    done = subprocess.run(
        [path, *(["-p"] * (shell == "bash")), tool, "find", tmp_path / "roles.map", "user=alice"],
        env=ill_environment(random.Random(SEED + number), canary),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "arn:aws:iam::123456789012:role/a\n"), done.stderr
    assert not canary.exists()


@pytest.mark.parametrize("action", ["write", "check", "remove", "hold"])
def test_a_job_id_is_a_number_and_nothing_else(tmp_path: Path, action: str) -> None:
    """It becomes part of a path that root removes."""
    canary = tmp_path / "canary"
    for ill in (*ILL, ".", "1..2", "12;x", "1 2", "1\n2", "+1", "1/2"):
        given = ill.format(canary)
        words = [given, "0", "user=alice"] if action == "write" else [given]
        if action == "check":
            words.append("")  # with one word it would be a map
        done = subprocess.run([TOOL, action, *words], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, ""), (given, done.stderr)
        assert not canary.exists()


@pytest.mark.parametrize("number", range(20 * TIMES))
def test_a_task_gets_no_line_that_the_tool_did_not_print(tmp_path: Path, number: int) -> None:
    """Slurm takes what the TaskProlog prints for orders: of the job's own environment, names."""
    chance = random.Random(SEED + number)
    canary = tmp_path / "canary"
    stub = tmp_path / "job-credentials"
    stub.write_text(
        "#!/bin/sh\necho AWS_SHARED_CREDENTIALS_FILE=/run/aws-role-exec/1/credentials\n"
    )
    stub.chmod(0o755)
    script = tmp_path / "taskprolog.sh"
    installed = "/usr/libexec/aws-role-exec/job-credentials"
    text = (PACKAGING / "slurm" / "taskprolog.sh").read_text()
    assert installed in text
    script.write_text(text.replace(installed, str(stub)))
    names = (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "no_proxy",
        "SLURM_JOB_ID",
        "AWS_VAULT",
    )
    env = {name: chance.choice(ILL).format(canary) for name in chance.sample(names, 4)}
    done = subprocess.run(
        ["/bin/bash", script],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *unset, last = done.stdout.splitlines()
    assert last == "export AWS_SHARED_CREDENTIALS_FILE=/run/aws-role-exec/1/credentials"
    selecting = {name for name in env if name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_VAULT")}
    assert {line.removeprefix("unset ") for line in unset} == selecting
    assert not canary.exists()
