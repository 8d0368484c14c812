"""Steps of a renewed job that take roles of their own: aws-role-exec under itself."""

from runner import WHOAMI, Runner
from servers.sts import Sts

STEP = "arn:aws:iam::123456789012:role/step"
JOB = "arn:aws:sts::123456789012:assumed-role/my-role/job"
RENEWED = ("--renew", "--session-name", "job", "--")


def test_a_step_asks_as_the_job(run: Runner, sts: Sts) -> None:
    """It finds the job's credentials where every SDK does, and becomes its command as usual."""
    step = (*run.program, "--role-arn", STEP, "--session-name", "s1", "--", *WHOAMI)
    assert run.assume(*RENEWED, *step).ok().out.endswith(":assumed-role/step/s1\n")
    asked = [(sts.keys[one.access_key or ""].arn, one.params.get("RoleArn")) for one in sts.asked]
    assert asked[1] == (JOB, STEP)


def test_a_step_can_be_renewed_too(run: Runner) -> None:
    """Its helper asks the job's, for as long as the step runs."""
    step = (*run.program, "--role-arn", STEP, "--session-name", "s1", *("--renew", "--"), *WHOAMI)
    assert run.assume(*RENEWED, *step).ok().out.endswith(":assumed-role/step/s1\n")


def test_keys_of_tools_before_the_sdks_do_not_count(run: Runner) -> None:
    """boto 2's file would go before a container's credentials."""
    (run.home / ".boto").write_text(
        "[Credentials]\naws_access_key_id = AKIAFOREIGNEXAMPLE00\naws_secret_access_key = Foreign\n"
    )
    step = (*run.program, "--role-arn", STEP, "--session-name", "s1", "--", *WHOAMI)
    assert run.assume(*RENEWED, *step).ok().out.endswith(":assumed-role/step/s1\n")


def test_a_profile_that_a_step_names_must_have_credentials(run: Runner) -> None:
    """The job's are no stopgap for it."""
    (run.home / ".aws").mkdir()
    (run.home / ".aws/config").write_text("[profile other]\nregion = eu-west-1\n")
    step = ("env", "AWS_PROFILE=other", *run.program, "--role-arn", STEP, "--", *WHOAMI)
    failure = run.assume(*RENEWED, *step).failure(125)
    assert "profile other has no credentials" in failure.line
