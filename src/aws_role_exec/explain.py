"""`--explain`: who asks, for what, what would be handed over, and what STS says to it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from aws_role_exec.credentials import VARIABLES
from aws_role_exec.identity_variables import selects_identity
from aws_role_exec.records import record
from aws_role_exec.redaction import hide_passwords, redact
from aws_role_exec.sts import duration, refusals, session_options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from aws_role_exec.credentials import Credentials
    from aws_role_exec.errors import AwsRoleExecError
    from aws_role_exec.request.request import Request
    from aws_role_exec.trail import Trail


@record
class Report:
    """All there is to tell. `refusal` is None when STS would hand over the credentials."""

    request: Request
    trail: Trail
    credentials: Credentials | None
    refusal: AwsRoleExecError | None
    caller: Mapping[str, str]

    @property
    def duration_cap(self) -> str:
        """What limits how long the session may last, in words."""
        if len(self.request.role_arns) > 1 or ":assumed-role/" in (self.trail.identity_arn or ""):
            return "1h, since a role assumes it (role chaining)"
        return "the role's maximum session duration, 12h at most"

    def changes(self) -> tuple[list[str], list[str]]:
        """Return the names of variables that the command would lose, and would be given."""
        given = set(VARIABLES)
        taken = {name for name in self.caller if selects_identity(name)}
        return sorted(taken - given), sorted(given)


def to_json(report: Report) -> str:
    """Return the report for programs: AWS's spellings, null for what is not known."""
    import json

    request, trail = report.request, report.trail
    removed, set_ = report.changes() if request.command else ([], [])
    document: dict[str, Any] = {
        "Allowed": report.refusal is None,
        "BaseIdentity": {
            "Arn": trail.identity_arn,
            "Provider": trail.provider,
            "ProvidersAskedBefore": _asked_before(trail),
            "WebIdentityClaims": trail.token or None,
        },
        "Profile": request.settings.profile if request.is_role_of_profile else None,
        "RoleArns": list(request.role_arns),
        "AssumedRoleArns": trail.assumed,
        "SessionName": request.session_name if request.role_arns else None,
        "DurationSeconds": request.duration_seconds if request.role_arns else None,
        "DurationCap": report.duration_cap if request.role_arns else None,
        "Region": request.region,
        "Endpoint": hide_passwords(trail.endpoint) if trail.endpoint else None,
        "ClockSkewSeconds": None
        if trail.clock_skew_seconds is None
        else round(trail.clock_skew_seconds),
        "PolicyCharacters": _policy_characters(request),
        "PolicyCharactersAllowed": session_options.POLICY_CHARACTERS_AT_MOST,
        "PackedPolicySize": trail.packed_policy_percent,
        "Tags": dict(request.tags),
        "Environment": {"Removed": removed, "Set": set_} if request.command else None,
        "Command": list(request.command) or None,
        "Executable": request.executable or None,
        "Refusal": None
        if report.refusal is None
        else {"Error": redact(str(report.refusal)), "Hint": _hint(report)},
    }
    return json.dumps(document, indent=2) + "\n"


def to_text(report: Report) -> str:
    """Return the report for people, a line or more a fact."""
    request, trail = report.request, report.trail
    facts = [
        ("asking", _who(trail)),
        ("found in", _provider(trail)),
    ]
    before = _asked_before(trail)
    if before:
        facts.append(("asked before", ", ".join(refusals.PROVIDERS[name] for name in before)))
    for number, arn in enumerate(request.role_arns, 1):
        hop = f" {number} of {len(request.role_arns)}" if len(request.role_arns) > 1 else ""
        facts.append((f"role{hop}", arn))
    if request.is_role_of_profile:
        facts.append(("profile", request.settings.profile or "default"))
    lasting = duration.format_go(duration.from_seconds(request.duration_seconds))
    if request.role_arns:
        facts += [
            ("session name", request.session_name),
            ("duration", f"{lasting}; at most {report.duration_cap}"),
        ]
    facts += [
        ("region", request.region),
        ("endpoint", hide_passwords(trail.endpoint or "not reached")),
        ("clock", _clock(trail)),
    ]
    if request.role_arns:
        facts.append(("session policy", _policy(report)))
    if request.tags:
        facts.append(("tags", ", ".join(f"{key}={value}" for key, value in request.tags)))
    if request.command:
        removed, given = report.changes()
        facts += [
            ("command", shlex.join(request.command)),
            ("executable", request.executable),
            ("taken away", ", ".join(removed) or "nothing"),
            ("handed over", ", ".join(given)),
        ]
    else:
        facts.append(("printed as", request.format))
    if report.refusal is None:
        until = f", until {report.credentials.expiration}" if report.credentials else ""
        if trail.assumed:
            facts.append(("STS says", f"yes: {trail.assumed[-1]}{until}"))
        else:
            facts.append(("no role assumed", f"the profile's session is handed over{until}"))
    else:
        facts.append(("refused", redact(str(report.refusal))))
        hint = _hint(report)
        if hint:
            facts.append(("hint", hint))
    width = max(len(name) for name, _ in facts) + 2
    return "".join(f"{name + ':':<{width}}{_printable(value)}\n" for name, value in facts)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _asked_before(trail: Trail) -> list[str]:
    return trail.asked[:-1] if trail.provider else list(trail.asked)


def _who(trail: Trail) -> str:
    if trail.token:
        return ", ".join(f"{name}={value}" for name, value in trail.token.items())
    if trail.identity_arn is None:
        return "nobody" if trail.provider is None else f"not known ({trail.identity_unknown})"
    return trail.identity_arn


def _provider(trail: Trail) -> str:
    return trail.source or "not found"


def _clock(trail: Trail) -> str:
    if trail.clock_skew_seconds is None:
        return "not compared"
    seconds = round(trail.clock_skew_seconds)
    if abs(seconds) <= 1:
        return "as STS's"
    return f"{abs(seconds)}s {'ahead of' if seconds > 0 else 'behind'} STS's"


def _policy_characters(request: Request) -> int:
    return session_options.policy_characters(request.policy, request.policy_arns)


def _policy(report: Report) -> str:
    allowed = session_options.POLICY_CHARACTERS_AT_MOST
    text = f"{_policy_characters(report.request)} of {allowed} characters"
    if report.trail.packed_policy_percent is not None:
        text += f"; {report.trail.packed_policy_percent}% of the packed size, tags included"
    return text


def _hint(report: Report) -> str | None:
    hint = report.refusal.hint if report.refusal else None
    return redact(hint) if hint else None
