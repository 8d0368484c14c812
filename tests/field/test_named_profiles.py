"""A profile that somebody named, and that gives nothing: an error, and nobody else's rights."""

import pytest

from identity.conftest import KEYLESS
from runner import Runner
from servers.metadata import CONTAINER, INSTANCE, ContainerCredentials, InstanceMetadata
from servers.sts import Sts

ROLE_ARN = "role_arn = arn:aws:iam::123456789012:role/x\n"
SESSION = (
    "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://x.awsapps.com/start\n"
)
SECTIONS = {
    "nothing": ("", "no credentials"),
    "a region": ("region = eu-west-1\n", "no credentials"),
    "a session without account and role": ("sso_session = corp\n", "neither sso_account_id"),
    "a secret without its key": ("aws_secret_access_key = x\n", "no aws_access_key_id"),
    "a key without its secret": ("aws_access_key_id = AKIA\n", "no aws_secret_access_key"),
    "a role that nobody assumes": (ROLE_ARN, "neither source_profile nor credential_source"),
    "a source without a role": ("source_profile = other\n", "no role_arn"),
    "a source that is not there": (f"{ROLE_ARN}source_profile = nosuch\n", "does not exist"),
    "a source without credentials": (f"{ROLE_ARN}source_profile = other\n", "other, a source"),
    "a circle": (f"{ROLE_ARN}source_profile = dev\n", "circular"),
    "an unknown source": (f"{ROLE_ARN}credential_source = Ec2\n", "'Ec2'"),
    "a source that is unset": (
        f"{ROLE_ARN}credential_source = Environment\n",
        "no credentials here",
    ),
}


@pytest.mark.parametrize(("section", "why"), SECTIONS.values(), ids=SECTIONS)
def test_is_an_error_on_a_node_with_a_role(run: Runner, sts: Sts, section: str, why: str) -> None:
    """Of whatever is missing, with the profile's name; aws/aws-cli#6046."""
    for key in (INSTANCE, CONTAINER):
        sts.know(key)
    (run.home / ".aws").mkdir()
    (run.home / ".aws/config").write_text(
        f"[profile dev]\n{section}[profile other]\nregion = eu-west-1\n{SESSION}"
    )
    with InstanceMetadata() as node, ContainerCredentials() as container:
        env = {
            **KEYLESS,
            "AWS_EC2_METADATA_DISABLED": None,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": node.url + "/",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url,
        }
        failure = run.assume("--profile", "dev", "--", "true", env=env).failure(125)
    assert failure.line.startswith("aws-role-exec: source credentials: ")
    assert why in failure.line
    assert "dev" in failure.line
    assert failure.hint
    assert not sts.asked


@pytest.mark.parametrize("named", ["--profile", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_whose_section_has_another_title_is_told_how_to_write_it(
    run: Runner, sts: Sts, named: str
) -> None:
    """`[dev]` in the config file, `[profile dev]` in the credentials file: neither is a profile."""
    aws = run.home / ".aws"
    aws.mkdir()
    option = ("--profile", "dev") if named == "--profile" else ()
    env = {} if option else {named: "dev"}
    for name, title, right in (
        ("config", "dev", "[profile dev]"),
        ("credentials", "profile dev", "[dev]"),
    ):
        (aws / name).write_text(f"[{title}]\nregion = eu-west-1\n")
        failure = run.assume(*option, "--", "true", env=env).failure(2)
        assert failure.line == f"aws-role-exec: {named}: no such profile 'dev'"
        assert failure.hint == f"change [{title}] in {aws / name} to {right}"
        (aws / name).unlink()
    assert not sts.asked
