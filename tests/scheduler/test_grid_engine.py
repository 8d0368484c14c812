"""What a job meets on a real Grid Engine, and packaging/sge there: roles for jobs whose scripts
know nothing of them."""

import os
import re
import shlex
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from runner import ROLE, wait_for
from scheduler.conftest import CLIENT, LISTENER
from scheduler.daemons import processes_with
from scheduler.grid_engine import GridEngine, Job
from servers.sts import ACCESS_DENIED, Sts

NOBODY = 65534
BECOME = f"exec aws-role-exec --role-arn {ROLE} --session-name auto"
SHOW = 'cat "$AWS_SHARED_CREDENTIALS_FILE"; echo "keys=${AWS_ACCESS_KEY_ID-none}"'
STAT = 'stat -c "%u %a" "$AWS_SHARED_CREDENTIALS_FILE"'
MAP = """\
# conditions  role
user=root,queue=plain.q  -
queue=gpu.q,user=root    arn:aws:iam::123456789012:role/for-root
project=climate          arn:aws:iam::123456789012:role/for-climate
queue=gpu.q              arn:aws:iam::123456789012:role/for-gpu
"""
Submit = Callable[..., Job]


@pytest.fixture
def submit(cell: GridEngine, job_env: Mapping[str, str]) -> Iterator[Submit]:
    """Submit a script that sees the base identity; nothing of it is left in the queue."""
    jobs: list[Job] = []

    def start(script: str | Path, *options: str, **more: object) -> Job:
        more.setdefault("env", job_env)
        if "-q" not in options:  # a second one would be another to choose from
            options = ("-q", "plain.q", *options)
        jobs.append(cell.submit(script, *options, **more))  # type: ignore[arg-type]
        return jobs[-1]

    yield start
    cell.cancel(*(job.number for job in jobs))
    assert set(cell.queues().values()) == {""}, "a queue is closed"


def ready(job: Job) -> int:
    """The process id with which the listener says that it runs."""
    return int(job.wait_for_output("ready").split("ready", 1)[1].split()[0])


@pytest.fixture(scope="module", autouse=True)
def timed(cell: GridEngine, session_env: Mapping[str, str]) -> Iterator[Job]:
    """A job that meets its time limit while other tests run: Grid Engine takes its time with it."""
    limits = ("-l", "s_rt=2,h_rt=6")
    job = cell.submit(f"{BECOME} -- {LISTENER}", "-q", "plain.q", *limits, env=session_env)
    ready(job)
    yield job
    cell.cancel(job.number)


class TestOneProcess:
    def test_the_program_is_the_process_that_the_shepherd_started(
        self, cell: GridEngine, submit: Submit
    ) -> None:
        job = submit(f"{BECOME} -- {LISTENER}")
        pid = ready(job)
        spool = cell.root / f"spool/execd/localhost/active_jobs/{job.number}.1"
        assert (spool / "job_pid").read_text().strip() == str(pid)
        shepherd = re.search(r"^PPid:\s+(\d+)$", Path(f"/proc/{pid}/status").read_text(), re.M)
        assert shepherd is not None
        assert Path(f"/proc/{shepherd[1]}/comm").read_text() == "sge_shepherd\n"

    def test_nothing_outlives_the_job(self, cell: GridEngine, submit: Submit) -> None:
        """qdel ends the program and what it started, but for what left for a session of its own."""
        both = f"sleep 600 & echo $! $$; {LISTENER} & wait"
        job = submit(f"{BECOME} -- sh -c {shlex.quote(both)}")
        pids = [ready(job), *map(int, job.output.split("ready")[0].split())]
        cell.command("qdel", job.number)
        assert job.wait()["failed"].startswith("100")
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))

    @pytest.mark.parametrize(("how", "status"), [("exit 7", "7"), ("kill -TERM $$", "143")])
    def test_its_end_is_the_jobs(self, submit: Submit, how: str, status: str) -> None:
        """What qacct shows is the program's own exit status or signal."""
        job = submit(f"{BECOME} -- sh -c {shlex.quote(how)}")
        assert job.wait()["exit_status"].split()[0] == status


