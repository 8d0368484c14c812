"""Variables of schedulers where there is no job of theirs, or that hold something odd.

No public thread: `SGE_TASK_ID=undefined` in a shell that a job left behind was a KeyError.
"""

import time
from datetime import UTC, datetime

import pytest

from runner import Runner

VARIABLES = [
    (
        "SLURM_JOB_ID",
        "SLURM_JOBID",
        "SLURM_ARRAY_JOB_ID",
        "SLURM_ARRAY_TASK_ID",
        "SLURM_JOB_END_TIME",
    ),
    ("PBS_JOBID", "PBS_WALLTIME", "PBS_ARRAY_INDEX"),
    ("LSB_JOBID", "LSB_JOBINDEX"),
    ("SGE_TASK_ID", "JOB_ID", "SGE_JOB_SPOOL_DIR", "SGE_BINARY_PATH"),
    ("AWS_BATCH_JOB_ID", "AWS_BATCH_JOB_ARRAY_INDEX"),
    ("GITHUB_ACTIONS", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"),
    ("GITLAB_CI", "CI_JOB_ID", "CI_JOB_TIMEOUT", "CI_JOB_STARTED_AT"),
    ("JENKINS_URL", "BUILD_TAG", "JOB_NAME", "BUILD_NUMBER"),
    ("KUBERNETES_SERVICE_HOST", "POD_NAME"),
]
ODD = ["", "undefined", "0", "-1", "9" * 30, "a b\n[5]", "\x1b[2J", "ä", "%"]
AUTO = ("--duration", "auto", "--session-name", "auto", "--dry-run", "--", "true")


@pytest.mark.parametrize("names", VARIABLES, ids=lambda names: names[0])
@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_whatever_they_hold_auto_gives_something(
    run: Runner, names: tuple[str, ...], odd: str
) -> None:
    """`auto` is what a site sets for everybody: it never fails."""
    environments = [
        {names[0]: odd},
        dict.fromkeys(names, odd),
        {**dict.fromkeys(names, "1"), names[-1]: odd},
    ]
    for env in environments:
        result = run.assume(*AUTO, env={**env, "PATH": "/nonexistent:/usr/bin:/bin"}).ok()
        assert "session-name: " in result.err
        assert "unexpected" not in result.err


def shown(run: Runner, env: dict[str, str]) -> dict[str, str]:
    """What --dry-run says under `auto`."""
    lines = run.assume(*AUTO, env=env).ok().err.splitlines()
    return dict(line.split(": ", 1) for line in lines if not line.startswith("aws-role-exec"))


@pytest.mark.parametrize(
    "env",
    [
        {"SGE_TASK_ID": "undefined"},
        {"JOB_ID": "1"},
        {"CI_JOB_TIMEOUT": "60"},
        {"PBS_WALLTIME": "9"},
    ],
)
def test_one_variable_is_no_job(run: Runner, env: dict[str, str]) -> None:
    """The name and the duration are told by the same rule."""
    said = shown(run, env)
    assert said["session-name"].startswith("aws-role-exec-")
    assert said["duration"] == "1h0m0s"


def test_an_old_slurms_job_has_its_name_and_its_time(run: Runner) -> None:
    """SLURM_JOBID counted for the name alone."""
    end = str(int(time.time()) + 7200)
    said = shown(run, {"SLURM_JOBID": "17", "SLURM_JOB_END_TIME": end})
    assert said["session-name"] == "slurm-17"
    assert said["duration"].startswith(("1h59m", "2h0m"))


def test_a_gitlab_job_has_the_time_that_its_timeout_leaves(run: Runner) -> None:
    """Its variables tell; no credentials that end before the job."""
    started = datetime.fromtimestamp(time.time() - 600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    env = {"GITLAB_CI": "true", "CI_JOB_ID": "5", "CI_JOB_TIMEOUT": "10800"}
    said = shown(run, {**env, "CI_JOB_STARTED_AT": started})
    assert said["session-name"] == "gitlab-5"
    assert said["duration"].startswith(("2h49m", "2h50m"))
