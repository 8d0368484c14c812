"""packaging/slurm on a real Slurm: roles for jobs whose scripts know nothing of them."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from runner import wait_for
from scheduler.slurm import Cluster, Job
from servers.sts import ACCESS_DENIED, Sts

NOBODY = 65534
SHOW = 'cat "$AWS_SHARED_CREDENTIALS_FILE"; echo "keys=${AWS_ACCESS_KEY_ID-none}"'
MAP = """\
# conditions  role
user=root,partition=plain  -
partition=gpu,user=root    arn:aws:iam::123456789012:role/for-root
account=climate            arn:aws:iam::123456789012:role/for-climate
partition=gpu              arn:aws:iam::123456789012:role/for-gpu
"""


@pytest.fixture
def base(cluster: Cluster, job_env: Mapping[str, str]) -> Iterator[Path]:
    """The cluster with a map and root's base identity; where its first node has the files."""
    (cluster.root / "etc/roles.map").write_text(MAP)
    settings = cluster.root / "etc/base.env"
    settings.touch(mode=0o600)
    settings.write_text("".join(f"{name}={value}\n" for name, value in job_env.items()))
    yield cluster.root / "run/n1"
    (cluster.root / "etc/roles.map").unlink()
    settings.unlink()
    states = cluster.command("sinfo", "-h", "-o", "%T").split()
    assert not {"drained", "draining", "down"} & set(states), "a node is drained"


def submit(cluster: Cluster, script: str, *options: str) -> Job:
    """As a user who has nothing to do with AWS, on the first node, unless told otherwise."""
    if not any(option.startswith("--nodes=") for option in options):
        options = ("--nodelist=n1", *options)
    return cluster.submit(script, "--partition=gpu", f"--uid={NOBODY}", *options, env={})


def test_a_job_of_the_partition_has_its_role(cluster: Cluster, base: Path, sts: Sts) -> None:
    """In a file that is its user's alone; keys submitted along do not win over it."""
    script = f'{SHOW}\nstat -c "%u %a" "$AWS_SHARED_CREDENTIALS_FILE"'
    job = submit(cluster, script, "--export=ALL,AWS_ACCESS_KEY_ID=AKIASUBMITTED")
    assert job.wait()["JobState"] == "COMPLETED", job.output
    assert sts.issued[0].access_key in job.output
    assert "keys=none" in job.output
    assert f"{NOBODY} 600" in job.output
    assert sts.issued[0].arn.endswith(f"assumed-role/for-gpu/slurm-{job.number}")
    wait_for(lambda: not (base / job.number).exists())


def test_the_users_line_goes_first(cluster: Cluster, base: Path, sts: Sts) -> None:
    job = submit(cluster, SHOW, "--uid=0")
    assert job.wait()["JobState"] == "COMPLETED", job.output
    assert "/for-root/" in sts.issued[0].arn


def test_an_account_has_a_role(cluster: Cluster, base: Path, sts: Sts) -> None:
    """The one that the job is accounted to, whatever partition it runs in."""
    job = submit(cluster, SHOW, "--account=climate", "--partition=plain")
    assert job.wait()["JobState"] == "COMPLETED", job.output
    assert "/for-climate/" in sts.issued[0].arn
    wait_for(lambda: {row["Account"] for row in job.accounted()} == {"climate"})


def test_steps_on_both_nodes_have_it(cluster: Cluster, base: Path) -> None:
    job = submit(cluster, f"srun -N2 -n2 sh -c '{SHOW}'", "--nodes=2")
    assert job.wait()["JobState"] == "COMPLETED", job.output
    assert job.output.count("aws_access_key_id") == 2


def test_a_job_without_a_role_is_untouched(cluster: Cluster, base: Path, sts: Sts) -> None:
    job = submit(cluster, "env", "--partition=plain")
    assert job.wait()["JobState"] == "COMPLETED", job.output
    assert "AWS_" not in job.output
    assert sts.asked == []


def test_a_refusal_is_told_in_the_jobs_output(cluster: Cluster, base: Path, sts: Sts) -> None:
    """The task does not run, and the node stays up."""
    sts.always(ACCESS_DENIED)
    job = submit(cluster, "echo ran")
    assert job.wait()["JobState"] == "FAILED"
    assert "no credentials for this job: aws-role-exec: " in job.output
    assert "AccessDenied" in job.output
    assert "\nhint: " in job.output
    assert "ran" not in job.output.split()


def test_a_slip_in_the_map_stops_jobs(cluster: Cluster, base: Path, sts: Sts) -> None:
    """It may be in the line that says no: the job's output names it, and the node stays up."""
    roles = cluster.root / "etc/roles.map"
    roles.write_text(f"partition=gpu,User=nobody -\n{MAP}")
    job = submit(cluster, "echo ran")
    assert job.wait()["JobState"] == "FAILED"
    assert f'{roles}:1: "User" is no condition' in job.output
    assert "ran" not in job.output.split()
    assert sts.asked == []


