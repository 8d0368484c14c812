"""The trail: what is found out on the way to the credentials, for `--explain`."""

from __future__ import annotations


class Trail:
    """What was found out on the way to the credentials, filled in as it happens.

    `asked` has the names of the sources in order, the one that had credentials last;
    `provider` is botocore's name for that one. `clock_skew_seconds` is how far this machine is
    ahead of STS; `assumed` has the sessions' ARNs; `packed_policy_percent` is STS's
    PackedPolicySize; `token` has the claims of an OIDC token.
    """

    def __init__(self) -> None:
        """Start with nothing known."""
        self.asked: list[str] = []
        self.provider: str | None = None
        self.source: str | None = None
        self.identity_arn: str | None = None
        self.identity_unknown: str | None = None
        self.token: dict[str, str] = {}
        self.endpoint: str | None = None
        self.clock_skew_seconds: float | None = None
        self.assumed: list[str] = []
        self.packed_policy_percent: int | None = None