class TestSignals:
    def test_a_notice_before_the_end(self, cell: GridEngine, submit: Submit) -> None:
        """`qsub -notify`: SIGUSR2 reaches the program some time before qdel kills it."""
        job = submit(f"{BECOME} -- {LISTENER}", "-notify")
        pid = ready(job)
        cell.command("qdel", job.number)
        job.wait_for_output("got SIGUSR2")
        job.wait()
        assert not os.path.exists(f"/proc/{pid}")

    def test_it_stops_and_continues(self, cell: GridEngine, submit: Submit) -> None:
        job = submit(f"{BECOME} -- {LISTENER}")
        status = Path(f"/proc/{ready(job)}/status")
        cell.command("qmod", "-sj", job.number)
        wait_for(lambda: "State:\tT" in status.read_text())
        cell.command("qmod", "-usj", job.number)
        wait_for(lambda: "State:\tS" in status.read_text())


class TestAuto:
    """Names and durations that Grid Engine tells."""

    def test_a_job(self, submit: Submit, sts: Sts) -> None:
        """Outside arrays SGE_TASK_ID is a word."""
        job = submit(f"{BECOME} --duration auto -- true")
        assert job.wait()["exit_status"] == "0", job.output
        (asked,) = sts.asked
        assert asked.params["RoleSessionName"] == f"sge-{job.number}"
        assert asked.params["DurationSeconds"] == "3600"
        assert "SGE did not report the remaining time of this job" in job.output

    def test_the_tasks_of_an_array(self, submit: Submit, sts: Sts) -> None:
        job = submit(f"{BECOME} -- true", "-t", "3-7:4")
        job.wait()
        assert {asked.params["RoleSessionName"] for asked in sts.asked} == {
            f"sge-{job.number}_{task}" for task in (3, 7)
        }

    @pytest.mark.parametrize("array", [(), ("-t", "2-2")])
    def test_the_time_that_is_left(self, submit: Submit, sts: Sts, array: tuple[str, ...]) -> None:
        """Of the hard limit, less what has gone by."""
        options = ("-l", "h_rt=2:00:00", "-soft", "-l", "h_vmem=1G", *array)
        job = submit(f"sleep 3; {BECOME} --duration auto -- true", *options)
        assert job.wait()["exit_status"] == "0", job.output
        assert 6900 <= int(sts.asked[0].params["DurationSeconds"]) <= 7198


@pytest.fixture
def base(cell: GridEngine, job_env: Mapping[str, str]) -> Iterator[Path]:
    """The cell with a map and root's base identity; where its host has the files."""
    (cell.root / "etc/roles.map").write_text(MAP)
    settings = cell.root / "etc/base.env"
    settings.touch(mode=0o600)
    settings.write_text("".join(f"{name}={value}\n" for name, value in job_env.items()))
    yield cell.root / "run"
    (cell.root / "etc/roles.map").unlink()
    settings.unlink()


@pytest.fixture
def plain(submit: Submit) -> Submit:
    """Submit as a user who has nothing to do with AWS, to the queue whose jobs have a role."""

    def start(script: str, *options: str, **more: object) -> Job:
        if "-q" not in options:
            options = ("-q", "gpu.q", *options)
        return submit(script, *options, **{"user": NOBODY, "env": {}, **more})

    return start