def test_a_line_that_denies_an_account_holds(cluster: Cluster, base: Path, sts: Sts) -> None:
    """Also where Slurm tells the Prolog no account and squeue does; the job runs, without."""
    (cluster.root / "etc/roles.map").write_text(f"account=climate -\n{MAP}")
    job = submit(cluster, "echo role=${AWS_SHARED_CREDENTIALS_FILE-none}", "--account=climate")
    assert job.wait()["JobState"] == "COMPLETED", job.output
    assert "role=none" in job.output
    assert sts.asked == []


def test_a_requeued_job_gets_new_ones(cluster: Cluster, base: Path, sts: Sts) -> None:
    job = submit(cluster, f"{SHOW}; echo ready; sleep 60", "--requeue", "--open-mode=append")
    job.wait_for_output("ready")
    cluster.command("scontrol", "requeue", job.number)
    job.wait_for_output("ready", 120, times=2)
    cluster.cancel(job.number)
    assert len(sts.issued) == 2
    assert all(key.access_key in job.output for key in sts.issued)


class TestAttacks:
    """By a user who knows which number the next job gets."""

    def test_the_directories_are_roots(self, cluster: Cluster, base: Path) -> None:
        """So nobody else can plant, swap or remove a name in them."""
        attempt = (
            f"d={base}/$SLURM_JOB_ID; ln -s /etc/passwd $d/planted; touch {base}/99999;"
            " mv $d/credentials $d/other; rm -rf $d; rm -f $d/credentials; ls $d;"
            " ls -l $d/credentials; chmod 777 $d; echo tried; sleep 60"
        )
        job = submit(cluster, attempt)
        job.wait_for_output("tried")
        place = base / job.number
        for directory in (base, place):
            assert stat.S_IMODE(directory.stat().st_mode) == 0o711
            assert directory.stat().st_uid == 0
        assert sorted(os.listdir(place)) == ["credentials"]
        assert [name for name in os.listdir(base) if not name.isdigit()] == []
        assert not (base / "99999").exists()
        cluster.cancel(job.number)

    def test_another_user_cannot_read_it(self, cluster: Cluster, base: Path, sts: Sts) -> None:
        job = submit(cluster, "echo ready; sleep 60")
        job.wait_for_output("ready")
        spy = submit(cluster, f"cat {base}/{job.number}/*; ls {base}; echo tried", "--uid=1")
        assert spy.wait()["JobState"] == "COMPLETED"
        assert "tried" in spy.output
        assert sts.issued[0].access_key not in spy.output
        assert "credentials" not in spy.output.replace(f"{job.number}/credentials", "")
        cluster.cancel(job.number)

    @pytest.mark.parametrize("planted", ["link", "file", "directory"])
    def test_what_stands_in_the_way_is_replaced(
        self, cluster: Cluster, base: Path, tmp_path: Path, planted: str
    ) -> None:
        """Even with root's own hand: nothing is written through it."""
        victim = tmp_path / "victim"
        victim.mkdir()
        last = submit(cluster, "true")
        last.wait()
        place = base / str(int(last.number) + 1)
        if planted == "link":
            place.symlink_to(victim)
        elif planted == "file":
            place.touch(mode=0o644)
            os.chown(place, NOBODY, NOBODY)
        else:
            place.mkdir()
            (place / "credentials").touch(mode=0o644)
            os.chown(place / "credentials", 1, 1)
            os.chown(place, NOBODY, NOBODY)
        job = submit(cluster, f'{SHOW}; stat -c "%u %a" "$AWS_SHARED_CREDENTIALS_FILE"')
        assert job.number == place.name
        assert job.wait()["JobState"] == "COMPLETED", job.output
        assert f"{NOBODY} 600" in job.output
        assert os.listdir(victim) == []

    def test_a_base_that_is_not_roots_is_refused(self, cluster: Cluster, base: Path) -> None:
        """Nothing is written there, and the node stays up; the job, which cannot be told in its
        output, is cancelled and its comment says why."""
        base.mkdir(exist_ok=True)
        os.chown(base, NOBODY, NOBODY)
        try:
            job = submit(cluster, "echo ran")
            facts = job.wait()
            assert os.listdir(base) == []
        finally:
            os.chown(base, 0, 0)
        assert facts["JobState"] == "CANCELLED"
        assert job.output == ""
        shown = cluster.command("scontrol", "show", "job", job.number)
        assert re.search(r"Comment=aws-role-exec: .*run/n1 is not a directory of root's", shown)
