"""Files of tools before the SDKs: botocore reads them, where there are any."""

from pathlib import Path

import pytest

from aws_role_exec.errors import Doubt
from aws_role_exec.identity import legacy_files
from unit.identity.conftest import Surround


def test_without_them_nothing_is_left_to_botocore(surround: Surround) -> None:
    legacy_files.find(surround({}))
    legacy_files.find(surround({"AWS_CREDENTIAL_FILE": "", "BOTO_CONFIG": "/nonexistent"}))


@pytest.mark.parametrize("value", ["$HOME/.boto", "~/.boto"])
def test_boto_configuration_is_botocores_matter(
    surround: Surround, tmp_path: Path, value: str
) -> None:
    (tmp_path / ".boto").touch()
    with pytest.raises(Doubt, match=r"\.boto"):
        legacy_files.find(surround({}))
    with pytest.raises(Doubt, match=r"\.boto"):
        legacy_files.find(surround({"BOTO_CONFIG": value}))


def test_so_is_the_ec2_tools_credential_file(surround: Surround) -> None:
    """Also one that is missing: that is an error then, and not another identity."""
    with pytest.raises(Doubt, match="AWS_CREDENTIAL_FILE"):
        legacy_files.find(surround({"AWS_CREDENTIAL_FILE": "/nonexistent"}))