class TestProlog:
    def test_a_job_of_the_queue_has_its_role(self, base: Path, plain: Submit, sts: Sts) -> None:
        """In a file that is its user's alone; what was submitted along does not win over it."""
        along = {
            "AWS_ACCESS_KEY_ID": "AKIASUBMITTED",
            "AWS_PROFILE": "mine",
            "AWS_SHARED_CREDENTIALS_FILE": "/tmp/mine",
            "KEPT": "two\nlines=1",
        }
        job = plain(f'{SHOW}\n{STAT}\nenv | grep ^AWS_\necho "$KEPT"', env=along)
        assert job.wait()["exit_status"] == "0", job.output
        assert sts.issued[0].access_key in job.output
        assert "keys=none" in job.output
        assert f"{NOBODY} 600" in job.output
        assert re.findall(r"^(AWS_\w+)=", job.output, re.M) == ["AWS_SHARED_CREDENTIALS_FILE"]
        assert job.output.endswith("two\nlines=1\n")
        assert sts.issued[0].arn.endswith(f"assumed-role/for-gpu/sge-{job.number}")
        assert not (base / job.number).exists()

    def test_the_users_line_goes_first(self, base: Path, plain: Submit, sts: Sts) -> None:
        job = plain(SHOW, user=0)
        assert job.wait()["exit_status"] == "0", job.output
        assert "/for-root/" in sts.issued[0].arn

    def test_a_project_has_a_role(self, base: Path, plain: Submit, sts: Sts) -> None:
        job = plain(SHOW, "-q", "plain.q", "-P", "climate")
        assert job.wait()["exit_status"] == "0", job.output
        assert "/for-climate/" in sts.issued[0].arn

    def test_each_task_has_its_own(self, base: Path, plain: Submit, sts: Sts) -> None:
        """Session and file."""
        job = plain(SHOW, "-t", "1-3")
        assert {row["exit_status"] for row in (job.wait(), *job.accounted())} == {"0"}
        names = {key.arn.rpartition("/")[2] for key in sts.issued}
        assert names == {f"sge-{job.number}_{task}" for task in (1, 2, 3)}
        assert all(key.access_key in job.output for key in sts.issued)
        assert os.listdir(base) == []

    def test_a_job_without_a_role_is_untouched(self, base: Path, plain: Submit, sts: Sts) -> None:
        job = plain("env", "-q", "plain.q", env={"AWS_PROFILE": "mine"})
        assert job.wait()["exit_status"] == "0", job.output
        assert "AWS_PROFILE=mine\n" in job.output
        assert job.output.count("AWS_") == 1
        assert sts.asked == []

    def test_a_refusal_is_told_in_the_jobs_output(
        self, cell: GridEngine, base: Path, plain: Submit, sts: Sts
    ) -> None:
        """The job does not run and the queue stays open. Once the reason is gone, the job can
        be started again."""
        sts.always(ACCESS_DENIED)
        job = plain(f"echo ran; {SHOW}")
        wait_for(lambda: job.states == ["Eqw"])
        assert "aws-role-exec: no credentials for this job: aws-role-exec: " in job.output
        assert "AccessDenied" in job.output
        assert "ran" not in job.output.split()
        assert set(cell.queues().values()) == {""}
        sts.always(None)
        cell.command("qmod", "-cj", job.number, may_fail=True)  # it says 1 for done
        job.wait_for_output("aws_access_key_id")
        assert job.wait()["exit_status"] == "0"

    def test_a_requeued_job_gets_new_ones(
        self, cell: GridEngine, base: Path, plain: Submit, sts: Sts
    ) -> None:
        job = plain(f"{SHOW}; echo ready; sleep 600", "-r", "y")
        job.wait_for_output("ready")
        cell.command("qmod", "-rj", job.number)
        wait_for(lambda: job.output.count("ready") == 2, 120)
        assert len(sts.issued) == 2
        assert all(key.access_key in job.output for key in sts.issued)


