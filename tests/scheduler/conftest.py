"""The tier of real schedulers (`make test-scheduler`): one cluster for all tests of a process."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from runner import ROLE, Runner
from scheduler.grid_engine import GridEngine
from scheduler.slurm import TOOLS, Cluster, Job
from servers.sts import BASE, Sts

# Says that it is ready, then writes the name of every signal that reaches it. Without -S, Python
# ends in the locale C where the path to this checkout is not ASCII.
LISTENER = shlex.join([sys.executable, "-I", "-S", str(Path(__file__).with_name("listener.py"))])
# Asks for credentials that are renewed, and writes each new key.
CLIENT = shlex.join(["bash", str(Path(__file__).with_name("client.sh"))])
Submit = Callable[..., Job]


@pytest.fixture(scope="session")
def cluster(program: list[str]) -> Iterator[Cluster]:
    missing = [tool for tool in TOOLS if shutil.which(tool, path="/usr/sbin:/usr/bin") is None]
    if sys.platform != "linux" or os.geteuid() != 0 or missing:
        pytest.skip(f"SKIPPED: a Slurm of our own needs Linux, root and {' '.join(TOOLS)}")
    with Cluster(program[0]) as running:
        yield running
    left = running.processes()
    assert not left, f"left running: {left}"
    assert not running.root.exists()


@pytest.fixture(scope="session")
def cell(program: list[str]) -> Iterator[GridEngine]:
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip("SKIPPED: a Grid Engine of our own needs root and Debian's packages")
    with GridEngine(program[0]) as running:
        yield running
    left = running.processes()
    assert not left, f"left running: {left}"
    assert not running.root.exists()


@pytest.fixture
def job_env(run: Runner) -> Mapping[str, str]:
    """What the submitting user has in the environment: the base identity and where STS is."""
    return {name: str(value) for name, value in run.env.items() if name.startswith("AWS_")}


@pytest.fixture(scope="session")
def session_env() -> Iterator[Mapping[str, str]]:
    """The same for jobs that run beside many tests, with an STS of their own."""
    with Sts() as sts:
        yield {
            "AWS_ACCESS_KEY_ID": BASE.access_key,
            "AWS_SECRET_ACCESS_KEY": BASE.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_STS": sts.url,
        }


@pytest.fixture(scope="session")
def timed_job(cluster: Cluster, session_env: Mapping[str, str]) -> Job:
    """A job that meets its time limit while other tests run."""
    become = f"exec aws-role-exec --role-arn {ROLE} -- {LISTENER}"
    return cluster.submit(become, "--time=1", "--signal=B:USR1@55", env=session_env)


@pytest.fixture
def submit(cluster: Cluster, job_env: Mapping[str, str]) -> Iterator[Submit]:
    """Submit a script that sees the base identity; nothing of it is left in the queue."""

    jobs: list[Job] = []

    def start(script: str, *options: str) -> Job:
        jobs.append(cluster.submit(script, *options, env=job_env))
        return jobs[-1]

    yield start
    cluster.cancel(*(job.number for job in jobs))
    idle = cluster.command("sinfo", "-h", "-o", "%T").split()
    assert not {"drained", "draining", "down"} & set(idle), "a node is drained"
