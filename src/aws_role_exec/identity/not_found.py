"""No base identity: where was looked, said so that a user knows where to put one."""

from __future__ import annotations

from aws_role_exec.errors import IdentityError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_role_exec.configuration.files import Configuration
    from aws_role_exec.identity.base import Surroundings


def anywhere(surroundings: Surroundings, asked: Sequence[str]) -> IdentityError:
    """Return the error for a chain of sources, of these names, that came to nothing."""
    from aws_role_exec.sts import refusals  # only when something failed

    environ = surroundings.environ
    config, credentials = surroundings.settings.configuration.paths
    is_off = environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    environment = "the environment, " if "env" in asked else ""
    profile = surroundings.settings.profile or "default"
    hint = refusals.IDENTITY_HINTS["none"].format(
        places=f"{environment}{credentials} and {config} (profile {profile}), and the container"
        " endpoint",
        metadata="is disabled" if is_off else "returned no role",
    )
    return IdentityError("source credentials: none found", hint=hint)


HOW_TO_SIGN = (
    "add keys, a credential_process, an SSO account and role, or a role_arn with"
    " source_profile or credential_source"
)


def in_profile(configuration: Configuration, name: str) -> IdentityError:
    """Return the error for a profile that was named on purpose: nobody else counts instead."""
    section = configuration.profiles.get(name, {})
    what, hint = f"profile {name} has no credentials", HOW_TO_SIGN
    if "aws_secret_access_key" in section:
        what = f"profile {name} has aws_secret_access_key but no aws_access_key_id"
        hint = "set both, or neither"
    elif "sso_session" in section or "sso_start_url" in section:
        what = f"profile {name} uses SSO but has neither sso_account_id nor sso_role_name"
        hint = f"add them: aws configure sso --profile {name}"
    elif "source_profile" in section or "credential_source" in section:
        what = f"profile {name} has source_profile or credential_source but no role_arn"
        hint = "add role_arn"
    hint = f"{hint}; no other identity is used instead"
    return IdentityError(f"source credentials: {what}", hint=hint)
