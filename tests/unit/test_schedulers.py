"""The time a job has left, with stand-ins that print what the schedulers' own tools print."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_role_exec.schedulers import job, queries, slurm

# qstat -f of OpenPBS, less what nobody reads.
PBS = """\
Job Id: 1234[5].server
    Job_Name = train
    resources_used.cpupercent = 98
    resources_used.walltime = 00:30:10
    job_state = R
    Resource_List.ncpus = 8
    Resource_List.nodect = 1
    Resource_List.walltime = 04:00:10
    stime = Mon Nov 23 05:00:00 2026
    Variable_List = PBS_O_HOME=/home/alice,PBS_O_LANG=C.UTF-8,
\tPBS_O_PATH=/usr/bin:/bin
"""
# qstat -j of Grid Engine 8.1.9, likewise: it does not say since when a task runs.
SGE = """\
==============================================================
job_number:                 42
hard resource_list:         {limit}
soft resource_list:         h_rt=1
job_name:                   train
env_list:                   TERM=NONE
job-array tasks:            3-7:4
usage         3:            cpu=00:09:58, mem=0.00000 GB s, io=0.00007 GB, vmem=3.500M
usage         7:            cpu=00:59:58, mem=0.00000 GB s, io=0.00007 GB, vmem=3.551M
scheduling info:            There are no messages available
"""


def find(environ: dict[str, str]) -> tuple[str | None, int | None]:
    """The scheduler's name and the seconds it leaves the job."""
    scheduler = job.find(environ)
    return (scheduler.NAME, scheduler.seconds_left(environ)) if scheduler else (None, None)


@pytest.fixture
def tool(tmp_path: Path):
    """Put a tool on a PATH of its own: `tool(name, says, then)` is that PATH."""

    def make(name: str, says: str, then: str = "") -> str:
        (tmp_path / "says").write_text(says)
        script = tmp_path / name
        script.write_text(
            f'#!/bin/sh\necho "$@" >{tmp_path}/arguments\nenv >{tmp_path}/environ\n'
            f"cat {tmp_path}/says\n{then}\n"
        )
        script.chmod(0o755)
        return f"{tmp_path}:/usr/bin:/bin"

    return make


@pytest.mark.parametrize(
    ("printed", "seconds"),
    [
        ("4:00:00", 4 * 3600),
        ("30:00", 1800),
        ("0:07", 7),
        ("0:00", 0),
        ("1-02:00:00", 26 * 3600),
        ("UNLIMITED", 366 * 86400),
        ("INVALID", None),
        ("NOT_SET", None),
        ("", None),
        ("garbage\n30:00", 1800),
    ],
)
def test_squeue(tool, tmp_path: Path, printed: str, seconds: int | None) -> None:
    path = tool("squeue", printed + "\n")
    found = find({"PATH": path, "SLURM_JOB_ID": "17"})
    assert found == ("Slurm", seconds)
    assert (tmp_path / "arguments").read_text() == "-h -j 17 -o %L\n"


def test_squeue_is_asked_for_the_task_and_not_the_array(tool, tmp_path: Path) -> None:
    """The last task of an array has the array's own number."""
    environ = {"SLURM_JOB_ID": "17", "SLURM_ARRAY_JOB_ID": "17", "SLURM_ARRAY_TASK_ID": "9"}
    find({"PATH": tool("squeue", "1:00:00\n"), **environ})
    assert (tmp_path / "arguments").read_text() == "-h -j 17_9 -o %L\n"


def test_the_tool_gets_no_secret(tool, tmp_path: Path) -> None:
    environ = {
        "PATH": tool("squeue", "1:00:00\n"),
        "SLURM_JOB_ID": "17",
        "SLURM_CONF": "/etc/slurm.conf",
        "AWS_SECRET_ACCESS_KEY": "wJalr",
        "DATABASE_PASSWORD": "wJalr",
        "SQUEUE_FORMAT": "%i",
    }
    assert find(environ) == ("Slurm", 3600)
    told = (tmp_path / "environ").read_text()
    assert "wJalr" not in told
    assert "SQUEUE" not in told
    assert "SLURM_CONF=/etc/slurm.conf\n" in told


def test_the_variable_of_newer_slurm_needs_no_squeue(tool, tmp_path: Path) -> None:
    end = int(time.time()) + 7200
    environ = {"PATH": tool("squeue", "1:00\n"), "SLURM_JOB_ID": "17"}
    _, left = find({**environ, "SLURM_JOB_END_TIME": str(end)})
    assert left is not None
    assert 7100 <= left <= 7200
    assert not (tmp_path / "arguments").exists()


