"""A profile of the AWS configuration: flattened to one base and the roles in front of it.

The rules are those of botocore's providers, which `tests/identity` holds them against: which of
a profile's settings counts first, what a `source_profile` may be, and where a chain ends.
"""

from __future__ import annotations

import time

from aws_role_exec.configuration.settings import text
from aws_role_exec.credentials import Keys, check_key, check_token
from aws_role_exec.errors import Doubt, IdentityError
from aws_role_exec.identity import not_found
from aws_role_exec.identity.base import Base, Hop
from aws_role_exec.records import record
from aws_role_exec.redaction import keep_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_role_exec.configuration.files import Configuration, Section
    from aws_role_exec.identity.base import Surroundings

_KEY_ID, _SECRET = "aws_access_key_id", "aws_secret_access_key"
_TOKENS = ("aws_security_token", "aws_session_token")  # botocore's rank
_TOKEN_FILE = "web_identity_token_file"  # noqa: S105 - a setting's name
_CREDENTIAL_SOURCES = ("Environment", "Ec2InstanceMetadata", "EcsContainer")


@record
class Flat:
    """A profile as a base and roles.

    The base is a `credential_source` where there is one, else `profile`'s own credentials.
    `hops` are the roles, the first one to be assumed first.
    """

    profile: str
    credential_source: str | None
    hops: tuple[Hop, ...]


def find(surroundings: Surroundings) -> Base | None:
    """Return the identity of the selected profile: its base, fetched, and its roles.

    None where the profile has none, or a variable's token file goes before it; both only for a
    profile that no option names. Raises Doubt for a login session, UsageError for a setting
    that is a block, and IdentityError for what does not work: an incomplete or circular chain,
    a file that cannot be read, a named profile without credentials.
    """
    settings = surroundings.settings
    configuration = settings.configuration
    name = settings.profile or "default"
    if configuration.unreadable:
        raise _wrong(
            f"cannot read {configuration.unreadable[0]}",
            "no other identity is used instead; check the file's owner and mode",
        )
    flat = flatten(configuration, name)
    if flat.credential_source is None:
        obeys_variables = not flat.hops and not settings.is_named_by_option
        base = _find_own(surroundings, flat.profile, obeys_variables)
    else:
        base = _ask_source(surroundings, flat)
    if base is None:
        if flat.hops:
            raise _wrong(
                f"profile {flat.profile}, a source_profile of profile {name}, has no credentials",
                not_found.HOW_TO_SIGN,
            )
        if settings.is_named_by_option:
            raise not_found.in_profile(configuration, name)
        return None
    wants_code = any(hop.mfa_serial for hop in flat.hops)
    return Base(
        base.keys,
        base.provider,
        base.source,
        base.hops + flat.hops,
        base.is_renewable and not wants_code,
        base.expiration,
    )


def flatten(configuration: Configuration, name: str) -> Flat:
    """Return a profile as a base and roles, without asking anybody.

    Raises IdentityError for a chain that has no end or no beginning, UsageError for a setting
    that is a block.
    """
    profiles = configuration.profiles
    section = profiles.get(name, {})
    if not _names_a_role(section):
        return Flat(name, None, ())
    visited = [name]
    hops: list[Hop] = []
    while True:
        hops.insert(0, _hop(name, section))
        source = _setting(section, name, "source_profile")
        credential_source = _setting(section, name, "credential_source")
        if credential_source is not None:
            if source is not None:
                raise _wrong(
                    f"profile {name} has both source_profile and credential_source",
                    "keep one of them",
                )
            if credential_source not in _CREDENTIAL_SOURCES:
                raise _wrong(
                    f"profile {name}: '{credential_source[:80]}' is not a credential_source",
                    f"use one of {', '.join(_CREDENTIAL_SOURCES)}",
                )
            return Flat(name, credential_source, tuple(hops))
        if source is None:
            raise _wrong(
                f"profile {name} has role_arn but neither source_profile nor credential_source",
                "add source_profile = NAME or credential_source, which is one of"
                f" {', '.join(_CREDENTIAL_SOURCES)}",
            )
        if source not in profiles:
            hint = "write [profile NAME] in the config file, [NAME] in the credentials file"
            raise _wrong(f"profile {name}: its source_profile {source} does not exist", hint)
        section = profiles[source]
        if source in visited and not (source == name and _has_keys(section)):
            chain = " -> ".join((*visited, source))
            raise _wrong(
                f"profile {name}: its source_profile chain is circular ({chain})",
                "use a profile that has its own credentials",
            )
        if _has_keys(section) or not _names_a_role(section):
            return Flat(source, None, tuple(hops))
        visited.append(source)
        name = source


def _names_a_role(section: Section) -> bool:
    """Tell whether a profile has a role that other credentials assume, not a token."""
    return "role_arn" in section and _TOKEN_FILE not in section


def _has_keys(section: Section) -> bool:
    return _KEY_ID in section or _SECRET in section


