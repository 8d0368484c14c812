"""The Slurm examples, submitted to a real Slurm as they stand."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.sandbox import EXAMPLES, Call, Sandbox, tool
from scheduler.slurm import Cluster, Job
from servers.sts import Sts

Run = Callable[..., tuple[Job, list[Call]]]


@pytest.fixture
def site(tmp_path: Path, program: list[str], sts: Sts, cluster: Cluster) -> Sandbox:
    """Where a user submits from: stand-ins for the programs of theirs, Slurm's own for the rest."""
    sandbox = Sandbox(tmp_path, program, sts)
    for command in ("mpirun", "sbatch", "srun"):
        (sandbox.bin / command).unlink()
    sandbox.env = cluster.env(sandbox.env)
    return sandbox


@pytest.fixture
def run(cluster: Cluster, site: Sandbox) -> Run:
    """Submit an example and wait; returns the job and what it started."""

    def start(
        example: str, *options: str, arguments: tuple[str, ...] = ()
    ) -> tuple[Job, list[Call]]:
        job = cluster.submit(
            EXAMPLES / example, *options, env=site.env, arguments=arguments, cwd=site.work
        )
        assert job.wait()["JobState"] == "COMPLETED", job.output
        return job, site.calls()

    return start


@pytest.mark.parametrize(
    ("example", "arguments", "role", "seconds"),
    [
        ("slurm/job.sh", (), "hpc-ml-training/slurm-{}", 3600),
        ("bedrock/summarize.sh", ("4710",), "hpc-bedrock-nova/climate-summary-{}", 1800),
        ("bedrock/batch-submit.sh", (), "hpc-bedrock-batch/batch-submit-{}", 900),
    ],
)
def test_a_job_runs_under_its_role(
    run: Run, sts: Sts, example: str, arguments: tuple[str, ...], role: str, seconds: int
) -> None:
    job, (call,) = run(example, arguments=arguments)
    assert call.role == role.format(job.number)
    assert sts.asked[0].params["DurationSeconds"] == str(seconds)


@pytest.mark.parametrize(
    ("example", "role"),
    [
        ("slurm/array.sh", "hpc-inference/slurm-{}_{}"),
        ("bedrock/annotate-array.sh", "hpc-bedrock-annotate/annot-{}_{}"),
    ],
)
def test_each_task_of_an_array_has_its_own_session(run: Run, example: str, role: str) -> None:
    job, calls = run(example, "--array=3,7")
    assert {call.role for call in calls} == {role.format(job.number, task) for task in (3, 7)}
    for call in calls:
        task = call.argv[call.argv.index("--chunk") + 1]
        assert call.role == role.format(job.number, task)


def test_every_rank_has_the_role_from_one_request(run: Run, sts: Sts) -> None:
    """Of mpi.sh, made to fit two nodes."""
    job, calls = run("slurm/mpi.sh", "--nodes=2", "--ntasks-per-node=2")
    assert [call.name for call in calls] == ["simulation"] * 4
    assert {call.role for call in calls} == {f"hpc-simulation-s3/slurm-{job.number}"}
    assert sorted(call.environ["SLURMD_NODENAME"] for call in calls) == ["n1", "n1", "n2", "n2"]
    assert len(sts.asked) == 1


def test_the_summary_waits_for_the_simulation(cluster: Cluster, site: Sandbox) -> None:
    """submit-chain.sh hands one job's number to the next one, which runs after it."""
    for script, text in {
        "simulate.sh": "#!/bin/sh\nsleep 1; echo simulated >simulated\n",
        "summarize.sh": f"#!/bin/sh\ncp simulated seen\nexec {EXAMPLES}/bedrock/summarize.sh $1\n",
    }.items():
        (site.work / script).write_text(text)
    submit = str(EXAMPLES / "bedrock/submit-chain.sh")
    cluster.command(submit, env=site.env, cwd=site.work)
    numbers = cluster.command("squeue", "-h", "-o", "%A").split()
    first, second = sorted(numbers, key=int)
    assert Job(cluster, second, site.work).wait()["JobState"] == "COMPLETED"
    (call,) = site.calls()
    assert call.role == f"hpc-bedrock-nova/climate-summary-{second}"
    assert f"/scratch/sim-outputs/run-{first}/" in call.argv
    assert (site.work / "seen").exists()


def test_snakemake_submits_each_rule_under_its_role(cluster: Cluster, site: Sandbox) -> None:
    """With Snakemake's own executor for Slurm: each rule is a job, and takes its role there."""
    shutil.copy(EXAMPLES / "workflows/Snakefile", site.work)
    # It takes Slurm's variables from its jobs, SLURM_CONF too; elsewhere there is /etc/slurm.
    srun = site.bin / "srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={cluster.root}/slurm.conf exec /usr/bin/srun "$@"\n')
    srun.chmod(0o755)
    ran = site.run(
        tool("snakemake"),
        "--executor=slurm",
        "--jobs=2",
        "--slurm-init-seconds-before-status-checks=1",
        "--seconds-between-status-checks=1",
        "--nocolor",
        "--config",
        "samples=[s1]",
        "--default-resources",
        "slurm_account=genomics",
        "slurm_partition=plain",
        env={"SHELL": "/bin/bash"},
    )
    assert [(call.words.split(maxsplit=1)[0], call.role) for call in ran.ok().calls] == [
        ("aws", "snakemake-s3-reader/snakemake-download-s1"),
        ("analyze.py", "snakemake-compute/snakemake-s1"),
    ]
    assert len({call.environ["SLURM_JOB_ID"] for call in ran.calls}) == 2
    limits = cluster.command(
        "squeue", "-h", "-t", "all", "-A", "genomics", "-u", "root", "-o", "%l"
    )
    assert {"30:00", "4:00:00"} <= set(limits.split())
