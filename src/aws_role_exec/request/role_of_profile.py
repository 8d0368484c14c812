"""The role of a run without `--role-arn`: the one that `--profile` names.

What the profile says of its role are defaults below the options. A profile that is a role's
session already, by an SSO account and role, has no role to assume: its credentials are handed
over as they are.
"""

from __future__ import annotations

from aws_role_exec.configuration.settings import text
from aws_role_exec.errors import UsageError
from aws_role_exec.identity import profile
from aws_role_exec.request.options import TABLE, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aws_role_exec.configuration.settings import Settings

_SETTINGS = {
    "--duration": "duration_seconds",
    "--session-name": "role_session_name",
    "--external-id": "external_id",
    "--mfa-serial": "mfa_serial",
}
_NOT_WITH_A_TOKEN = ("--external-id", "--mfa-serial")
"""A profile with a token file may have them, and botocore does not send them then."""
_OF_THE_SESSION = (
    *_SETTINGS,
    "--mfa-code",
    *(option.flag for option in TABLE if option.parameter and option.flag not in _SETTINGS),
)


def complete(options: Options, settings: Settings) -> Options:
    """Return the options with the role of the profile and what it says of it.

    Without a role in them, the profile is a role's session. Raises UsageError for a profile that
    is neither and for options that a session cannot have any more, IdentityError for a chain of
    profiles that has no end or no beginning.
    """
    profile.flatten(settings.configuration, settings.profile or "default")
    role_arn = text(settings.section, "role_arn", settings.place("role_arn"))
    if not role_arn:
        _check_session(options, settings)
        return options
    found = {"--role-arn": role_arn}
    for flag, key in _SETTINGS.items():
        value = text(settings.section, key, settings.place(key))
        has_token = has_token_file(settings) and flag in _NOT_WITH_A_TOKEN
        if value and not has_token and not options.is_given(flag):
            found[flag] = value
    if "--duration" in found:
        found["--duration"] = _seconds(found["--duration"], settings)
    places = {flag: settings.place(_SETTINGS.get(flag, "role_arn")) for flag in found}
    return options.with_profile(found, places)


def has_token_file(settings: Settings) -> bool:
    """Tell whether the profile's role is assumed with an OIDC token in a file."""
    return bool(settings.section.get("web_identity_token_file"))


def session(settings: Settings) -> str | None:
    """Return whose session the profile is, as in `role Dev in account 123456789012`.

    None for a profile without an SSO account and role.
    """
    section = settings.section
    account, role = section.get("sso_account_id"), section.get("sso_role_name")
    return f"role {role} in account {account}" if account and role else None


def _check_session(options: Options, settings: Settings) -> None:
    """Raise UsageError unless the profile can be handed over as it is."""
    name = settings.profile or "default"
    label = options.label("--profile")
    if session(settings) is None:
        raise UsageError(
            f"{label}: profile {name} names no role: it has neither role_arn nor an SSO account"
            " and role",
            hint="name the role with --role-arn, or add role_arn to the profile",
        )
    for flag in _OF_THE_SESSION:
        if options.is_given(flag):
            raise UsageError(
                f"{options.label(flag)}: profile {name} is already a session of"
                f" {session(settings)}, which cannot be changed",
                hint=f"omit {options.label(flag)}, or add --role-arn to assume a role from it",
            )


def _seconds(value: str, settings: Settings) -> str:
    """Return a number of seconds as the option would have it."""
    if not (value.isascii() and value.isdecimal()):
        raise UsageError(
            f"{settings.place('duration_seconds')}: '{value[:40]}' is not a number of seconds",
            hint="for example, duration_seconds = 3600",
        )
    return f"{value}s"
