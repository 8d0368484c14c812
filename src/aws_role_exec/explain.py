"""`--explain`: who asks, for what, what would be handed over, and what STS says to it."""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING

from aws_role_exec.credentials import VARIABLES
from aws_role_exec.identity_variables import selects_identity
from aws_role_exec.messages import printable
from aws_role_exec.records import record
from aws_role_exec.redaction import hide_passwords, redact
from aws_role_exec.request.request import RENEWALS
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
            return "1h, because of role chaining"
        return "the role's maximum session duration, up to 12h"

    def changes(self) -> tuple[list[str], list[str]]:
        """Return the names of variables that the command would lose, and would be given."""
        given = set(VARIABLES)
        if self.request.renew:
            from aws_role_exec.renewal import command  # rare

            given = set(command.names(self.request.renew))
        taken = {name for name in self.caller if selects_identity(name)}
        return sorted(taken - given), sorted(given)


def to_json(report: Report) -> str:
    """Return the report for programs: AWS's spellings, null for what is not known.

    docs/explain.schema.json says what each field is.
    """
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
        "Renewal": request.renew or None,
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


def to_text(report: Report, columns: int | None) -> str:
    """Return the report for people: the result, then a fact a line.

    Lines are folded to the terminal's width in columns; None leaves them whole, for a pipe.
    """
    request, trail = report.request, report.trail
    facts = [*_result(report), *_source(trail)]
    for number, arn in enumerate(request.role_arns, 1):
        hop = f" {number} of {len(request.role_arns)}" if len(request.role_arns) > 1 else ""
        facts.append((f"role{hop}", arn))
    if request.is_role_of_profile:
        facts.append(("profile", request.settings.profile or "default"))
    if request.role_arns:
        lasting = duration.format_go(duration.from_seconds(request.duration_seconds))
        facts += [
            ("session name", request.session_name),
            ("duration", f"{lasting}; limited by {report.duration_cap}"),
        ]
    if request.renew:
        facts.append(("renewal", RENEWALS[request.renew]))
    facts.append(("region", request.region))
    if trail.endpoint:
        facts.append(("endpoint", hide_passwords(trail.endpoint)))
    if trail.clock_skew_seconds is not None:
        facts.append(("clock", _clock(round(trail.clock_skew_seconds))))
    if _policy_characters(request) or trail.packed_policy_percent:
        facts.append(("session policy", _policy(report)))
    if request.tags:
        facts.append(("tags", ", ".join(f"{key}={value}" for key, value in request.tags)))
    if request.command:
        removed, added = report.changes()
        facts += [
            ("command", shlex.join(request.command)),
            ("executable", request.executable),
            ("removed", ", ".join(removed) or "nothing"),
            ("added", ", ".join(added)),
        ]
    else:
        facts.append(("format", request.format))
    width = max(len(name) for name, _ in facts) + 2
    return "".join(f"{line}\n" for fact in facts for line in _lines(*fact, width, columns))


def _lines(name: str, value: str, width: int, columns: int | None) -> list[str]:
    """Return a fact as lines: its name, and beside it what it is, broken at blanks alone."""
    text = printable(value)
    room = columns - width if columns is not None else len(text)
    folded = (
        textwrap.wrap(text, max(room, 20), break_long_words=False, break_on_hyphens=False)
        if columns is not None
        else [text]
    )
    first, *others = folded or [""]
    return [f"{name + ':':<{width}}{first}", *(" " * width + line for line in others)]


def _result(report: Report) -> list[tuple[str, str]]:
    """Return what came of it."""
    if report.refusal is not None:
        facts = [("result", f"refused: {redact(str(report.refusal))}")]
        hint = _hint(report)
        return [*facts, ("hint", hint)] if hint else facts
    until = f", until {report.credentials.expiration}" if report.credentials else ""
    if report.trail.assumed:
        return [("result", f"allowed: {report.trail.assumed[-1]}{until}")]
    return [
        (
            ("result"),
            f"allowed: no role to assume; the command gets the profile's own session{until}",
        )
    ]


def _source(trail: Trail) -> list[tuple[str, str]]:
    """Return whose credentials sign the request, and where they were found or not."""
    before = ", ".join(refusals.PROVIDERS[name] for name in _asked_before(trail))
    if trail.provider is None:
        return [("source credentials", "none found"), ("looked in", before)]
    facts = [("caller", _who(trail)), ("source credentials", trail.source or trail.provider)]
    return [*facts, ("not found in", before)] if before else facts


def _asked_before(trail: Trail) -> list[str]:
    return trail.asked[:-1] if trail.provider else list(trail.asked)


def _who(trail: Trail) -> str:
    if trail.token:
        return ", ".join(f"{name}={value}" for name, value in trail.token.items())
    return trail.identity_arn or f"unknown ({trail.identity_unknown})"


def _clock(skew_seconds: int) -> str:
    if abs(skew_seconds) <= 1:
        return "in sync with STS"
    return f"{abs(skew_seconds)}s {'ahead of' if skew_seconds > 0 else 'behind'} STS"


def _policy_characters(request: Request) -> int:
    return session_options.policy_characters(request.policy, request.policy_arns)


def _policy(report: Report) -> str:
    allowed = session_options.POLICY_CHARACTERS_AT_MOST
    text = f"{_policy_characters(report.request)} of {allowed} characters"
    if report.trail.packed_policy_percent is not None:
        text += f"; {report.trail.packed_policy_percent}% of the packed size, including tags"
    return text


def _hint(report: Report) -> str | None:
    hint = report.refusal.hint if report.refusal else None
    return redact(hint) if hint else None
