"""Write the module files of one version: `generate.py VERSION ROOT DIRECTORY`.

ROOT is where that version's archive is unpacked. In DIRECTORY appear
tcl/aws-role-exec/VERSION for Environment Modules and lmod/aws-role-exec/VERSION.lua for Lmod;
put tcl/ or lmod/ on MODULEPATH.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = {"tcl.in": "tcl/aws-role-exec/{}", "lmod.in": "lmod/aws-role-exec/{}.lua"}


def write(version: str, root: str, directory: Path) -> list[Path]:
    """Write both files; returns where."""
    if not re.fullmatch(r"[0-9A-Za-z.+_-]+", version):
        raise SystemExit(f"'{version}' is not a version")
    if not re.fullmatch(r"/[0-9A-Za-z./+_-]*", root):
        raise SystemExit(f"'{root}' is not an absolute path of plain characters")
    written = []
    for template, name in FILES.items():
        path = directory / name.format(version)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (HERE / template).read_text()
        path.write_text(text.replace("@VERSION@", version).replace("@ROOT@", root))
        written.append(path)
    return written


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    for each in write(sys.argv[1], sys.argv[2], Path(sys.argv[3])):
        print(each)
