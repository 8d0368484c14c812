"""What STS accepts as parameters, from botocore's model of it and the rules beside the model."""

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session


@functools.cache
def _input(action: str) -> Any:
    model = botocore.session.Session().get_service_model("sts")
    return model.operation_model(action).input_shape


def problem(action: str, params: Mapping[str, str]) -> str | None:
    """The first thing wrong with a request's parameters; None if STS would take them."""
    left = {name: value for name, value in params.items() if name not in ("Action", "Version")}
    for found in _problems(_input(action), left, ""):
        return found
    if left:
        return f"unexpected {', '.join(left)}"
    return next(_rules(params), None)


def _problems(shape: Any, left: dict[str, str], prefix: str) -> Iterator[str]:
    for name, member in shape.members.items():
        path = prefix + name
        if member.type_name == "list":
            count = 0
            while any(_is_in(key, f"{path}.member.{count + 1}") for key in left):
                count += 1
                item = f"{path}.member.{count}"
                if member.member.type_name == "structure":
                    yield from _problems(member.member, left, item + ".")
                else:
                    yield from _scalar(item, left.pop(item), member.member.metadata)
            if count > member.metadata.get("max", 10):  # 10: PolicyArns, in the prose only
                yield f"{count} {path}"
        elif path in left:
            yield from _scalar(path, left.pop(path), member.metadata)
        elif name in shape.required_members:
            yield f"{path} is missing"


def _is_in(key: str, item: str) -> bool:
    return key == item or key.startswith(item + ".")


def _scalar(path: str, value: str, limits: Mapping[str, Any]) -> Iterator[str]:
    size = int(value) if path == "DurationSeconds" else len(value)
    if not limits.get("min", 0) <= size <= limits.get("max", size):
        yield f"the size of {path}"
    pattern = limits.get("pattern", "")
    if "p{L}" in pattern:
        fits = all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LZN" for c in value)
    elif "u10000" in pattern:  # all but control characters
        fits = all(c.isprintable() for c in value)
    else:
        fits = re.fullmatch(pattern, value, re.ASCII) is not None if pattern else True
    if not fits:
        yield f"{path} does not fit {pattern}"


def _rules(params: Mapping[str, str]) -> Iterator[str]:
    """IAM User Guide, "Pass session tags in AWS STS", and the prose of the API reference."""
    keys = [value.lower() for name, value in params.items() if re.fullmatch(r"Tags.*Key", name)]
    if len(set(keys)) != len(keys):
        yield "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    for name, value in params.items():
        if name.startswith("TransitiveTagKeys") and value.lower() not in keys:
            yield "The specified transitive tag key must be included in the requested tags."
    plain = [v for n, v in params.items() if n == "Policy" or n.startswith("PolicyArns")]
    if sum(map(len, plain)) > 2048:
        yield "policies are longer than 2048 characters"
    if ("SerialNumber" in params) != ("TokenCode" in params):
        yield "MultiFactorAuthentication failed, must provide both MFA serial number and code"
