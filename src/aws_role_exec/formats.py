"""How credentials are printed: one pure renderer a format, one table of them."""

from __future__ import annotations

from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_role_exec.credentials import Credentials


@record
class Format:
    """A way of printing credentials.

    `render` takes the credentials and the region and returns the whole text. `failure` is
    what a run that failed prints instead, so that a shell evaluating it stops; empty where
    the reader sees the exit code anyway. `needs_file` formats make sense only in a file.
    """

    render: Callable[[Credentials, str], str]
    failure: str = ""
    needs_file: bool = False


def _env(credentials: Credentials, region: str) -> str:
    # No comment lines and a semicolon on each: unquoted, `eval $(...)` joins them to one line.
    return "".join(
        f"export {name}={_quote_posix(value)};\n"
        for name, value in credentials.variables(region).items()
    )


def _quote_posix(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _json(credentials: Credentials, region: str) -> str:
    import json  # noqa: PLC0415 - rarely asked for

    # The members that `credential_process` asks for (AWS SDKs and Tools Reference Guide), and
    # the region.
    document = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expiration_text,
        "Region": region,
    }
    return json.dumps(document, indent=2) + "\n"


def _credentials_file(credentials: Credentials, region: str) -> str:
    return (
        "[default]\n"
        f"aws_access_key_id = {credentials.access_key_id}\n"
        f"aws_secret_access_key = {credentials.secret_access_key}\n"
        f"aws_session_token = {credentials.session_token}\n"
        f"region = {region}\n"
    )


FORMATS = {
    "env": Format(_env, failure="false\n"),
    "json": Format(_json),
    "credentials-file": Format(_credentials_file, needs_file=True),
}
DEFAULT = "env"
