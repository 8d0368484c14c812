"""`--renew` on a real Slurm: jobs longer than their sessions, and nothing left when they end.

Sessions last five seconds here. What takes long is submitted before the first test.
"""

import contextlib
import os
import re
import shlex
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import ROLE, WHOAMI, wait_for
from scheduler.conftest import CLIENT
from scheduler.daemons import processes_with
from scheduler.slurm import Cluster, Job
from servers.sts import ACCESS_DENIED, BASE, Asked, Conversation, Sts

SESSION_SECONDS = 5
NOBODY = 65534
RENEW = f"aws-role-exec --renew --role-arn {ROLE} --session-name auto --"
WHO = shlex.join(WHOAMI)
MAP = """\
partition=gpu               arn:aws:iam::123456789012:role/for-gpu
partition=plain,user=nobody arn:aws:iam::123456789012:role/refused
partition=plain,user=daemon arn:aws:iam::123456789012:role/given-once
"""


class Site:
    """The cluster, with an STS whose sessions are short, and root's map of roles."""

    def __init__(self, cluster: Cluster, sts: Sts) -> None:
        self.cluster = cluster
        self.sts = sts
        self.env = {
            "AWS_ACCESS_KEY_ID": BASE.access_key,
            "AWS_SECRET_ACCESS_KEY": BASE.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_STS": sts.url,
        }
        self.jobs: list[Job] = []

    def submit(self, script: str, *options: str) -> Job:
        """As a user with the base identity, who renews; TMPDIR is a directory of the job's own."""
        private = self.cluster.root / "out" / f"private-{len(self.jobs)}"
        private.mkdir()
        env = {**self.env, "TMPDIR": str(private)}
        self.jobs.append(self.cluster.submit(script, *options, env=env))
        return self.jobs[-1]

    def submit_plain(self, script: str, *options: str) -> Job:
        """As a user who has nothing to do with AWS, on the first node, unless told otherwise."""
        if not any(option.startswith("--node") for option in options):
            options = ("--nodelist=n1", *options)
        words = ("--partition=gpu", f"--uid={NOBODY}", *options)
        env = {"AWS_ENDPOINT_URL_STS": self.sts.url, "AWS_REGION": "eu-west-1"}  # for its SDK
        self.jobs.append(self.cluster.submit(script, *words, env=env))
        return self.jobs[-1]

    def issued(self, job: Job, task: str = "") -> list[str]:
        """The keys that STS gave for the job, or for a task of an array, in order."""
        name = f"/slurm-{job.number}{task}"
        return [key.access_key for key in self.sts.issued if key.arn.endswith(name)]

    def private(self, job: Job) -> list[Path]:
        """Everything that is there for the job: helpers' directories, and root's."""
        own = self.cluster.root / "out" / f"private-{self.jobs.index(job)}"
        roots = [self.cluster.root / "run" / node / job.number for node in ("n1", "n2")]
        return [*own.glob("*"), *(root for root in roots if root.exists())]

    def nothing_is_left(self, job: Job) -> None:
        """No process of it, helpers included, and no directory."""
        wait_for(lambda: not processes(job) and not self.private(job), 60)

    def keys(self, job: Job, node: str = r"\w+") -> list[str]:
        """What the clients of a job printed, in order."""
        return re.findall(rf"(?m)^(?:\d: )?key {node} \S+ (\S+)$", job.output)


def processes(job: Job) -> dict[int, str]:
    """Every process of a job's, helpers included, and what it is called."""
    names = ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID")
    return processes_with(*(f"{name}={job.number}" for name in names))


def helpers(job: Job) -> list[int]:
    """Without the process that a helper has while it renews."""
    named = {number for number, name in processes(job).items() if name == "aws-role-renew"}
    return [number for number in named if status(number).get("PPid") not in map(str, named)]


