"""What a job meets on a real Slurm: one process, every signal, its own exit status."""

import contextlib
import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from runner import ROLE, WHOAMI, wait_for
from scheduler.conftest import LISTENER, Submit
from scheduler.listener import HEARD
from scheduler.slurm import Cluster, Job
from servers.sts import ACCESS_DENIED, THROTTLING, Asked, Conversation, Sts

BECOME = f"exec aws-role-exec --role-arn {ROLE} --session-name auto"
WHO = shlex.join(WHOAMI)
RANK = shlex.join([sys.executable, str(Path(__file__).with_name("rank.py"))])
# Both nodes are one host here, whose shared memory Open MPI must not take for a node's; and no
# address but loopback is to be used.
OPEN_MPI = {
    "MCA_btl": "tcp,self",
    "MCA_btl_tcp_if_include": "lo",
    "MCA_oob_tcp_if_include": "lo",
    "ALLOW_RUN_AS_ROOT": "1",
    "ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}


def ready(job: Job) -> list[str]:
    """The words with which the listener says that it runs: pid, SLURM_TASK_PID."""
    return job.wait_for_output("ready").split("ready", 1)[1].split()[:2]


@pytest.fixture(scope="module", autouse=True)
def started_early(timed_job: Job) -> None:
    """The job that is to meet its time limit runs beside all others."""


class TestOneProcess:
    def test_the_program_is_the_process_that_slurm_started(
        self, cluster: Cluster, submit: Submit
    ) -> None:
        """SLURM_TASK_PID is its PID, and Slurm knows no other process of the job."""
        job = submit(f"{BECOME} -- {LISTENER}")
        pid, task_pid = ready(job)
        assert pid == task_pid
        node = job.facts["BatchHost"]
        listed = cluster.command("scontrol", "listpids", job.number, node)
        assert [line.split()[0] for line in listed.splitlines()[1:]] == [pid]
        measured = ["sstat", "--noheader", "--parsable2", f"--jobs={job.number}.batch"]
        assert cluster.command(*measured, "--pidformat").split() == [
            f"{job.number}.batch|{node}|{pid}"
        ]
        assert cluster.command(*measured, "--format=NTasks,MaxRSS").startswith("1|")

    def test_nothing_outlives_the_job(self, submit: Submit) -> None:
        """scancel ends the program itself."""
        job = submit(f"{BECOME} -- {LISTENER}")
        pid = int(ready(job)[0])
        job.cluster.command("scancel", job.number)
        assert job.wait()["JobState"] == "CANCELLED"
        assert not os.path.exists(f"/proc/{pid}")


class TestSignals:
    def test_scancel_reaches_the_program(self, submit: Submit) -> None:
        """Each of them, and the job goes on."""
        job = submit(f"{BECOME} -- {LISTENER}")
        ready(job)
        for each in HEARD:
            job.cluster.command("scancel", "--batch", f"--signal={each:d}", job.number)
            job.wait_for_output(f"got {each.name}\n")
        assert job.facts["JobState"] == "RUNNING"

    def test_it_stops_and_continues(self, submit: Submit) -> None:
        """As `scontrol suspend` would have it."""
        job = submit(f"{BECOME} -- {LISTENER}")
        pid = int(ready(job)[0])
        for name, state in (("STOP", "T"), ("CONT", "S")):
            job.cluster.command("scancel", "--batch", f"--signal={name}", job.number)
            wait_for(lambda state=state: process_state(pid) == state)

    def test_kill(self, submit: Submit) -> None:
        job = submit(f"{BECOME} -- {LISTENER}")
        ready(job)
        job.cluster.command("scancel", "--batch", "--signal=KILL", job.number)
        assert job.wait()["ExitCode"] == "0:9"
        wait_for(lambda: accounted(job) == {("FAILED", "0:9")})


class TestExit:
    @pytest.mark.parametrize(
        ("command", "state", "code"),
        [
            ("true", "COMPLETED", "0:0"),
            ("sh -c 'exit 3'", "FAILED", "3:0"),
            ("sh -c 'kill -SEGV $$'", "FAILED", "0:11"),
            ("no-such-program", "FAILED", "127:0"),
        ],
    )
    def test_slurm_sees_the_commands_own(
        self, submit: Submit, command: str, state: str, code: str
    ) -> None:
        job = submit(f"{BECOME} -- {command}")
        facts = job.wait()
        assert (facts["JobState"], facts["ExitCode"]) == (state, code)
        wait_for(lambda: accounted(job) == {(state, code)})

    def test_no_role_no_job(self, submit: Submit, sts: Sts) -> None:
        """The reason stands in the job's output, and the command never ran."""
        sts.always(ACCESS_DENIED)
        job = submit(f"{BECOME} -- echo ran")
        assert job.wait()["ExitCode"] == "125:0"
        assert "aws-role-exec: " in job.output
        assert "AccessDenied" in job.output
        assert "ran" not in job.output.split()


class TestSessions:
    def test_auto_takes_the_time_that_squeue_tells(self, submit: Submit, sts: Sts) -> None:
        job = submit(f"{BECOME} --duration auto -- true", "--time=2:00:00")
        assert job.wait()["JobState"] == "COMPLETED", job.output
        assert 7000 <= int(sts.asked[0].params["DurationSeconds"]) <= 7200

    @pytest.mark.parametrize(
        ("limit", "seconds", "said"),
        [("10", 900, "will last 15m"), ("2-0", 43200, "will last 12h"), ("0", 43200, "no time")],
    )
    def test_auto_stays_within_what_sts_gives(
        self, submit: Submit, sts: Sts, limit: str, seconds: int, said: str
    ) -> None:
        """And says so in the job's output."""
        job = submit(f"{BECOME} --duration auto -- true", f"--time={limit}")
        assert job.wait()["JobState"] == "COMPLETED", job.output
        assert sts.asked[0].params["DurationSeconds"] == str(seconds)
        assert said in job.output

    def test_a_requeued_job_asks_again(self, submit: Submit, sts: Sts) -> None:
        """Under the same name, since it is the same job."""
        job = submit(f"{BECOME} -- {LISTENER}", "--requeue", "--open-mode=append")
        ready(job)
        job.cluster.command("scontrol", "requeue", job.number)
        job.wait_for_output("ready", 120, times=2)
        assert job.facts["Restarts"] == "1"
        assert names(sts) == [f"slurm-{job.number}"] * 2
        job.cluster.cancel(job.number)

        def states() -> list[str]:
            rows = job.accounted(every_run=True)
            return [row["State"].split()[0] for row in rows if row["JobID"] == job.number]

        wait_for(lambda: states() == ["REQUEUED", "CANCELLED"])

    @pytest.mark.timeout(400)
    def test_an_array_of_200_at_once_under_throttling(
        self, cluster: Cluster, submit: Submit, sts: Sts
    ) -> None:
        """All succeed, and each task has a session of its own, named as sacct names the task: so
        CloudTrail can be joined with the cluster's accounting."""
        start = cluster.root / "out" / "start"
        os.mkfifo(start)
        throttle(sts, per_second=40)
        # Every task waits at the pipe for somebody to open its other end.
        task = "$SLURM_ARRAY_TASK_ID"
        job = submit(
            f"echo waiting {task}; : <{start}; {BECOME} --sts-timeout 2m -- echo done {task}",
            "--array=0-199",
            "--open-mode=append",
        )

        def said(word: str) -> set[str]:
            return set(re.findall(rf"(?m)^{word} (\d+)$", job.output))

        # On a small machine Slurm may leave one in a hundred that it calls running unstarted for
        # minutes. What is tested here is what becomes of those that did start, all at once.
        with contextlib.suppress(AssertionError):
            wait_for(lambda: len(said("waiting")) == 200, 90)
        waiting = said("waiting")
        assert len(waiting) >= 180
        with start.open("wb"):
            wait_for(lambda: said("done") >= waiting, 120)
            assert len(sts.asked) > len(waiting), "nothing was throttled"
        issued = {key.arn.rpartition("/")[2] for key in sts.issued}
        assert issued >= {f"slurm-{job.number}_{index}" for index in waiting}
        assert len(sts.issued) == len(issued)

        def completed() -> set[str]:
            rows = job.accounted()
            return {f"slurm-{row['JobID']}" for row in rows if row["State"] == "COMPLETED"}

        wait_for(lambda: issued <= completed(), 60)


class TestSrun:
    def test_every_rank_on_both_nodes_shares_one_session(self, submit: Submit, sts: Sts) -> None:
        job = submit(
            f"{BECOME} -- srun -l sh -c 'echo $SLURMD_NODENAME $AWS_ACCESS_KEY_ID'",
            "--nodes=2",
            "--ntasks=8",
            "--ntasks-per-node=4",
        )
        assert job.wait()["JobState"] == "COMPLETED", job.output
        ranks = re.findall(r"(?m)^\d: (n\d) (\S+)$", job.output)
        assert [node for node, _ in sorted(ranks)] == ["n1"] * 4 + ["n2"] * 4
        assert {key for _, key in ranks} == {sts.issued[0].access_key}
        assert len(sts.asked) == 1

    def test_the_identity_is_the_jobs(self, submit: Submit) -> None:
        """A rank asks who it is."""
        job = submit(f"{BECOME} -- srun -N2 -n2 {WHO}", "--nodes=2")
        assert job.wait()["JobState"] == "COMPLETED", job.output
        assert job.output.count(f"my-role/slurm-{job.number}") == 2


class TestMpi:
    @pytest.mark.parametrize("launcher", ["srun --mpi=pmix", "mpirun"])
    def test_open_mpi_over_both_nodes_shares_one_session(
        self, submit: Submit, sts: Sts, launcher: str
    ) -> None:
        """The ranks gather what they hold by MPI itself."""
        settings = [f"export OMPI_{name}={value}" for name, value in OPEN_MPI.items()]
        job = submit(
            "; ".join([*settings, f"{BECOME} -- {launcher} {RANK}"]),
            "--nodes=2",
            "--ntasks-per-node=2",
        )
        assert job.wait()["JobState"] == "COMPLETED", job.output
        (line,) = [line for line in job.output.splitlines() if line.startswith("gathered ")]
        key = sts.issued[0].access_key
        assert line.split()[1:] == [f"n1:{key}", f"n1:{key}", f"n2:{key}", f"n2:{key}"]
        assert len(sts.asked) == 1


class TestTimeLimit:
    def test_signal_before_the_end_then_term_then_kill(self, timed_job: Job) -> None:
        """A checkpoint at USR1, a warning at TERM, and no program left after KILL."""
        pid = int(ready(timed_job)[0])
        assert timed_job.wait(170)["JobState"] == "TIMEOUT"
        signals = re.findall(r"got (SIG\w+)", timed_job.output)
        assert [name for name in signals if name != "SIGCONT"] == ["SIGUSR1", "SIGTERM"]
        wait_for(lambda: accounted(timed_job) == {("TIMEOUT", "0:0")})
        assert not os.path.exists(f"/proc/{pid}")


def accounted(job: Job) -> set[tuple[str, str]]:
    """State and exit status of the job as sacct has them, once it has them."""
    rows = job.accounted()
    return {(row["State"], row["ExitCode"]) for row in rows if row["JobID"] == job.number}


def process_state(pid: int) -> str:
    """proc(5): S sleeping, T stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def throttle(sts: Sts, per_second: int) -> None:
    """Have it answer so many requests a second, none in advance, and throttle the others."""
    answered: list[float] = []

    def limited(conversation: Conversation, asked: Asked) -> None:
        if len(answered) < per_second * (asked.at - sts.asked[0].at):
            answered.append(asked.at)
            sts.answer(conversation, asked)
        else:
            THROTTLING(conversation, asked)

    sts.always(limited)


def names(sts: Sts) -> list[str]:
    return [asked.params["RoleSessionName"] for asked in sts.asked]
