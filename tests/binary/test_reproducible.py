"""The same sources make the same file, wherever and whenever they are built."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import BUILT, ROOT, built


@pytest.mark.timeout(600)
def test_a_second_build_elsewhere_is_the_same(tmp_path: Path) -> None:
    """From a copy of the checkout under another name; only the cache is shared."""
    checkout = tmp_path / "another place"
    checkout.mkdir()
    for part in ("build", "src"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, checkout / part, ignore=ignore)
    environment = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    environment["TMPDIR"] = str(tmp_path / "temporary")
    os.mkdir(environment["TMPDIR"])
    subprocess.run(
        [sys.executable, "-S", str(checkout / "build" / "build.py"), *BUILT],
        check=True,
        env=environment,
        cwd="/",
    )
    for name in BUILT:
        again = checkout / "dist" / name / "aws-role-exec"
        sums = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (built(name), again)]
        assert sums[0] == sums[1], name