def status(number: int) -> dict[str, str]:
    """What proc(5) says of a process, and nothing of one that has ended."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return {}


def ready(job: Job) -> list[str]:
    """The words with which the client says that it runs: pid, SLURM_TASK_PID."""
    return job.wait_for_output("ready").split("ready", 1)[1].split()[:2]


def by_role(conversation: Conversation, asked: Asked) -> None:
    """What STS answers: one role to nobody, and one the first time only."""
    role = asked.params.get("RoleArn", "").rpartition("/")[2]
    given = any(f":assumed-role/{role}/" in key.arn for key in conversation.server.issued)
    if role == "refused" or (role == "given-once" and given):
        ACCESS_DENIED(conversation, asked)
    else:
        conversation.server.answer(conversation, asked)


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[Site]:
    with Sts() as sts:
        sts.session_seconds = SESSION_SECONDS
        sts.always(by_role)
        site = Site(cluster, sts)
        (cluster.root / "etc/roles.map").write_text(MAP)
        settings = cluster.root / "etc/base.env"
        settings.touch(mode=0o600)
        lines = {**site.env, "AWS_ROLE_EXEC_RENEW": "true"}.items()
        settings.write_text("".join(f"{name}={value}\n" for name, value in lines))
        yield site
        cluster.cancel(*(job.number for job in site.jobs))
        (cluster.root / "etc/roles.map").unlink()
        settings.unlink()
        states = cluster.command("sinfo", "-h", "-o", "%T").split()
        assert not {"drained", "draining", "down"} & set(states), "a node is drained"


@pytest.fixture(scope="module", autouse=True)
def timed(site: Site) -> Job:
    """A job that meets its time limit while other tests run."""
    return site.submit(f"exec {RENEW} {CLIENT}", "--time=1")


@pytest.fixture(scope="module", autouse=True)
def requeued(site: Site) -> tuple[Job, Job]:
    """Two that are put back into the queue, where Slurm leaves them for half a minute."""
    options = ("--requeue", "--open-mode=append")
    jobs = (
        site.submit(f"exec {RENEW} {CLIENT}", *options),
        site.submit_plain(f"exec {CLIENT}", *options),
    )
    for job in jobs:
        ready(job)
        site.cluster.command("scontrol", "requeue", job.number)
    return jobs


class TestJob:
    """A job script that says `--renew`."""

    def test_it_runs_longer_than_its_sessions(self, site: Site) -> None:
        """The program is the process that Slurm started; the helper is in the job, and the job's
        end and exit status are the program's."""
        job = site.submit(f"exec {RENEW} {CLIENT} 3")
        pid, task_pid = ready(job)
        assert pid == task_pid
        (helper,) = helpers(job)
        listed = site.cluster.command("scontrol", "listpids", job.number, job.facts["BatchHost"])
        assert {pid, str(helper)} <= {line.split()[0] for line in listed.splitlines()[1:]}
        assert job.wait()["ExitCode"] == "0:0", job.output
        assert set(site.keys(job)) <= set(site.issued(job))
        wait_for(lambda: {row["State"] for row in job.accounted()} == {"COMPLETED"})
        site.nothing_is_left(job)

    def test_each_task_of_an_array_renews_its_own(self, site: Site) -> None:
        job = site.submit(f"exec {RENEW} {CLIENT} 2", "--array=3,7", "--open-mode=append")
        assert job.wait()["JobState"] == "COMPLETED", job.output
        for task in ("_3", "_7"):
            assert len(set(site.keys(job)) & set(site.issued(job, task))) == 2
        site.nothing_is_left(job)

    def test_each_node_has_a_helper(self, site: Site) -> None:
        """Where srun starts it: a helper serves the node that it is on."""
        job = site.submit(f"srun -l -N2 -n2 {RENEW} {CLIENT} 2", "--nodes=2")
        assert job.wait()["JobState"] == "COMPLETED", job.output
        of_nodes = [site.keys(job, node) for node in ("n1", "n2")]
        assert [len(keys) for keys in of_nodes] == [2, 2]
        assert not set(of_nodes[0]) & set(of_nodes[1])
        assert len(set(ports(job))) == 2
        site.nothing_is_left(job)

    @pytest.mark.parametrize(
        ("how", "state", "code"),
        [((), "CANCELLED", "0:15"), (("--batch", "--signal=KILL"), "FAILED", "0:9")],
        ids=["scancel", "kill"],
    )
    def test_nothing_outlives_it(
        self, site: Site, how: tuple[str, ...], state: str, code: str
    ) -> None:
        job = site.submit(f"exec {RENEW} {CLIENT}")
        job.wait_for_output("key")
        assert len(helpers(job)) == 1
        site.cluster.command("scancel", *how, job.number)
        facts = job.wait()
        assert (facts["JobState"], facts["ExitCode"]) == (state, code)
        site.nothing_is_left(job)

    def test_a_helper_that_was_killed_leaves_no_other_identity(self, site: Site) -> None:
        """Clients fail from then on. What it leaves is removed by the user's next run."""
        job = site.submit(f"{RENEW} {CLIENT}; echo ended; exec {RENEW} true")
        job.wait_for_output("key")
        os.kill(*helpers(job), signal.SIGKILL)
        assert job.wait()["JobState"] == "COMPLETED", job.output
        assert "Connection refused" in job.output
        site.nothing_is_left(job)

    def test_a_requeued_job_starts_anew(self, site: Site, requeued: tuple[Job, Job]) -> None:
        """With a helper, a token and credentials of its own."""
        job, _ = requeued
        has_started_anew(site, job)


