"""The configuration and credentials files, read as botocore reads them.

botocore has them read by the standard library's `configparser` and turns the sections into
profiles. Both take longer to import than all else that a run does, so the same grammar is read
here; the tests hold it against botocore.
"""

from __future__ import annotations

import errno
import os
import stat

from aws_role_exec.errors import UsageError
from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Section = dict[str, str | dict[str, str]]
    """Keys, in lower case, and their values; an indented block (`s3 =`) is a value with keys."""
    _Lines = dict[str, list[str]]

CONFIG_VARIABLE = "AWS_CONFIG_FILE"
CREDENTIALS_VARIABLE = "AWS_SHARED_CREDENTIALS_FILE"
MOST_BYTES = 16 << 20
"""Of one file: ten thousand profiles have two or three MiB."""


@record
class Configuration:
    """What both files say.

    `profiles` holds each profile as most settings see it: a key of the credentials file counts
    before the same of the configuration file. `in_config` and `in_credentials` hold the profiles
    of one file alone, where the access keys are looked for. `others` are sections of the
    configuration file that are no profile, as `[dev]` without `profile`. `paths` are the two
    files, whether they exist or not, `unreadable` what the system said of those that exist and
    cannot be read.
    """

    profiles: Mapping[str, Section]
    in_config: Mapping[str, Section]
    in_credentials: Mapping[str, Section]
    sso_sessions: Mapping[str, Section]
    services: Mapping[str, Section]
    others: Mapping[str, Section]
    paths: tuple[str, str]
    unreadable: tuple[str, ...]

    def __repr__(self) -> str:
        """Show which profiles there are, and no value, since some are secrets."""
        return f"Configuration({', '.join(self.profiles)})"


def read(environ: Mapping[str, str]) -> Configuration:
    """Return what the two files say that the environment names, or those of the home directory.

    A file that does not exist says nothing. A variable that is set and empty names none, as in
    botocore: the identity would be another. Raises UsageError, with file and line, for what
    cannot be understood.
    """
    unreadable: list[str] = []
    config_path = _place(CONFIG_VARIABLE, "~/.aws/config", environ)
    credentials_path = _place(CREDENTIALS_VARIABLE, "~/.aws/credentials", environ)
    config = load(config_path, CONFIG_VARIABLE in environ, unreadable)
    in_credentials = load(credentials_path, CREDENTIALS_VARIABLE in environ, unreadable)
    in_config: dict[str, Section] = {}
    sso_sessions: dict[str, Section] = {}
    services: dict[str, Section] = {}
    others: dict[str, Section] = {}
    kinds = (("profile", in_config), ("sso-session", sso_sessions), ("services", services))
    for title, section in config.items():
        if title == "default":
            in_config[title] = section
            continue
        for beginning, kind in kinds:
            if title.startswith(beginning):
                name = _second_word(title)
                if name is not None:
                    kind[name] = section
                break
        else:
            others[title] = section
    profiles = {name: dict(section) for name, section in in_config.items()}
    for name, section in in_credentials.items():
        profiles.setdefault(name, {}).update(section)
    return Configuration(
        profiles,
        in_config,
        in_credentials,
        sso_sessions,
        services,
        others,
        (config_path, credentials_path),
        tuple(unreadable),
    )


def parse(text: str, path: str) -> dict[str, Section]:
    """Return the sections of an INI file, each with its keys in lower case.

    The grammar is that of `configparser.RawConfigParser`, with botocore's one level of indented
    blocks. Raises UsageError, which names the path and the line and quotes no value: a line in
    the wrong place may be a secret.
    """
    defaults, sections, beginnings = _collect(text, path)
    found: dict[str, Section] = {}
    for title, keys in sections.items():
        found[title] = {}
        for key, lines in (defaults | keys if defaults else keys).items():
            value = lines[0] if len(lines) == 1 else "\n".join(lines).rstrip()
            if not value.startswith("\n"):
                found[title][key] = value
                continue
            block = _block(value)
            if block is None:
                number = beginnings[title if key in keys else "DEFAULT", key]
                what = f"this line of block `{key[:80]}` is not `key = value`"
                raise _wrong(path, number, what, DEEPER)
            found[title][key] = block
    return found


DEEPER = "an indented line belongs to the line above it"


def _wrong(path: str, number: int, what: str, hint: str | None = None) -> UsageError:
    return UsageError(f"configuration: {path}, line {number}: {what}", hint=hint)


