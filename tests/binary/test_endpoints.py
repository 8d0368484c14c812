"""The frozen part of botocore's data finds every endpoint that the whole of it finds."""

import importlib.util
import itertools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore
import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError
from botocore.model import ServiceModel
from botocore.regions import EndpointResolver

from .conftest import ROOT

DATA = Path(botocore.__file__).with_name("data")


def module_of_the_build(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "build" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


trim = module_of_the_build("botocore_data")


@pytest.fixture(scope="module")
def frozen() -> dict[str, Any]:
    collected: dict[str, Any] = trim.collect(DATA)
    return collected


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    names = [
        f"{service}/{_version(service)}/{model}"
        for service in trim.SERVICES
        for model in trim.MODELS
    ]
    names += trim.TABLES
    return {name: trim.load(DATA / name) for name in names}


def _version(service: str) -> str:
    (version,) = (place.name for place in (DATA / service).iterdir())
    return version


def regions(data: dict[str, Any]) -> list[str]:
    """Every region of every partition, the pseudo regions, and ones that do not exist yet."""
    known = {
        region for partition in data["endpoints"]["partitions"] for region in partition["regions"]
    }
    known |= {
        region for partition in data["partitions"]["partitions"] for region in partition["regions"]
    }
    assert len(known) > 40
    return [*sorted(known), "us-east-99", "cn-south-9", "us-gov-north-7", "eusc-xx-east-1"]


@pytest.mark.parametrize("service", trim.SERVICES)
class TestEndpoints:
    def test_by_rule_set(self, service: str, frozen: dict[str, Any], whole: dict[str, Any]) -> None:
        """How clients find theirs today, with FIPS, dual stack and STS's global endpoint."""
        name = f"{service}/{_version(service)}/endpoint-rule-set-1"
        providers = [EndpointProvider(d[name], d["partitions"]) for d in (frozen, whole)]
        variants = list(itertools.product([False, True], repeat=3))
        found = 0
        for region, (fips, dual, legacy) in itertools.product(regions(whole), variants):
            parameters = {"Region": region, "UseFIPS": fips, "UseDualStack": dual}
            if legacy and service == "sts":
                parameters["UseGlobalEndpoint"] = True
            told = [_attempt(provider.resolve_endpoint, **parameters) for provider in providers]
            assert told[0] == told[1], parameters
            found += "https://" in told[0]
        assert found > 200

    def test_by_table(self, service: str, frozen: dict[str, Any], whole: dict[str, Any]) -> None:
        """How botocore found them before; regions and signing names still come from there."""
        model = whole[f"{service}/{_version(service)}/service-2"]
        prefix = model["metadata"]["endpointPrefix"]
        for data in (frozen, whole):
            assert data["endpoints"]["partitions"]
        resolvers = [EndpointResolver(data["endpoints"]) for data in (frozen, whole)]
        for region, fips, dual in itertools.product(
            [*regions(whole), "aws-global", None], [False, True], [False, True]
        ):
            options = {"use_dualstack_endpoint": dual, "use_fips_endpoint": fips}
            told = [
                _attempt(resolver.construct_endpoint, prefix, region, **options)
                for resolver in resolvers
            ]
            assert told[0] == told[1], (region, fips, dual)
        for partition in resolvers[1].get_available_partitions():
            told = [
                resolver.get_available_endpoints(prefix, partition, allow_non_regional=True)
                for resolver in resolvers
            ]
            assert told[0] == told[1], partition

    def test_operations_are_whole(
        self, service: str, frozen: dict[str, Any], whole: dict[str, Any]
    ) -> None:
        """Only texts were left out of the service's model."""
        name = f"{service}/{_version(service)}/service-2"
        models = [ServiceModel(data[name], service) for data in (frozen, whole)]
        assert models[0].operation_names == models[1].operation_names
        assert frozen[name]["metadata"] == whole[name]["metadata"]
        for data in (frozen, whole):
            assert data[name]["shapes"]
        assert frozen[name]["shapes"].keys() == whole[name]["shapes"].keys()
        for shape, described in whole[name]["shapes"].items():
            assert _members(frozen[name]["shapes"][shape]) == _members(described), shape


def test_partitions_and_retries_are_whole(frozen: dict[str, Any], whole: dict[str, Any]) -> None:
    assert frozen["partitions"] == whole["partitions"]
    for service in ("__default__", *trim.SERVICES):
        assert frozen["_retry"]["retry"].get(service) == whole["_retry"]["retry"].get(service)
    assert frozen["_retry"]["definitions"] == whole["_retry"]["definitions"]


def _attempt(resolve: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    try:
        return repr(resolve(*arguments, **options))
    except BotoCoreError as error:
        return f"{type(error).__name__}: {error}"


def _members(shape: dict[str, Any]) -> Any:
    members = {name: dict(member) for name, member in shape.get("members", {}).items()}
    for member in members.values():
        member.pop("documentation", None)
    rest = {key: value for key, value in shape.items() if key not in ("documentation", "members")}
    for key in ("member", "key", "value"):
        if isinstance(rest.get(key), dict):
            rest[key] = {k: v for k, v in rest[key].items() if k != "documentation"}
    return members, rest