class TestProlog:
    """packaging/slurm with AWS_ROLE_EXEC_RENEW=true: the script knows nothing of roles."""

    def test_a_job_runs_longer_than_its_sessions(self, site: Site) -> None:
        """Under the map's role, from files that are its user's alone; no key is anywhere."""
        files = "token credentials config variables"
        script = (
            f"set -e; {CLIENT} 3; env; cd {site.cluster.root}/run/n1/"
            f'$SLURM_JOB_ID; stat -c "%u %a %n" {files}; cat {files}'
        )
        job = site.submit_plain(script, "--export=ALL,AWS_ACCESS_KEY_ID=AKIASUBMITTED,no_proxy=a.b")
        assert job.wait()["JobState"] == "COMPLETED", job.output
        assert set(site.keys(job)) <= set(site.issued(job))
        assert [f"{NOBODY} 400 {name}" in job.output for name in files.split()] == [True] * 4
        assert not re.search(r"(?m)^AWS_(ACCESS_KEY|SECRET|SESSION)", job.output)
        assert "\nno_proxy=a.b,127.0.0.1\n" in job.output
        assert "\nNO_PROXY=a.b,127.0.0.1\n" in job.output
        site.nothing_is_left(job)

    def test_each_node_has_a_helper(self, site: Site) -> None:
        """For the tasks that run there; an SDK gets the identity from it."""
        task = shlex.quote(f"{WHO} && {CLIENT} 2")
        job = site.submit_plain(f"srun -l -N2 -n2 sh -c {task}", "--nodes=2", "--uid=0")
        assert job.wait()["JobState"] == "COMPLETED", job.output
        assert job.output.count(f":assumed-role/for-gpu/slurm-{job.number}\n") == 2
        of_nodes = [site.keys(job, node) for node in ("n1", "n2")]
        assert [len(keys) for keys in of_nodes] == [2, 2]
        assert not set(of_nodes[0]) & set(of_nodes[1])
        site.nothing_is_left(job)

    def test_the_nodes_identity_stays_roots(self, site: Site) -> None:
        """The job's user can neither end what holds it nor look into it; another user cannot ask
        for the job's credentials."""
        numbers = site.cluster.root / "out/numbers"
        job = site.submit_plain(
            f"echo started; until [ -s {numbers} ]; do sleep 0.1; done;"
            f" for n in $(cat {numbers}); do kill -9 $n; cat /proc/$n/environ; done; rm -rf"
            f" {site.cluster.root}/run/n1/$SLURM_JOB_ID; echo tried; exec {CLIENT} 2"
        )
        place = site.cluster.root / "run/n1" / job.number
        job.wait_for_output("started")
        roots = [number for number, name in processes(job).items() if name == "sh"]
        roots += helpers(job)
        assert [status(number)["Uid"].split()[0] for number in roots] == ["0", "0"]
        numbers.write_text(" ".join(map(str, roots)))
        job.wait_for_output("tried")
        assert job.output.count("Operation not permitted") == len(roots)
        assert job.output.count("environ: Permission denied") == len(roots)
        assert stat.S_IMODE(place.stat().st_mode) == 0o711
        port = (place / "variables").read_text().split("127.0.0.1:")[1].split("/")[0]
        ask = (
            f"exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET /credentials HTTP/1.1\\r\\n\\r\\n' >&3"
        )
        spy = site.submit_plain(
            f"cat {place}/token {place}/variables; {ask}; cat <&3",
            "--uid=2",
            "--partition=plain",
        )
        assert spy.wait()["JobState"] == "COMPLETED", spy.output
        assert spy.output.count("Permission denied") == 2
        assert "HTTP/1.1 401 " in spy.output
        assert job.wait()["JobState"] == "COMPLETED", job.output
        numbers.unlink()

    def test_a_refusal_is_told_in_the_jobs_output(self, site: Site) -> None:
        """The task does not run, and nothing is left."""
        job = site.submit_plain("echo ran", "--partition=plain")
        assert job.wait()["JobState"] == "FAILED"
        assert "no credentials for this job: aws-role-exec: " in job.output
        assert "AccessDenied" in job.output
        assert "ran" not in job.output.split()
        site.nothing_is_left(job)

    def test_a_refusal_later_on_is_told_to_clients(self, site: Site) -> None:
        """Once the last credentials have expired, and in a file: no other identity is used."""
        script = f"{CLIENT}; cat {site.cluster.root}/run/n1/$SLURM_JOB_ID/renewal"
        job = site.submit_plain(script, "--partition=plain", "--uid=1")
        assert job.wait()["JobState"] == "COMPLETED", job.output
        assert len(site.keys(job)) == 1
        answer, log = job.output.split("HTTP/1.1 500 ")[1].split("aws-role-exec: ", 1)
        assert "AccessDenied" in answer
        assert log.startswith("renewal failed, the current credentials last ")
        site.nothing_is_left(job)

    def test_an_allocation_without_a_step_keeps_its_credentials(self, site: Site) -> None:
        """As of `salloc`: there is no process on the node, and the job has not ended."""
        words = ("--no-shell", "--partition=gpu", "--nodelist=n1", "--job-name=idle")
        site.cluster.command("salloc", *words)
        (number,) = site.cluster.command("squeue", "-h", "-n", "idle", "-o", "%A").split()
        job = Job(site.cluster, number, site.cluster.root / "out/idle")
        wait_for(lambda: len(site.issued(job)) >= 3, 60)
        task = ("srun", f"--jobid={number}", *shlex.split(CLIENT), "2")
        assert site.cluster.command(*task).count("key n1 ") == 2
        site.cluster.cancel(number)
        wait_for(lambda: not processes(job))
        assert not (site.cluster.root / "run/n1" / number).exists()

    def test_a_requeued_job_starts_anew(self, site: Site, requeued: tuple[Job, Job]) -> None:
        """With a helper, a token and credentials of its own."""
        _, job = requeued
        has_started_anew(site, job)

    def test_without_an_epilog_nothing_is_left(self, site: Site) -> None:
        """What holds the credentials sees for itself that the job has gone."""
        epilog = site.cluster.root / "epilog.sh"
        text = epilog.read_text()
        epilog.write_text("#!/bin/sh\nexit 0\n")
        try:
            job = site.submit_plain(f"exec {CLIENT} 1")
            assert job.wait()["JobState"] == "COMPLETED", job.output
            site.nothing_is_left(job)
        finally:
            epilog.write_text(text)

    def test_without_slurmd_it_is_renewed_and_ends_with_the_job(self, site: Site) -> None:
        """slurmd was killed: the job goes on, and no epilog follows it."""
        job = site.submit_plain(f"exec {CLIENT} 4", "--nodelist=n2")
        job.wait_for_output("key n2 ")
        site.cluster.kill_node("n2")
        try:
            job.wait_for_output("key n2 ", times=4)
            site.nothing_is_left(job)
        finally:
            site.cluster.start_node("n2")
            state = ("sinfo", "-h", "-p", "plain", "-n", "n2", "-o", "%T")
            wait_for(lambda: site.cluster.command(*state).strip() in ("idle", "mixed"), 60)
        assert job.wait()["JobState"] == "COMPLETED", job.output


class TestTimeLimit:
    def test_the_time_limit_ends_it(self, site: Site, timed: Job) -> None:
        """After a dozen sessions; the helper with it."""
        assert timed.wait(200)["JobState"] == "TIMEOUT"
        keys = site.keys(timed)
        assert len(keys) >= 3
        assert set(keys) <= set(site.issued(timed))
        site.nothing_is_left(timed)


def has_started_anew(site: Site, job: Job) -> None:
    """It runs for the second time, with nothing of the first; nothing is left after it."""
    job.wait_for_output("ready", 150, times=2)
    _, first, _ = job.output.split("ready")
    job.wait_for_output("key", times=first.count("key ") + 2)
    assert len(helpers(job)) == 1
    assert len(site.private(job)) == 1
    assert ports(job)[0] != ports(job)[-1]
    assert len(set(site.keys(job))) == len(site.keys(job))
    site.cluster.cancel(job.number)
    site.nothing_is_left(job)


def ports(job: Job) -> list[str]:
    """Those that the clients asked at, in the order of the keys."""
    return re.findall(r"key \w+ (\d+) ", job.output)