def _collect(text: str, path: str) -> tuple[_Lines, dict[str, _Lines], dict[tuple[str, str], int]]:
    """Return [DEFAULT]'s keys, which count everywhere, the sections', and the line of each key.

    A key comes with the lines of its value. The line of a section is that of its key "".
    """
    defaults: _Lines = {}
    sections: dict[str, _Lines] = {}
    beginnings: dict[tuple[str, str], int] = {}
    title = ""
    section: _Lines | None = None
    value: list[str] | None = None  # of the key that further lines may still continue
    indent = 0
    for number, line in enumerate(_lines(text), 1):
        content = line.strip()
        if not content:
            if value is not None:
                value.append("")
            continue
        if content[0] in "#;":
            continue
        depth = len(line) - len(line.lstrip())
        if value is not None and depth > indent:
            value.append(content)
            continue
        indent = depth
        end = content.rfind("]")
        if content[0] == "[" and end > 1:
            title, value = content[1:end], None
            if title in sections:
                first = beginnings[title, ""]
                what = f"duplicate section [{title[:80]}], first in line {first}"
                raise _wrong(path, number, what, "merge the two sections")
            section = defaults if title == "DEFAULT" else sections.setdefault(title, {})
            beginnings[title, ""] = number
            continue
        if section is None:
            hint = "start with a line such as [default] or [profile dev]"
            raise _wrong(path, number, "this line is not in any section", hint)
        key, separator, rest = content.partition("=")
        if ":" in key:  # separates just as well
            key, separator, rest = content.partition(":")
        key = key.strip().lower()
        if not separator or not key:
            what = "this is neither `key = value` nor a [section]"
            raise _wrong(path, number, what)
        if key in section:
            first = beginnings[title, key]
            what = f"duplicate key {key[:80]} in [{title[:80]}], first in line {first}"
            raise _wrong(path, number, what, "keep one of them")
        value = section[key] = [rest.strip()]
        beginnings[title, key] = number
    return defaults, sections, beginnings


def _lines(text: str) -> list[str]:
    """Return the lines as Python's text files have them, without a byte order mark."""
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")


def _block(value: str) -> dict[str, str] | None:
    """Return the keys of an indented block, their case kept; None if a line is no pair."""
    block = {}
    for line in value.splitlines():
        if line.strip():
            key, separator, rest = line.partition("=")
            if not separator:
                return None
            block[key.strip()] = rest.strip()
    return block


def _second_word(title: str) -> str | None:
    """Return the name in a title as `profile dev` or `profile "my dev"`, None if it has none.

    The words are a shell's, without its variables. Titles with any other number of words are
    skipped, as in botocore.
    """
    if set(title) & set("\"'\\"):
        import shlex  # names with blanks or quotes only

        try:
            words = shlex.split(title)
        except ValueError:
            return None
    else:
        words = [word for word in title.replace("\t", " ").split(" ") if word]
    return words[1] if len(words) == 2 else None


def _place(variable: str, default: str, environ: Mapping[str, str]) -> str:
    return expand(environ.get(variable, default), environ)


def load(path: str, is_named: bool, unreadable: list[str]) -> dict[str, Section]:
    """Return the file's sections; none if there is no file, or we may not read it.

    A directory that must not be searched hides no file of ours (a container's user has root's
    home), unless a variable names a file in it.
    """
    try:
        size = _size_bytes(path, is_named)
        if size is None:
            return {}
        if size > MOST_BYTES:
            raise UsageError(f"configuration: {path}: it is larger than {MOST_BYTES >> 20} MiB")
        with open(path, "rb") as file:
            content = file.read()
    except PermissionError as error:
        unreadable.append(f"{path}: {error.strerror}")
        return {}
    except OSError as error:  # to go on without it would be another region, or another identity
        raise UsageError(f"configuration: {path}: {error.strerror}") from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"configuration: {path}, line {number}: this is not UTF-8 text") from None
    return parse(text, path)


def _size_bytes(path: str, is_named: bool) -> int | None:
    """Return the size of a regular file, None where there is none.

    Raises PermissionError only if it is named, and OSError when the system cannot tell.
    """
    try:
        found = os.stat(path)
        return found.st_size if stat.S_ISREG(found.st_mode) else None
    except PermissionError:
        if is_named:
            raise
    except ValueError:  # a path with a NUL in it is no file's
        pass
    except OSError as error:
        if error.errno not in _NO_SUCH_FILE:
            raise
    return None


_NO_SUCH_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


def expand(path: str, environ: Mapping[str, str]) -> str:
    """Return a path from the environment or a profile with its variables and `~` expanded.

    As botocore does it: `$NAME` and `${NAME}` first, then `~` and `~user`; what is not set
    stays as it is written.
    """
    if os.name == "nt":
        return os.path.expanduser(os.path.expandvars(path))
    if "$" in path:
        path = _expand_variables(path, environ)
    if path[:1] == "~" and path[1:2] in ("", "/") and "HOME" in environ:
        return environ["HOME"].rstrip("/") + path[1:] or "/"
    return os.path.expanduser(path)


def _expand_variables(path: str, environ: Mapping[str, str]) -> str:
    before, *parts = path.split("$")
    expanded = before
    for part in parts:
        if part.startswith("{") and "}" in part:
            name, _, rest = part[1:].partition("}")
            written = f"${{{name}}}"
        else:
            end = 0
            while (
                end < len(part)
                and (part[end] == "_" or part[end].isalnum())
                and part[end].isascii()
            ):
                end += 1
            name, rest = part[:end], part[end:]
            written = f"${name}"
        expanded += environ.get(name, written) + rest
    return expanded
