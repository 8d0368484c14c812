"""The base identity: sources asked in order, the first that has one counts.

The order is botocore's. Each source is a file of its own beside this one; what it does not know
is Doubt, and then botocore's own chain, the last source, answers in its place.
"""

from __future__ import annotations

from aws_role_exec.errors import Doubt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aws_role_exec.identity.base import Base, Surroundings
    from aws_role_exec.trail import Trail


def _environment(surroundings: Surroundings) -> Base | None:
    from aws_role_exec.identity import environment

    return environment.find(surroundings)


def _profile(surroundings: Surroundings) -> Base | None:
    configuration = surroundings.settings.configuration
    if not configuration.profiles and not configuration.unreadable:
        return None
    from aws_role_exec.identity import profile

    return profile.find(surroundings)


def _token_file(surroundings: Surroundings) -> Base | None:
    from aws_role_exec.identity import token_file

    return token_file.find(surroundings)


def _legacy_files(surroundings: Surroundings) -> Base | None:
    settings = surroundings.settings
    if settings.is_renewed:
        return None  # the container's are meant
    if settings.is_named:
        # Named on purpose, so it yields an identity or none: never the machine's.
        from aws_role_exec.identity import not_found

        raise not_found.in_profile(settings.configuration, settings.profile or "default")
    from aws_role_exec.identity import legacy_files

    legacy_files.find(surroundings)
    return None


def _container(surroundings: Surroundings) -> Base | None:
    from aws_role_exec.identity import container

    return container.find(surroundings)


def _instance(surroundings: Surroundings) -> Base | None:
    from aws_role_exec.identity import instance

    return instance.find(surroundings)


CHAIN = (
    ("env", _environment),
    ("profile", _profile),
    ("assume-role-with-web-identity", _token_file),
    ("boto-config", _legacy_files),
    ("container-role", _container),
    ("iam-role", _instance),
)
"""The sources, by botocore's names where it has them (`sts.refusals.PROVIDERS` has words)."""


def find(surroundings: Surroundings, trail: Trail) -> Base:
    """Return the base identity, with the keys fetched and the roles of a profile in front.

    The trail is told where was looked. Raises IdentityError when there is none, or what there
    is does not work, with what to do; and TimeoutError when the deadline leaves no time.
    """
    named = surroundings.settings.is_named_by_option  # then keys in the environment do not count
    try:
        for name, source in CHAIN[1:] if named else CHAIN:
            trail.asked.append(name)
            base = source(surroundings)
            if base is not None:
                return base
    except Doubt as doubt:
        from aws_role_exec.sts import refusals  # only when something failed

        place = refusals.PROVIDERS[trail.asked[-1]]
        surroundings.tell(f"{place}: handled by botocore: {doubt}")
        from aws_role_exec.identity import botocore_chain  # botocore

        return botocore_chain.find(surroundings, trail)
    from aws_role_exec.identity import not_found

    raise not_found.anywhere(surroundings, trail.asked)
