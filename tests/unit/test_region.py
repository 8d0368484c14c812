"""The region, by rank."""

from collections.abc import Callable
from pathlib import Path

import botocore.session
import pytest

from aws_role_exec.configuration import settings
from aws_role_exec.errors import UsageError
from aws_role_exec.request import region

Find = Callable[..., str]


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Find the region in this config file and environment."""

    def in_environment(config: str = "", partition: str = "aws", **environ: str) -> str:
        (tmp_path / "config").write_text(config)
        environ = {"HOME": str(tmp_path), "AWS_CONFIG_FILE": str(tmp_path / "config"), **environ}
        return region.find(settings.load(environ, None), partition)

    return in_environment


PROFILES = "[default]\nregion = eu-north-1\n[profile dev]\nregion = eu-south-1\n"


class TestFind:
    def test_aws_default_region_goes_first(self, find: Find) -> None:
        found = find(PROFILES, AWS_DEFAULT_REGION="eu-west-1", AWS_REGION="eu-west-2")
        assert found == "eu-west-1"

    def test_then_aws_region(self, find: Find) -> None:
        assert find(PROFILES, AWS_DEFAULT_REGION="", AWS_REGION="eu-west-2") == "eu-west-2"

    @pytest.mark.parametrize("variable", ["AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"])
    def test_then_the_profile_and_an_empty_variable_is_unset(
        self, find: Find, variable: str
    ) -> None:
        assert find(PROFILES, **{variable: ""}) == "eu-north-1"

    def test_of_the_profile_that_a_variable_names(self, find: Find) -> None:
        assert find(PROFILES, AWS_PROFILE="dev") == "eu-south-1"

    def test_then_the_first_of_the_roles_partition(self, find: Find) -> None:
        assert find("[default]\nregion =\n", "aws-cn") == "cn-north-1"

    def test_a_file_that_nobody_expanded_counts(self, find: Find, tmp_path: Path) -> None:
        (tmp_path / "cfg").write_text("[default]\nregion = eu-west-3\n")
        assert find(AWS_CONFIG_FILE="~/cfg") == "eu-west-3"
        assert find(AWS_CONFIG_FILE="$HOME/cfg") == "eu-west-3"

    @pytest.mark.parametrize("name", ["a b", "x.y", "-a", "a-", "é", "a" * 64, "eu-west-1x"])
    def test_what_is_none_is_refused_with_where_it_is_set(self, find: Find, name: str) -> None:
        with pytest.raises(UsageError, match=r"^AWS_REGION: .*not a region"):
            find(AWS_REGION=name)
        with pytest.raises(UsageError, match=r"^region of profile default: .*not a region"):
            find(f"[default]\nregion = {name}\n")


def test_every_partition_that_botocore_knows_has_a_default_of_its_own() -> None:
    session = botocore.session.Session()
    for partition in session.get_available_partitions():
        default = region.PARTITION_DEFAULTS[partition]
        assert session.get_partition_for_region(default) == partition
