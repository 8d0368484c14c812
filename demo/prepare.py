"""Make the demonstration's environment: a Python with what the program needs, and the program.

`python demo/prepare.py DIRECTORY` does it in seconds where `python -m venv` and an installation of
the checkout take half a minute: pip runs from the wheel that comes with Python, instead of being
installed first, and the program is this checkout as it lies here, which needs no build.
"""

import ensurepip
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAM = """\
#!{python}
import sys

from aws_role_exec.__main__ import main

sys.exit(main())
"""


def main(directory: Path) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    needed = project["dependencies"]
    print(f"Once, for about ten seconds: {directory} gets {' and '.join(needed)}.", flush=True)
    venv.EnvBuilder(with_pip=False, clear=True, symlinks=True).create(directory)
    python = directory.absolute() / "bin" / "python"
    pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-compile", *needed]
    subprocess.run([python, *pip], env={**os.environ, "PYTHONPATH": str(pip_wheel())}, check=True)
    packages = next(directory.glob("lib/python*/site-packages"))
    (packages / "checkout.pth").write_text(f"{REPOSITORY / 'src'}\n")
    program = python.with_name("aws-role-exec")
    program.write_text(PROGRAM.format(python=python))
    program.chmod(0o755)


def pip_wheel() -> Path:
    """Return the wheel of pip that ensurepip would install; distributions keep it elsewhere.

    Raises SystemExit if there is none.
    """
    places = [
        sysconfig.get_config_var("WHEEL_PKG_DIR"),
        Path(ensurepip.__file__).parent / "_bundled",
    ]
    wheels = [wheel for place in places if place for wheel in Path(place).glob("pip-*.whl")]
    if not wheels:
        sys.exit(f"{sys.executable} comes without pip: install python3-venv")
    return wheels[0]


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)
