"""A path that nobody expanded: env files, systemd and compose hand on `~/aws` as it is written.

Read as a file's name it is no file, and the node's role is used without a word.
"""

from pathlib import Path

import pytest

from identity.conftest import KEYLESS, WORK
from runner import Runner
from servers.metadata import INSTANCE, InstanceMetadata
from servers.sts import Sts

CONFIG = "[default]\nregion = eu-north-1\n"
KEYS = f"aws_access_key_id = {WORK.access_key}\naws_secret_access_key = {WORK.secret}\n"


@pytest.mark.parametrize("beginning", ["$HOME", "${HOME}", "~", "$PLACE"])
def test_is_that_file(run: Runner, sts: Sts, beginning: str) -> None:
    """Its keys and its region, on a node that has a role as well."""
    for key in (WORK, INSTANCE):
        sts.know(key)
    (run.home / "cfg").write_text(CONFIG)
    (run.home / "crd").write_text(f"[default]\n{KEYS}")
    with InstanceMetadata() as node:
        env = {
            **KEYLESS,
            "PLACE": str(run.home),
            "AWS_CONFIG_FILE": f"{beginning}/cfg",
            "AWS_SHARED_CREDENTIALS_FILE": f"{beginning}/crd",
            "AWS_EC2_METADATA_DISABLED": None,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": node.url + "/",
        }
        run.assume("--", "true", env=env).ok()
    assert [(a.access_key, a.region) for a in sts.asked] == [(WORK.access_key, "eu-north-1")]


def test_of_a_token_in_a_profile_is_that_file(run: Runner, sts: Sts) -> None:
    (run.home / ".aws").mkdir()
    (run.home / "token").write_text("header.claims.signature")
    (run.home / ".aws/config").write_text(
        "[profile pod]\nrole_arn = arn:aws:iam::123456789012:role/pod\n"
        "web_identity_token_file = ~/token\n"
    )
    run.assume("--profile", "pod", "--", "true").ok()
    assert sts.asked[0].action == "AssumeRoleWithWebIdentity"


def test_that_is_set_and_empty_names_none(run: Runner, sts: Sts) -> None:
    """As in botocore, where the files of the home directory would be another identity."""
    aws = Path(run.home / ".aws")
    aws.mkdir()
    (aws / "credentials").write_text(f"[default]\n{KEYS}")
    env = {**KEYLESS, "AWS_SHARED_CREDENTIALS_FILE": ""}
    failure = run.assume("--", "true", env=env).failure(125)
    assert "none found" in failure.line
    assert not sts.asked
