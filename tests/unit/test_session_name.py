"""Role session names."""

import os
import pwd
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_role_exec.errors import UsageError
from aws_role_exec.schedulers import job
from aws_role_exec.sts import session_name

LEGAL = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")


class TestCheck:
    @pytest.mark.parametrize("name", ["ab", "a" * 64, "A_z+=,.@-0", "slurm-12_3"])
    def test_what_sts_takes_is_taken(self, name):
        assert session_name.check(name) == name

    def test_an_illegal_name_is_shown_its_nearest_legal_one(self):
        with pytest.raises(UsageError) as refusal:
            session_name.check("pbs-1234[5].srv")
        assert "pbs-1234-5-.srv" in refusal.value.hint

    @pytest.mark.parametrize("name", ["", "a", "a" * 65, "a b", "a/b", "é" * 5, "a:b", "ab\n"])
    def test_what_sts_refuses_is_refused(self, name):
        with pytest.raises(UsageError):
            session_name.check(name)

    @given(st.text(min_size=2, max_size=200))
    def test_the_nearest_legal_name_is_legal(self, name):
        assert LEGAL.fullmatch(session_name.sanitize(name))

    @given(st.from_regex(LEGAL, fullmatch=True))
    def test_a_legal_name_is_its_own_nearest(self, name):
        assert session_name.sanitize(name) == session_name.check(name) == name

    def test_a_long_name_keeps_the_end_that_tells_jobs_apart(self):
        names = {session_name.sanitize("x" * 100 + f"-task-{n}") for n in range(10)}
        assert len(names) == 10
        assert all(len(name) == 64 for name in names)


class TestDefault:
    def test_it_names_the_program_the_user_and_this_run(self, monkeypatch):
        entry = pwd.struct_passwd(("ann", "", 1, 1, "", "", ""))
        monkeypatch.setattr(pwd, "getpwuid", lambda _: entry)
        assert re.fullmatch(r"aws-role-exec-ann-[0-9a-f]{8}", session_name.default({}))

    @given(st.text(min_size=1, max_size=200))
    def test_it_is_legal_whatever_the_user_is_called(self, user):
        entry = pwd.struct_passwd((user, "", 1, 1, "", "", ""))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pwd, "getpwuid", lambda _: entry)
            assert LEGAL.fullmatch(session_name.default({}))

    def test_two_runs_differ(self):
        assert session_name.default({}) != session_name.default({})


class TestUser:
    @pytest.fixture(autouse=True)
    def _no_passwd_entry(self, monkeypatch):
        def missing(uid):
            raise KeyError(uid)

        monkeypatch.setattr(pwd, "getpwuid", missing)

    @pytest.mark.parametrize(
        ("environ", "expected"),
        [
            ({"USER": "ann", "LOGNAME": "bob"}, "ann"),
            ({"LOGNAME": "bob"}, "bob"),
            ({"USER": "", "LOGNAME": "bob"}, "bob"),
            ({}, f"uid{os.getuid()}"),
        ],
    )
    def test_without_a_passwd_entry_the_environment_tells_else_the_number(self, environ, expected):
        assert session_name.user(environ) == expected


JOBS = {
    "slurm": ({"SLURM_JOB_ID": "4711"}, "slurm-4711"),
    "slurm, long ago": ({"SLURM_JOBID": "4711"}, "slurm-4711"),
    "slurm array": (
        {"SLURM_JOB_ID": "4718", "SLURM_ARRAY_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": "0"},
        "slurm-4711_0",
    ),
    "pbs": ({"PBS_JOBID": "1234.srv"}, "pbs-1234.srv"),
    "pbs array": ({"PBS_JOBID": "1234[5].srv", "PBS_ARRAY_INDEX": "5"}, "pbs-1234-5-.srv"),
    "lsf": ({"LSB_JOBID": "77", "LSB_JOBINDEX": "0"}, "lsf-77"),
    "lsf array": ({"LSB_JOBID": "77", "LSB_JOBINDEX": "3"}, "lsf-77_3"),
    "sge": ({"JOB_ID": "9", "SGE_TASK_ID": "undefined"}, "sge-9"),
    "sge array": ({"JOB_ID": "9", "SGE_TASK_ID": "2"}, "sge-9_2"),
    "batch": ({"AWS_BATCH_JOB_ID": "0a1b-2c"}, "batch-0a1b-2c"),
    "batch array": ({"AWS_BATCH_JOB_ID": "0a1b-2c:17"}, "batch-0a1b-2c-17"),
    "github": (
        {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "99", "GITHUB_RUN_ATTEMPT": "2"},
        "github-99-2",
    ),
    "gitlab": ({"GITLAB_CI": "true", "CI_JOB_ID": "55"}, "gitlab-55"),
    "jenkins": (
        {"JENKINS_URL": "https://ci/", "BUILD_TAG": "jenkins-team/app-12"},
        "jenkins-team-app-12",
    ),
    "jenkins without a tag": (
        {"JENKINS_URL": "https://ci/", "JOB_NAME": "app", "BUILD_NUMBER": "12"},
        "jenkins-app-12",
    ),
    "kubernetes": (
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "worker-7d9f-x2"},
        "k8s-worker-7d9f-x2",
    ),
    "kubernetes, named": (
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "h", "POD_NAME": "worker-1"},
        "k8s-worker-1",
    ),
}


def auto(environ):
    return session_name.sanitize(job.session_name(environ))


class TestAuto:
    @pytest.mark.parametrize(("environ", "name"), JOBS.values(), ids=JOBS)
    def test_names_the_job(self, environ, name):
        assert auto(environ) == name

    @pytest.mark.parametrize(
        "environ",
        [
            {},
            {"JOB_ID": "9"},
            {"GITHUB_RUN_ID": "99"},
            {"CI_JOB_ID": "55"},
            {"BUILD_TAG": "x"},
            {"HOSTNAME": "worker-1"},
            {"SLURM_JOB_ID": ""},
            {"SGE_TASK_ID": "undefined"},
        ],
    )
    def test_there_is_none_elsewhere(self, environ):
        assert job.session_name(environ) is None

    def test_a_scheduler_goes_before_the_ci_system_and_the_pod(self):
        everything = {}
        for environ, _ in JOBS.values():
            everything |= environ
        assert auto(everything) == "slurm-4711_0"

    def test_keeps_the_end_of_a_long_name(self):
        name = auto({"AWS_BATCH_JOB_ID": "x" * 80 + ":17"})
        assert name.endswith("-17")
        assert len(name) == 64

    def test_a_pod_without_variables_has_its_host_name(self, monkeypatch):
        class Uname:
            nodename = "worker-2"

        monkeypatch.setattr("os.uname", Uname)
        assert auto({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}) == "k8s-worker-2"
