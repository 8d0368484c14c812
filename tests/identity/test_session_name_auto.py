"""--session-name auto, seen by STS; the schedulers one by one are in tests/unit."""

from runner import Runner
from servers.sts import Sts


class TestAuto:
    def test_names_the_session_after_the_job(self, run: Runner, sts: Sts) -> None:
        """A task of a Slurm array, as sacct shows it."""
        env = {
            "SLURM_JOB_ID": "4718",
            "SLURM_ARRAY_JOB_ID": "4711",
            "SLURM_ARRAY_TASK_ID": "7",
            "AWS_ROLE_EXEC_SESSION_NAME": "auto",
        }
        run.assume("--", "true", env=env).ok()
        assert sts.asked[0].params["RoleSessionName"] == "slurm-4711_7"

    def test_is_legal_whatever_the_job_is_called(self, run: Runner, sts: Sts) -> None:
        """STS's own pattern, which the stub holds us to."""
        for job in ("1234[5].srv.example.org", "ü" * 90, "\udcff", " "):
            env = {"PBS_JOBID": job.encode("utf-8", "surrogateescape")}
            run.assume("--session-name", "auto", "--", "true", env=env).ok()
        assert sts.asked[0].params["RoleSessionName"] == "pbs-1234-5-.srv.example.org"

    def test_is_the_default_where_there_is_no_job(self, run: Runner, sts: Sts) -> None:
        """With the user's name."""
        run.assume("--session-name", "auto", "--", "true").ok()
        assert sts.asked[0].params["RoleSessionName"].startswith("aws-role-exec-")
