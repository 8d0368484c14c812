"""`--version -v`: what this program is made of, for a report."""

from __future__ import annotations

import platform
import ssl

from aws_role_exec import __commit__
from aws_role_exec.configuration import by_botocore
from aws_role_exec.messages import VERSION_LINE


def describe() -> str:
    """Return the version, and a line each for what it was built from and runs on."""
    facts = {
        "commit": __commit__ or "unknown: this is not a release",
        "platform": f"{platform.system()} {platform.machine()}",
        platform.python_implementation(): platform.python_version(),
        "OpenSSL": ssl.OPENSSL_VERSION.removeprefix("OpenSSL "),
        "botocore": by_botocore.VERSION,
    }
    width = max(map(len, facts)) + 2
    lines = [f"{name + ':':<{width}}{value}" for name, value in facts.items()]
    return "".join(f"{line}\n" for line in (VERSION_LINE, *lines))
