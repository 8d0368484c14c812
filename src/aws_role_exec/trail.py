"""The trail: what is found out on the way to the credentials, for `--explain`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Trail:
    """What was found out on the way to the credentials, filled in as it happens.

    `asked` has botocore's names of the providers in order, the one that had credentials last;
    `clock_skew_seconds` is how far this machine is ahead of STS; `assumed` has the sessions'
    ARNs; `packed_policy_percent` is STS's PackedPolicySize.
    """

    asked: list[str] = field(default_factory=list)
    provider: str | None = None
    identity_arn: str | None = None
    identity_unknown: str | None = None
    token: dict[str, str] = field(default_factory=dict)
    endpoint: str | None = None
    clock_skew_seconds: float | None = None
    assumed: list[str] = field(default_factory=list)
    packed_policy_percent: int | None = None