class TestRenewal:
    """Sessions last five seconds here, and jobs last longer."""

    @pytest.fixture(autouse=True)
    def renewing(self, base: Path, sts: Sts) -> None:
        sts.session_seconds = 5
        with (base.parent / "etc/base.env").open("a") as settings:
            settings.write("AWS_ROLE_EXEC_RENEW=true\n")

    def test_a_job_script_renews(self, submit: Submit, sts: Sts) -> None:
        """Its process is the program, and the helper ends with it."""
        job = submit(f"{BECOME} --renew -- {CLIENT} 2")
        assert job.wait()["exit_status"] == "0", job.output
        assert set(keys(job)) <= {key.access_key for key in sts.issued}
        wait_for(lambda: not processes_with(f"JOB_ID={job.number}"))

    def test_a_job_of_the_queue_is_renewed(self, base: Path, plain: Submit, sts: Sts) -> None:
        """Each task by a helper of its own; nothing that was submitted along stands in the way."""
        along = {"AWS_PROFILE": "mine", "AWS_EC2_METADATA_DISABLED": "no", "no_proxy": "a.b"}
        job = plain(f"set -e; {CLIENT} 3; env", "-t", "1-2", env=along)
        assert {row["exit_status"] for row in (job.wait(), *job.accounted())} == {"0"}, job.output
        for task in (1, 2):
            name = f":assumed-role/for-gpu/sge-{job.number}_{task}"
            issued = {key.access_key for key in sts.issued if key.arn.endswith(name)}
            assert len(issued & set(keys(job))) == 3
        assert not re.search(r"(?m)^AWS_(ACCESS_KEY|SECRET|SESSION)", job.output)
        for line in ("AWS_PROFILE=aws-role-exec", "AWS_EC2_METADATA_DISABLED=true"):
            assert job.output.count(f"\n{line}\n") == 2
        for name in ("no_proxy", "NO_PROXY"):
            assert job.output.count(f"\n{name}=a.b,127.0.0.1\n") == 2
        wait_for(lambda: not processes_with(f"JOB_ID={job.number}") and not os.listdir(base))

    def test_without_an_epilog_nothing_is_left(
        self, cell: GridEngine, base: Path, plain: Submit
    ) -> None:
        """What holds the credentials sees for itself that the job has gone."""
        epilog = cell.root / "epilog.sh"
        text = epilog.read_text()
        epilog.write_text("#!/bin/sh\nexit 0\n")
        try:
            job = plain(f"{CLIENT} 2")
            assert job.wait()["exit_status"] == "0", job.output
            wait_for(lambda: not processes_with(f"JOB_ID={job.number}") and not os.listdir(base))
        finally:
            epilog.write_text(text)

    def test_a_refusal_is_told_in_the_jobs_output(
        self, base: Path, plain: Submit, sts: Sts
    ) -> None:
        """The job does not run, and nothing is held for it."""
        sts.always(ACCESS_DENIED)
        job = plain("echo ran")
        wait_for(lambda: job.states == ["Eqw"])
        assert "no credentials for this job: aws-role-exec: " in job.output
        assert "AccessDenied" in job.output
        assert "ran" not in job.output.split()
        wait_for(lambda: not processes_with(f"JOB_ID={job.number}"))


def keys(job: Job) -> list[str]:
    """What the clients of a job printed."""
    return re.findall(r"(?m)^key \S+ \d+ (\S+)$", job.output)