@pytest.mark.parametrize("then", ["exit 1", "sleep 60"])
def test_a_tool_that_fails_or_hangs_is_no_reason_to_fail(
    tool, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    monkeypatch.setattr(queries, "_TOOL_TIMEOUT_SECONDS", 0.5)
    path = tool("squeue", "4:00:00\n", f"exec {then}" if "sleep" in then else then)
    seconds, notice = job.session_seconds({"PATH": path, "SLURM_JOB_ID": "17"}, chained=False)
    assert seconds == 3600
    assert notice == (
        "Slurm did not report the remaining time of this job; the credentials will last 1h"
    )


def test_no_such_tool() -> None:
    assert find({"PATH": "/nonexistent", "PBS_JOBID": "1.srv"}) == ("PBS", None)
    assert find({"PATH": os.defpath}) == (None, None)


def test_pbs(tool, tmp_path: Path) -> None:
    path = tool("qstat", PBS)
    assert find({"PATH": path, "PBS_JOBID": "1234[5].server"}) == ("PBS", 12600)
    assert (tmp_path / "arguments").read_text() == "-f 1234[5].server\n"


def test_torque_says_it_in_a_variable(tool) -> None:
    path = tool("qstat", "qstat: Unknown Job Id 1.srv\n", "exit 153")
    environ = {"PATH": path, "PBS_JOBID": "1.srv", "PBS_WALLTIME": "7200"}
    assert find(environ) == ("PBS", 7200)


@pytest.mark.parametrize(
    ("printed", "seconds"),
    [
        ("1:30 L", 5400),
        ("1:30:20 L", 5420),
        ("0:05 L", 300),
        ("2:00 E", 7200),
        ("0:59 E", 3600),
        ("0:00 X", 3600),
        ("-", None),
        ("", None),
    ],
)
def test_lsf(tool, tmp_path: Path, printed: str, seconds: int | None) -> None:
    """By a limit; by an estimate only if it is long, since the job goes on beyond it."""
    environ = {"PATH": tool("bjobs", printed + "\n"), "LSB_JOBID": "9", "LSB_JOBINDEX": "3"}
    assert find(environ) == ("LSF", seconds)
    assert (tmp_path / "arguments").read_text() == "-noheader -o time_left 9[3]\n"


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        ("h_rt=14400", 14400),
        ("h_vmem=4G,h_rt=4:00:00", 14400),
        ("h_vmem=4G", None),
        ("h_rt=INFINITY", None),
    ],
)
def test_sge(tool, limit: str, seconds: int | None) -> None:
    environ = {"JOB_ID": "42", "SGE_TASK_ID": "7"}
    path = tool("qstat", SGE.format(limit=limit))
    assert find({"PATH": path, **environ}) == ("SGE", seconds)


def test_sge_counts_from_the_start_of_the_job(tool, tmp_path: Path) -> None:
    """Which is when its spool directory was made; qstat may be where only Grid Engine knows."""
    tool("qstat", SGE.format(limit="h_rt=14400"))
    (tmp_path / "config").touch()
    os.utime(tmp_path / "config", (0, time.time() - 600))
    environ = {"JOB_ID": "42", "SGE_TASK_ID": "undefined", "PATH": "/usr/bin:/bin"}
    places = {"SGE_BINARY_PATH": str(tmp_path), "SGE_JOB_SPOOL_DIR": str(tmp_path)}
    _, left = find({**environ, **places})
    assert left is not None
    assert 13700 <= left <= 13800


@given(st.text())
def test_whatever_a_variable_holds_it_never_fails(text: str) -> None:
    environ = {"SLURM_JOB_ID": "1", "SLURM_JOB_END_TIME": text, "PATH": "/nonexistent"}
    seconds, _ = job.session_seconds(environ, chained=False)
    assert 900 <= seconds <= 43200


@pytest.mark.parametrize(
    ("left", "chained", "seconds", "notice"),
    [
        (7200, False, 7200, None),
        (60, False, 900, "shorter than STS's minimum; the credentials will last 15m"),
        (-5, False, 900, "the credentials will last 15m"),
        (90000, False, 43200, "will last 12h, the maximum that STS allows"),
        (366 * 86400, False, 43200, "this job has no time limit; the credentials will last 12h"),
        (7200, True, 3600, "will last 1h, the maximum with role chaining"),
    ],
)
def test_what_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, left: int, chained: bool, seconds: int, notice: str | None
) -> None:
    monkeypatch.setattr(slurm, "seconds_left", lambda environ: left)
    environ = {"SLURM_JOB_ID": "1"}
    asked, said = job.session_seconds(environ, chained=chained)
    assert asked == seconds
    assert said is None if notice is None else notice in (said or "")
