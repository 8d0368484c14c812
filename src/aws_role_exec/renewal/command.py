"""What the command is given to find the helper by: variables, and files of its own.

All of it was found by running SDKs. A `[default]` profile with keys goes before a container's
credentials nearly everywhere, so there is a profile without any; some read the token from a
variable and others from a file; several send requests to loopback through a proxy, keys and all;
and a client that cannot use the helper must fail and not take the machine's role.
"""

from __future__ import annotations

from aws_role_exec.configuration import files
from aws_role_exec.identity import legacy_files
from aws_role_exec.identity_variables import IDENTITY_SETTINGS, RENEWED_SETTING
from aws_role_exec.records import record
from aws_role_exec.renewal import protocol
from aws_role_exec.renewal.clients import ADDRESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_role_exec.configuration.files import Section
    from aws_role_exec.renewal.directory import Private

PROFILE = "aws-role-exec"


@record
class Access:
    """How the command gets at the credentials: a port on loopback, and a token."""

    port: int
    token: str
    region: str

    def __repr__(self) -> str:
        """Show where it is, and no secret."""
        return f"Access({self.port})"


def names(way: str) -> list[str]:
    """Return the variables that a command is given, renewed in this way."""
    by_helper = ("_CREDENTIALS_FULL_URI", "_AUTHORIZATION_TOKEN", "_AUTHORIZATION_TOKEN_FILE")
    own = [f"AWS_CONTAINER{rest}" for rest in by_helper] if way == "helper" else []
    return [*own, "AWS_PROFILE", *_FILES, *settings("", {})]


_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")


def variables(
    access: Access,
    private: Private,
    sections: Mapping[str, Section],
    environ: Mapping[str, str],
) -> dict[str, str]:
    """Write the command's files and return the variables that it is given in place of keys.

    `sections` are those of the user's configuration file, `environ` is the caller's environment.
    Raises OSError where a file cannot be written.
    """
    profile = profile_name(sections)
    ours = {"region": access.region, RENEWED_SETTING: "true"}
    config = configuration(sections, ours)
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{ADDRESS}:{access.port}{protocol.PATH}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": access.token,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": private.write("token", access.token.encode()),
        "AWS_PROFILE": profile,
        "AWS_SHARED_CREDENTIALS_FILE": private.write("credentials", f"[{profile}]\n".encode()),
        "AWS_CONFIG_FILE": private.write("config", config.encode("utf-8")),
        **_boto_without_keys(private, environ),
        **settings(access.region, environ),
    }


def _boto_without_keys(private: Private, environ: Mapping[str, str]) -> dict[str, str]:
    """Return BOTO_CONFIG with a copy of boto 2's configuration, where that has AWS keys.

    botocore takes them before a container's credentials. gsutil has its own settings in that
    file, which stay.
    """
    named = environ.get("BOTO_CONFIG")
    found: list[str] = []
    has_keys = False
    for path in legacy_files.BOTO_FILES if named is None else (named,):
        try:
            with open(files.expand(path, environ), encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except (OSError, ValueError):
            continue
        found = [line for line in lines if not line.strip().lower().startswith(_BOTO_KEYS)]
        has_keys = has_keys or found != lines  # the last file that is there counts most
    if not has_keys:
        return {}
    return {"BOTO_CONFIG": private.write("boto", "\n".join([*found, ""]).encode())}


_BOTO_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_security_token")


def settings(region: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that do not depend on how the command asks for credentials."""
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_SDK_LOAD_CONFIG": "1",  # else SDKs of version 1 and 2 do not look at the profile
        "AWS_EC2_METADATA_DISABLED": "true",
        **_no_proxy(environ),
    }


def _no_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """Return both spellings of NO_PROXY with loopback in them; a program reads one of them."""
    lower, upper = environ.get("no_proxy", ""), environ.get("NO_PROXY", "")
    values = {"no_proxy": lower or upper, "NO_PROXY": upper or lower}
    for name, value in values.items():
        hosts = [host.strip() for host in value.split(",")]
        if ADDRESS not in hosts and "*" not in hosts:
            values[name] = f"{value},{ADDRESS}" if value else ADDRESS
    return values


def profile_name(sections: Mapping[str, Section]) -> str:
    """Return a name that is no profile's of the user's."""
    name = PROFILE
    while f"profile {name}" in sections or name in sections:
        name += "-"
    return name


def configuration(sections: Mapping[str, Section], ours: Mapping[str, str]) -> str:
    """Return the command's configuration file: the user's, and a profile of ours.

    What carries or selects an identity is taken out of the default profile. Ours has the rest of
    the default profile's settings, since it stands in its place, with those of `ours`.
    """
    lines: list[str] = []
    default: dict[str, str | dict[str, str]] = {}
    for title, section in sections.items():
        kept = dict(section)
        if title.split() in (["default"], ["profile", "default"]):
            kept = {key: value for key, value in kept.items() if key not in IDENTITY_SETTINGS}
            default.update(kept)
        lines += _section(title, kept)
    lines += _section(f"profile {profile_name(sections)}", {**default, **ours})
    return "\n".join(lines)


def _section(title: str, section: Section) -> list[str]:
    lines = [f"[{title}]"]
    for key, value in section.items():
        if isinstance(value, dict):
            lines += [f"{key} =", *(f"    {inner} = {text}" for inner, text in value.items())]
        else:
            lines.append(f"{key} = " + value.replace("\n", "\n    "))
    return [*lines, ""]


def read_sections(path: str) -> dict[str, Section]:
    """Return the sections of the user's configuration file; none where there is none to be read.

    Raises UsageError for what cannot be understood.
    """
    return files.load(path, False, [])