def _hop(name: str, section: Section) -> Hop:
    """Return what a profile says of its role. A duration that is no number counts as none."""
    role_arn = _setting(section, name, "role_arn")
    if not role_arn:
        raise _wrong(
            f"profile {name}: its role_arn is empty", "set it to the role's ARN, or remove it"
        )
    seconds = _setting(section, name, "duration_seconds")
    try:
        duration_seconds = int(seconds) if seconds is not None else None
    except ValueError:
        duration_seconds = None
    return Hop(
        role_arn,
        _setting(section, name, "role_session_name") or _session_name(),
        duration_seconds,
        _setting(section, name, "external_id"),
        _setting(section, name, "mfa_serial"),
        named_by=f"profile {name}",
    )


def _session_name() -> str:
    """Return what botocore calls a session that a profile does not name."""
    return f"botocore-session-{int(time.time())}"


def _setting(section: Section, profile: str, key: str) -> str | None:
    return text(section, key, f"{key} of profile {profile}")


def _ask_source(surroundings: Surroundings, flat: Flat) -> Base:
    if flat.credential_source == "Environment":
        from aws_role_exec.identity import environment

        base = environment.find(surroundings)
    elif flat.credential_source == "EcsContainer":
        from aws_role_exec.identity import container

        base = container.find(surroundings)
    else:
        from aws_role_exec.identity import instance

        base = instance.find(surroundings)
    if base is None:
        raise _wrong(
            f"profile {flat.profile}: its credential_source {flat.credential_source} has no"
            " credentials here",
            _SOURCE_HINTS[flat.credential_source or ""],
        )
    return base


_SOURCE_HINTS = {
    "Environment": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "EcsContainer": "ECS and EKS set AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI",
    "Ec2InstanceMetadata": "is this an EC2 instance with a role? See AWS_EC2_METADATA_DISABLED",
}


def _find_own(surroundings: Surroundings, name: str, obeys_variables: bool) -> Base | None:
    """Return the profile's own credentials, None if it has none.

    In botocore's order: a web identity token, SSO, keys in the credentials file, a login, a
    process, keys in the configuration file. With `obeys_variables`, AWS_WEB_IDENTITY_TOKEN_FILE
    and those beside it count before the profile's settings.
    """
    configuration = surroundings.settings.configuration
    section = configuration.profiles.get(name, {})
    environ = surroundings.environ if obeys_variables else {}
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return None  # the next source's
    if "AWS_WEB_IDENTITY_TOKEN_FILE" not in environ:
        # Set and empty, it takes the profile's away: so it does in botocore, and another
        # identity counts.
        path = _setting(section, name, _TOKEN_FILE)
        if path:
            return _from_token_file(surroundings, name, section, path, environ)
    if "sso_account_id" in section or "sso_role_name" in section:
        from aws_role_exec.identity import sso

        return sso.find_for(surroundings, name, section)
    config, credentials = configuration.paths
    in_credentials = configuration.in_credentials.get(name, {})
    if _KEY_ID in in_credentials:
        return _from_keys(name, in_credentials, credentials, "shared-credentials-file")
    if "login_session" in section:
        raise Doubt("a login session")
    command = _setting(section, name, "credential_process")
    if command is not None:
        from aws_role_exec.identity import process

        return process.find_for(surroundings, command, name)
    in_config = configuration.in_config.get(name, {})
    if _KEY_ID in in_config:
        return _from_keys(name, in_config, config, "config-file")
    return None


def _from_token_file(
    surroundings: Surroundings,
    name: str,
    section: Section,
    path: str,
    environ: Mapping[str, str],
) -> Base:
    from aws_role_exec.identity import token_file

    role_arn = environ.get("AWS_ROLE_ARN") or _setting(section, name, "role_arn")
    if not role_arn:
        raise _wrong(
            f"profile {name} has {_TOKEN_FILE} but no role_arn",
            "add the role_arn that the token is for",
        )
    session_name = environ.get("AWS_ROLE_SESSION_NAME") or _setting(
        section, name, "role_session_name"
    )
    return token_file.find_for(
        surroundings, path, role_arn, session_name or _session_name(), named_by=f"profile {name}"
    )


def _from_keys(name: str, section: Section, path: str, provider: str) -> Base:
    """Return the keys that stand in a profile's section of a file."""
    place = f"of profile {name} in {path}"
    key_id = _setting(section, name, _KEY_ID) or ""
    secret = _setting(section, name, _SECRET)
    if secret is None:
        raise _wrong(
            f"profile {name} in {path} has {_KEY_ID} but no {_SECRET}",
            "set both, or neither",
        )
    token, named = "", ""
    for named in _TOKENS:
        if named in section:
            token = _setting(section, name, named) or ""
            break
    keep_secret(secret, token)
    return Base(
        Keys(
            check_key(key_id, f"{_KEY_ID} {place}"),
            check_key(secret, f"{_SECRET} {place}"),
            check_token(token, f"{named} {place}") if token else "",
        ),
        provider,
        f"profile {name} in {path}",
    )


def _wrong(what: str, hint: str | None = None) -> IdentityError:
    return IdentityError(f"source credentials: {what}", hint=hint)
