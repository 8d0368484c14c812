"""The region, by rank."""

import botocore.session
import pytest

from aws_role_exec.errors import UsageError
from aws_role_exec.request import region


@pytest.fixture
def environ(tmp_path, monkeypatch):
    environ = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return environ


class TestFind:
    def test_the_option_goes_first(self, environ):
        environ |= {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-west-2"}
        assert region.find("eu-west-3", environ, "aws") == "eu-west-3"

    def test_then_aws_default_region(self, environ):
        environ |= {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-west-2"}
        assert region.find(None, environ, "aws") == "eu-west-1"

    def test_then_aws_region(self, environ):
        environ |= {"AWS_DEFAULT_REGION": "", "AWS_REGION": "eu-west-2"}
        assert region.find(None, environ, "aws") == "eu-west-2"

    def test_then_the_profile(self, environ, tmp_path):
        (tmp_path / "config").write_text("[default]\nregion = eu-north-1\n")
        assert region.find(None, environ, "aws") == "eu-north-1"

    def test_then_the_first_of_the_roles_partition(self, environ, tmp_path):
        (tmp_path / "config").write_text("[default]\noutput = json\n")
        assert region.find(None, environ, "aws-cn") == "cn-north-1"

    def test_a_profile_that_is_not_there_is_named(self, environ, tmp_path, monkeypatch):
        (tmp_path / "config").write_text("[default]\n")
        monkeypatch.setenv("AWS_PROFILE", "nope")
        with pytest.raises(UsageError, match="nope"):
            region.find(None, environ, "aws")

    def test_a_file_that_is_no_configuration_is_refused(self, environ, tmp_path):
        (tmp_path / "config").write_text("region = eu-north-1\n")
        with pytest.raises(UsageError, match="configuration"):
            region.find(None, environ, "aws")

    @pytest.mark.parametrize("name", ["a b", "x.y", "-a", "a-", "é", "a" * 64, "eu-west-1\n"])
    def test_what_cannot_be_part_of_a_host_name_is_refused(self, environ, name):
        with pytest.raises(UsageError, match="not a region"):
            region.find(name, environ, "aws")
        environ["AWS_REGION"] = name
        with pytest.raises(UsageError, match="AWS_REGION: "):
            region.find(None, environ, "aws")


def test_every_partition_that_botocore_knows_has_a_default_of_its_own():
    session = botocore.session.Session()
    for partition in session.get_available_partitions():
        default = region.PARTITION_DEFAULTS[partition]
        assert session.get_partition_for_region(default) == partition
