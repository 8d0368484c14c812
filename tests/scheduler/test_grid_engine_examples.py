"""The Grid Engine examples, submitted to a real Grid Engine as they stand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from examples.sandbox import EXAMPLES, Call, Sandbox
from scheduler.grid_engine import GridEngine, Job
from servers.sts import Sts

Run = Callable[..., tuple[Job, list[Call]]]


@pytest.fixture
def run(tmp_path: Path, program: list[str], sts: Sts, cell: GridEngine) -> Run:
    """Submit an example and wait; returns the job and what it started."""
    site = Sandbox(tmp_path, program, sts)

    def start(example: str, *options: str) -> tuple[Job, list[Call]]:
        script = EXAMPLES / example
        job = cell.submit(script, "-q", "plain.q", *options, env=site.env, cwd=site.work)
        job.wait()
        assert {row["exit_status"] for row in job.accounted()} == {"0"}, job.output
        return job, site.calls()

    return start


def test_a_job_runs_under_its_role(run: Run, sts: Sts) -> None:
    """For as long as it may run."""
    job, (call,) = run("sge/job.sh")
    assert call.role == f"hpc-sge-worker/sge-{job.number}"
    assert 14300 <= int(sts.asked[0].params["DurationSeconds"]) <= 14400


def test_each_task_of_an_array_has_its_own_session(run: Run) -> None:
    job, calls = run("sge/array.sh", "-t", "3-7:4")
    assert {call.role for call in calls} == {f"hpc-inference/sge-{job.number}_{n}" for n in (3, 7)}
    for call in calls:
        task = call.argv[call.argv.index("--chunk") + 1]
        assert str(call.role).endswith(f"_{task}")
