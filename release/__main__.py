"""Make a release, step by step, from what release.toml says.

    check -> build -> archive -> packages -> modulefiles -> sbom -> checksum -> sign
          -> formula -> scoop -> notes -> verify -> publish

Each step reads dist/artifacts.json, makes its own kind of file and writes them into the list;
`snapshot` runs all that need neither key nor network. The same commit makes the same bytes:
every date is SOURCE_DATE_EPOCH, else the commit's; owners are 0; lists are sorted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from release.record import ROOT, Refused, Release, say
from release.steps import SNAPSHOT, STEPS


def main() -> None:
    """Run one step, or those of a snapshot."""
    parser = argparse.ArgumentParser(
        prog="python -m release",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    summaries = {name: (step.__doc__ or "").splitlines()[0] for name, step in STEPS.items()}
    summaries["snapshot"] = "Run every step that needs no key and no network."
    parsers = {name: steps.add_parser(name, help=text) for name, text in summaries.items()}
    for one in parsers.values():
        one.add_argument("--dist", type=Path, default=ROOT / "dist", metavar="DIR")
    for name in ("build", "snapshot"):
        parsers[name].add_argument(
            "--prebuilt", action="store_true", help="take the executables that lie in dist/"
        )
    parsers["build"].add_argument(
        "--snapshot", action="store_true", help="a version that is never released"
    )
    parsers["sign"].add_argument("--keyless", action="store_true", help="with sigstore")
    parsers["sign"].add_argument("--minisign-key", metavar="FILE")
    for name in ("verify", "publish", "snapshot"):
        parsers[name].add_argument("--minisign-public-key", metavar="KEY")
    parsers["publish"].add_argument("--dry-run", action="store_true", help="only say what")
    arguments = parser.parse_args()
    if arguments.step == "snapshot":
        arguments.snapshot = True
    try:
        release = Release(arguments)
        if arguments.step not in ("check", "build", "snapshot"):
            _ = release.metadata  # or a word about what has to come before
        for name in SNAPSHOT if arguments.step == "snapshot" else [arguments.step]:
            if arguments.step == "snapshot":
                say(name)
            STEPS[name].run(release)
    except Refused as error:
        sys.exit(f"release: {error}")


if __name__ == "__main__":
    main()
