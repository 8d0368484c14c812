"""Credentials files of tools before the SDKs: left to botocore where there are any."""

from __future__ import annotations

import os

from aws_role_exec.configuration.files import MOST_BYTES, expand
from aws_role_exec.errors import Doubt, IdentityError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aws_role_exec.identity.base import Surroundings

BOTO_FILES = ("/etc/boto.cfg", "~/.boto")
"""boto 2's configuration, where BOTO_CONFIG names no other."""


def find(surroundings: Surroundings) -> None:
    """Return where there are no such files, or only variables that are empty.

    Raises Doubt where there are: AWS_CREDENTIAL_FILE of the EC2 tools, and boto 2's
    configuration. Nothing writes them any more, so they are not worth a second reader. Raises
    IdentityError where the first would be read without end.
    """
    environ = surroundings.environ
    of_ec2_tools = environ.get("AWS_CREDENTIAL_FILE")
    if of_ec2_tools:
        from aws_role_exec import inputs  # hardly ever

        try:
            inputs.refuse_endless(expand(of_ec2_tools, environ), MOST_BYTES)
        except UsageError as error:
            raise IdentityError(f"source credentials: AWS_CREDENTIAL_FILE: {error}") from None
        raise Doubt("AWS_CREDENTIAL_FILE is set")
    named = environ.get("BOTO_CONFIG")
    for path in BOTO_FILES if named is None else (named,):  # botocore's rule, empty or not
        if os.path.exists(expand(path, environ)):
            raise Doubt(f"there is a file {path}")
