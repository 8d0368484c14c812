"""The part of botocore's data that the program can ask for, as Python objects."""

import gzip
import json
from pathlib import Path
from typing import Any

#: Whom the program talks to: STS, and what botocore's credential providers call to log in
#: (`sso` and `sso-oidc` for IAM Identity Center, `signin` for `aws login`).
SERVICES = ("sts", "sso", "sso-oidc", "signin")
MODELS = ("service-2", "endpoint-rule-set-1")

#: What is not of one service.
TABLES = ("_retry", "endpoints", "partitions", "sdk-default-configuration")


def collect(data: Path) -> dict[str, Any]:
    """Return the data by botocore's name for it: `sts/2011-06-15/service-2`, `endpoints`, ..."""
    collected: dict[str, Any] = {}
    prefixes = set(SERVICES)
    for service in SERVICES:
        for version in sorted(place.name for place in (data / service).iterdir()):
            for model in MODELS:
                name = f"{service}/{version}/{model}"
                collected[name] = without_documentation(load(data / name))
            prefixes.add(collected[f"{service}/{version}/service-2"]["metadata"]["endpointPrefix"])

    for table in TABLES:
        collected[table] = without_documentation(load(data / table))
    for partition in collected["endpoints"]["partitions"]:
        partition["services"] = only(partition["services"], prefixes)
    retries = collected["_retry"]
    retries["retry"] = only(retries["retry"], {"__default__", *SERVICES})
    return collected


def load(path: Path) -> Any:
    """Read one data file, compressed or not."""
    packed = path.with_name(path.name + ".json.gz")
    if packed.exists():
        return json.loads(gzip.decompress(packed.read_bytes()))
    return json.loads(path.with_name(path.name + ".json").read_bytes())


def only(table: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    """Return the part of a table that has these keys."""
    return {key: value for key, value in table.items() if key in keys}


def without_documentation(node: Any) -> Any:
    """Leave out the documentation texts (a *member* called documentation is no text)."""
    if isinstance(node, dict):
        return {
            key: without_documentation(value)
            for key, value in node.items()
            if not (key == "documentation" and isinstance(value, str))
        }
    if isinstance(node, list):
        return [without_documentation(item) for item in node]
    return node
