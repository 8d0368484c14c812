"""The real clients that run under `--renew`, and how each is started."""

import glob
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Words = Sequence[str | Path]

REPOSITORY = Path(__file__).resolve().parents[3]
PROGRAMS = Path(__file__).with_name("programs")
BIN = REPOSITORY / ".venv-clients/bin"
BUILT = REPOSITORY / "dist/clients"
"""Where `make clients` builds those that are compiled."""


@dataclass(frozen=True)
class Client:
    """A client, which works in the bucket that has its name.

    `start` are the words of its command for an endpoint, `version` those of one that tells its
    version. `needs` is a pattern of the file without which it is not there. One that is in every
    run is required for it, the others run where they are there. `note` is what its user has to
    know, in Markdown.
    """

    name: str
    title: str
    start: Callable[[str], Words]
    version: Words
    needs: str
    is_in_every_run: bool = True
    note: str = ""

    @property
    def is_there(self) -> bool:
        return bool(glob.glob(self.needs))

    def tell_version(self) -> str:
        """The first number with a dot in what it says of itself."""
        told = subprocess.run(self.version, capture_output=True, text=True, timeout=300, check=True)
        found = re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)
        assert found, told
        return found[0]


def _python(name: str, title: str, *, package: str | None = None, **more: Any) -> Client:
    """One with a program in `programs`, beside which its package is installed."""
    package = package or name
    return Client(
        name,
        title,
        lambda endpoint: [BIN / "python", PROGRAMS / f"with_{package}.py", name, endpoint],
        [BIN / "python", "-c", f"import importlib.metadata as m; print(m.version('{package}'))"],
        f"{BIN.parent}/lib/python*/site-packages/{package}",
        **more,
    )


def _aws(name: str, title: str, path: Path | str, needs: str, **more: Any) -> Client:
    """One whole listing by an AWS CLI."""
    request = ["s3api", "list-objects-v2", "--bucket", name, "--page-size", "1", "--endpoint-url"]
    return Client(
        name,
        title,
        lambda endpoint: [path, *request, endpoint],
        [path, "--version"],
        needs,
        **more,
    )


def _built(name: str, title: str, program: Words, needs: str, note: str = "") -> Client:
    """One that `make clients` builds from `programs`."""
    return Client(
        name,
        title,
        lambda endpoint: [*program, name, endpoint],
        [*program, "--version"],
        f"{BUILT}/{needs}",
        is_in_every_run=False,
        note=note,
    )


_RCLONE = "rclone lsf --s3-env-auth --s3-provider Other --s3-list-chunk 1 :s3:rclone --s3-endpoint"
CLIENTS = (
    _python("boto3", "boto3"),
    _aws("aws-cli-1", "AWS CLI 1", BIN / "aws", f"{BIN}/aws"),
    # Debian's package is version 2 since Debian 12; other systems have none, or version 1.
    _aws(
        "aws-cli-2",
        "AWS CLI 2",
        "/usr/bin/aws",
        "/usr/lib/python3/dist-packages/awscli/customizations/wizard",
        is_in_every_run=False,
    ),
    _python("awscrt", "AWS Common Runtime (awscrt)"),
    _python("pyarrow", "AWS SDK for C++ (pyarrow)"),
    _python("obstore", "object_store (obstore)"),
    _python("gdal", "GDAL (rasterio)", package="rasterio"),
    Client(
        "rclone",
        "AWS SDK for Go v1 (rclone)",
        lambda endpoint: [*_RCLONE.split(), endpoint],
        ["rclone", "version"],
        "/usr/bin/rclone",
    ),
    _python(
        "polars",
        "polars, beside boto3",
        package="polars",
        is_in_every_run=False,
        note="polars without boto3 takes keys from `~/.aws/credentials`, even if the variables "
        "lead elsewhere: install boto3 beside it.",
    ),
    _built("go-2", "AWS SDK for Go v2", [BUILT / "go/client"], "go/client"),
    _built(
        "javascript-3",
        "AWS SDK for JavaScript v3",
        ["node", BUILT / "javascript/main.mjs"],
        "javascript/node_modules/@aws-sdk/client-s3",
        "The AWS SDK for JavaScript writes a warning that two variables hold the token; "
        "other SDKs need one or the other.",
    ),
    _built(
        "java-2",
        "AWS SDK for Java v2",
        ["java", "-cp", f"{BUILT}/java/dependency/*:{BUILT}/java/classes", "Client"],
        "java/classes/Client.class",
    ),
    _built(
        "rust", "AWS SDK for Rust", [BUILT / "rust/target/debug/client"], "rust/target/debug/client"
    ),
)
