"""The easyconfig is read as EasyBuild reads it, and its unpacking done, on an archive of ours."""

import subprocess
import tarfile
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[2] / "packaging/easybuild/aws-role-exec.eb.in"


def test_it_unpacks_to_what_it_checks_for(tmp_path: Path) -> None:
    """bin/aws-role-exec, from an archive with the program at its top."""
    text = TEMPLATE.read_text().replace("@VERSION@", "1.0.0").replace("@SHA256@", "0" * 64)
    config: dict[str, object] = {"SYSTEM": {"name": "system", "version": "system"}}
    exec(compile(text, TEMPLATE.name, "exec"), config)  # an easyconfig is Python
    assert config["version"] == "1.0.0"
    archive = tmp_path / "archive.tar.gz"
    program = tmp_path / "aws-role-exec"
    program.write_text("#!/bin/sh\n")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(program, "aws-role-exec")
    place = tmp_path / "build"
    place.mkdir()
    (source,) = config["sources"]  # type: ignore[misc]
    command = source["extract_cmd"].replace("%(name)s", "aws-role-exec") % archive
    subprocess.run(["sh", "-euc", command], cwd=place, check=True)
    (checked,) = config["sanity_check_paths"]["files"]  # type: ignore[index]
    assert (place / "aws-role-exec" / (checked % {"name": "aws-role-exec"})).exists()
