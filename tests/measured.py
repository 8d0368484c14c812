"""The program, measured: `make coverage` gives it to the tests in place of the installed command.

It is started with the environment that a test made, so nothing there can tell it what to do; what
was reached is written before the process becomes the command.
"""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import coverage

REPOSITORY = Path(__file__).resolve().parents[1]
measured = coverage.Coverage(
    data_file=str(REPOSITORY / ".coverage-data" / ".coverage"),
    data_suffix=True,
    source_pkgs=["aws_role_exec"],
    config_file=False,
)


def after_saving(end: Any) -> Any:
    """Return a function that ends the process, so that what was reached is written before."""

    def save(*arguments: Any) -> NoReturn:
        measured.stop()
        measured.save()
        measured.start()  # in case that it does not end: an execve may be refused
        end(*arguments)

    return save


os.execve = after_saving(os.execve)
os._exit = after_saving(os._exit)
measured.start()

from aws_role_exec.__main__ import main  # noqa: E402 - measured from its first line

try:
    code = main()
finally:
    measured.stop()
    measured.save()
sys.exit(code)
