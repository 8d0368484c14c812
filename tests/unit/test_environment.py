"""The child's environment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_role_exec.handover.environment import child_environment
from aws_role_exec.identity_variables import selects_identity

TAKEN_OUT = [
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
    "AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_CREDENTIAL_EXPIRATION", "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CREDENTIAL_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_BEARER_TOKEN_BEDROCK", "AWS_VAULT", "AWS_VAULT_PROFILE", "AWS_ROLE_EXEC_ROLE_ARN",
    "AWS_ROLE_EXEC_DEBUG",
]  # fmt: skip
KEPT = [
    "AWS_CA_BUNDLE", "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS",
    "AWS_CONFIG_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_PAGER", "AWS_ROLE_EXECUTOR", "PATH",
    "LD_LIBRARY_PATH", "PYTHONPATH", "LC_CTYPE", "aws_access_key_id",
]  # fmt: skip


@pytest.mark.parametrize("name", TAKEN_OUT)
def test_what_carries_or_selects_an_identity_is_taken_out(name):
    assert child_environment({name: "x", "PATH": "/bin"}, {}) == {"PATH": "/bin"}


@pytest.mark.parametrize("name", KEPT)
def test_everything_else_is_the_callers(name):
    assert child_environment({name: "x"}, {}) == {name: "x"}


def test_what_is_handed_over_replaces_what_was_there():
    caller = {"AWS_REGION": "old", "AWS_ACCESS_KEY_ID": "old", "HOME": "/"}
    new = {"AWS_REGION": "new", "AWS_ACCESS_KEY_ID": "new"}
    assert child_environment(caller, new) == {"HOME": "/", **new}


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_no_other_variable_is_touched(caller):
    expected = {name: value for name, value in caller.items() if not selects_identity(name)}
    assert child_environment(caller, {}) == expected