class TestAttacks:
    """By a user who knows the prolog, and which number the next job gets."""

    def test_the_environment_does_not_lead_root_astray(
        self, cell: GridEngine, base: Path, plain: Submit, sts: Sts
    ) -> None:
        """Grid Engine hands it to the prolog: functions for bash, a PATH, names of its own."""
        own = cell.root / "out/own"
        own.mkdir()
        evil = f"() {{ echo $EUID >>{own}/evil;\n }}"
        for name in ("sed", "env", "id", "grep", "bash", "printf"):
            (own / name).write_text(f"#!/bin/sh\nid -u >>{own}/evil\n")
            (own / name).chmod(0o755)
        (own / "config").write_text("job_owner=root\nqueue=gpu.q\nacct_project=none\n")
        (own / "environment").write_text("X=1\n")
        own.chmod(0o777)
        hostile = {
            **{f"BASH_FUNC_{name}%%": evil for name in ("sed", "env", "printf", "fact", "[")},
            "BASH_ENV": str(own / "sed"),
            "ENV": str(own / "sed"),
            "SHELLOPTS": "xtrace",
            "PS4": f"$(id -u >>{own}/evil)",
            "PATH": str(own),
            "JOB_ID": "1",
            "SGE_TASK_ID": "../..",
            "SGE_JOB_SPOOL_DIR": str(own),
            "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
            "AWS_ROLE_EXEC_MODE": "0644",
            "AWS_ROLE_EXEC_ROLE_ARN": "arn:aws:iam::123456789012:role/hostile",
        }
        job = plain("PATH=/usr/bin:/bin; " + STAT, "-S", "/bin/dash", env=hostile)
        job.wait()
        assert f"{NOBODY} 600" in job.output
        ran = (own / "evil").read_text().split() if (own / "evil").exists() else []
        assert "0" not in ran, "root ran something of the user's"
        assert sts.issued[0].arn.endswith(f"assumed-role/for-gpu/sge-{job.number}")
        assert (own / "environment").read_text() == "X=1\n"
        shutil.rmtree(own)

    def test_the_linker_does_not_obey_the_user_as_root(
        self, cell: GridEngine, base: Path, plain: Submit
    ) -> None:
        """What is said to it reaches the job's own shell, and no program of the prolog's or
        epilog's: no library of the user's, no file of root's where the user wants one."""
        own = cell.root / "out/linker"
        own.mkdir()
        own.chmod(0o777)
        names = {
            "LD_PRELOAD": "/nonexistent/hostile.so",
            "LD_DEBUG": "libs",
            "LD_DEBUG_OUTPUT": f"{own}/said",
        }
        along = [word for name in names for word in ("-v", f"{name}={names[name]}")]
        job = plain(f"unset {' '.join(names)}; {SHOW}", *along)
        assert job.wait()["exit_status"] == "0", job.output
        assert "aws_access_key_id" in job.output
        assert job.output.count("hostile.so") <= 1
        assert [file.stat().st_uid for file in own.iterdir()] == [NOBODY]
        shutil.rmtree(own)

    def test_the_directories_are_roots(self, base: Path, plain: Submit) -> None:
        """So nobody else can plant, swap or remove a name in them."""
        attempt = (
            f"d={base}/$JOB_ID; ln -s /etc/passwd $d/planted; touch {base}/99999;"
            " mv $d/credentials $d/other; rm -rf $d; rm -f $d/credentials; ls $d;"
            " ls -l $d/credentials; chmod 777 $d; echo X=1 >>$SGE_JOB_SPOOL_DIR/environment;"
            " echo tried; sleep 600"
        )
        job = plain(attempt)
        job.wait_for_output("tried")
        place = base / job.number
        for directory in (base, place):
            assert stat.S_IMODE(directory.stat().st_mode) == 0o711
            assert directory.stat().st_uid == 0
        assert os.listdir(place) == ["credentials"]
        assert os.listdir(base) == [job.number]

    def test_another_user_cannot_read_it(self, base: Path, plain: Submit, sts: Sts) -> None:
        job = plain("echo ready; sleep 600")
        job.wait_for_output("ready")
        spy = plain(
            f"cat {base}/{job.number}/*; ls {base}; cat {base}/{job.number}/credentials", user=1
        )
        spy.wait()
        assert "Permission denied" in spy.output
        assert sts.issued[0].access_key not in spy.output

    @pytest.mark.parametrize("planted", ["link", "directory"])
    def test_what_stands_in_the_way_is_replaced(
        self, cell: GridEngine, base: Path, plain: Submit, tmp_path: Path, planted: str
    ) -> None:
        """Even with root's own hand: nothing is written through it."""
        last = plain("true")
        last.wait()
        place = base / str(int(last.number) + 1)
        if planted == "link":
            place.symlink_to(tmp_path)
        else:
            place.mkdir()
            (place / "credentials").touch(mode=0o644)
            os.chown(place / "credentials", 1, 1)
            os.chown(place, NOBODY, NOBODY)
        job = plain(f"{SHOW}; {STAT}")
        assert job.number == place.name
        assert job.wait()["exit_status"] == "0", job.output
        assert f"{NOBODY} 600" in job.output
        assert not (tmp_path / "credentials").exists()

    def test_a_base_that_is_not_roots_is_refused(
        self, cell: GridEngine, base: Path, plain: Submit
    ) -> None:
        """Nothing is written there; the job does not run and says why, the queue stays open."""
        base.mkdir(exist_ok=True)
        os.chown(base, NOBODY, NOBODY)
        try:
            job = plain("echo ran")
            wait_for(lambda: job.states == ["Eqw"])
            assert os.listdir(base) == []
        finally:
            os.chown(base, 0, 0)
        assert re.search(
            r"no credentials for this job: .*/run is not a directory of root's", job.output
        )
        assert set(cell.queues().values()) == {""}


class TestTimeLimit:
    def test_it_reaches_the_program(self, timed: Job) -> None:
        """The soft one as SIGUSR1, the hard one ends it."""
        pid = ready(timed)
        timed.wait_for_output("got SIGUSR1", 120)
        assert timed.wait()["exit_status"].split()[0] == "137"
        assert not os.path.exists(f"/proc/{pid}")
