"""Why STS was not asked or said no: one line, and what to do about it in another.

Works on our own Fault and Refusal; `refusals` has the tables.
"""

from __future__ import annotations

from aws_role_exec.errors import Fault, Refusal, StsError
from aws_role_exec.records import record
from aws_role_exec.redaction import cite
from aws_role_exec.sts import refusals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_role_exec.network.deadline import Deadline

_THROTTLING = frozenset(
    {
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# Codes that pass by themselves, whatever the HTTP status (STS API reference, Common errors).
_PASSING = frozenset(
    {"IDPCommunicationError", "InternalError", "InternalFailure", "ServiceUnavailable"}
)
_SKEW_SECONDS = 5 * 60  # what signature version 4 allows


@record
class Question:
    """What STS was asked, for the words of its refusal.

    `source` is where the asking credentials came from and `unsent` what a trust policy may
    want and was not sent, both in a user's words; `hop` is as in `hop 2 of 3`, or names the
    profile, empty where there is nothing to tell apart; `token` has the claims of an OIDC token,
    if one asked.
    """

    role_arn: str
    region: str
    source: str
    unsent: str
    hop: str = ""
    token: Mapping[str, str] | None = None


def sts_error(error: Fault | Refusal, question: Question, now: float) -> StsError:
    """Return STS's refusal, or the fault on the way to it, as one of our errors.

    `now` is this machine's time, in seconds since the epoch.
    """
    what = f"assuming {question.role_arn}" + (f" ({question.hop})" if question.hop else "")
    if isinstance(error, Refusal):
        return StsError(f"{what}: {said(error)}", hint=_refusal_hint(error, question, now))
    why, hint = fault(error)
    return StsError(f"{what}: {why}", hint=hint)


def timeout_error(deadline: Deadline) -> StsError:
    """Return the error for a deadline that passed, with what happened last."""
    hint: str | None = refusals.LONGER_HINT
    error = deadline.last_error
    if error is None:
        why = f"no response within {deadline.seconds:g}s"
    elif isinstance(error, Refusal):
        answers = "1 response" if deadline.answers == 1 else f"{deadline.answers} responses"
        why = f"{answers} within {deadline.seconds:g}s, the last: {in_a_word(error)}"
        if passing(error) == "throttled":
            hint = refusals.THROTTLED_HINT
    else:
        attempts = "attempt" if deadline.answers == 1 else "attempts"
        why = f"{deadline.answers} {attempts} within {deadline.seconds:g}s failed, the last: "
        why += in_a_word(error)
        hint = fault(error)[1] or hint
    return StsError(f"{deadline.waiting_for}: {why}", hint=hint)


def passing(error: Fault | Refusal) -> str | None:
    """Tell whether asking again may help, and how; None if not.

    `throttled` and `fault` pass. `unreachable` and `garbled` (an answer that no such service
    gives) may, but are rather a mistake that stays, and worth a few attempts only.
    """
    if isinstance(error, Refusal):
        if error.code in _THROTTLING or error.status == 429:
            return "throttled"
        return "fault" if error.code in _PASSING or error.status >= 500 else None
    return refusals.FAULTS[error.name].passes


def in_a_word(error: Fault | Refusal) -> str:
    """Return the shortest name of a fault: STS's code, or what happened to the connection."""
    if isinstance(error, Refusal):
        return error.code or f"HTTP {error.status}"
    return fault(error)[0]


def said(error: Refusal) -> str:
    """Return what a service said, as `<code>: <message>`, of bounded length."""
    if not error.code:
        return f"HTTP {error.status}"
    return f"{cite(error.code)}: {cite(error.message) or 'no message'}"


def fault(error: Fault) -> tuple[str, str | None]:
    """Return why a server was not reached, or not understood, and the hint."""
    found = refusals.FAULTS[error.name]
    return found.why.format(error=cite(error.detail)), found.hint


def unsent(parameters: Mapping[str, object], named_by: str, is_last: bool) -> str:
    """Return what a trust policy could require that these parameters do not hold, in words.

    `named_by` is the profile that names the role, "" for `--role-arn`.
    """
    if named_by:
        missing = [words for name, words in _PROFILE_CONDITIONS.items() if name not in parameters]
        return f"{_list(missing)} in {named_by}" if missing else "other values than those sent"
    if not is_last:
        return "an external ID, tags or a source identity, which are sent only for the last role"
    missing = [words for name, words in _CONDITIONS.items() if name not in parameters]
    return _list(missing) if missing else "other values than those sent"


def _list(words: Sequence[str]) -> str:
    *others, final = words
    return f"{', '.join(others)} or {final}" if others else final


_CONDITIONS = {
    "ExternalId": "an external ID (--external-id)",
    "SerialNumber": "MFA (--mfa-serial)",
    "Tags": "tags (--tag)",
    "SourceIdentity": "a source identity (--source-identity)",
}
_PROFILE_CONDITIONS = {"ExternalId": "an external_id", "SerialNumber": "an mfa_serial"}


def is_too_long(error: Refusal) -> bool:
    """Tell whether STS refused because it gives this role, or this asker, no session so long."""
    return error.code == "ValidationError" and "DurationSeconds exceeds" in error.message


def who_asked(error: Fault | Refusal) -> str | None:
    """Return the identity that a refusal names as the one that asked."""
    _, found, rest = (error.message if isinstance(error, Refusal) else "").partition("User: ")
    name, found, _ = rest.partition(" is not authorized")
    return name if found and " " not in name else None


def clock_skew_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Return by how much this machine's clock is ahead of the one that dated an answer.

    To about a second, as that is what the Date header holds; None when it has none.
    """
    try:
        _, day, month, year, clock, _ = headers["date"].split()
        hours, minutes, seconds = map(int, clock.split(":"))
        days = _days_since_epoch(int(year), _MONTHS.index(month) + 1, int(day))
    except (KeyError, ValueError):
        return None
    return now - (((days * 24 + hours) * 60 + minutes) * 60 + seconds)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _days_since_epoch(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01; `datetime` and `calendar` take longer than the request."""
    years = year - (month < 3)  # counted from March, so that a leap day is the last of a year
    in_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * years + years // 4 - years // 100 + years // 400 + in_year - 719468


def _refusal_hint(error: Refusal, question: Question, now: float) -> str | None:
    skew = _skew_hint(error, now)
    if skew:
        return skew
    who = "the caller" if question.token is None else "the token's subject"
    facts = {
        "role": question.role_arn,
        "region": question.region,
        "source": question.source,
        "unsent": question.unsent,
        "who": who_asked(error) or who,
        "percent": _percent(error.message),
        "token": ", ".join(f"{name}={value}" for name, value in (question.token or {}).items())
        or "nothing",
    }
    for refusal in refusals.REFUSALS:
        if error.code in refusal.codes and refusal.contains in error.message:
            return refusal.hint.format(**facts)
    if error.status == 429 or error.code in _THROTTLING:
        return refusals.THROTTLED_HINT
    return None


def _percent(message: str) -> str:
    number = message.partition("%")[0].rpartition(" ")[2]
    return f"{number}%" if number.isdigit() else "more than 100%"


def _skew_hint(error: Refusal, now: float) -> str | None:
    """Return the hint about this machine's clock when the answer's Date is far from it."""
    seconds = clock_skew_seconds(error.headers, now)
    if seconds is None or abs(seconds) < _SKEW_SECONDS:
        return None
    return refusals.SKEW_HINT.format(
        minutes=round(abs(seconds) / 60), direction="ahead of" if seconds > 0 else "behind"
    )
