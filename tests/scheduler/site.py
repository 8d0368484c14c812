"""packaging/roles and a scheduler's own scripts, installed below a directory of a test's own."""

from pathlib import Path

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"


def install(root: Path, scheduler: str, programs: Path, run: str = "run") -> None:
    """Put the scripts of `scheduler` into `root`, the shared one into `root`/libexec.

    They look for the map in `root`/etc, write to `root`/`run`, find `programs` on the PATH first,
    and look every second whether a job has gone: that is all that is changed in them.
    """
    places = {"etc": "etc", "usr/libexec": "libexec", "run": run}
    for place in ("etc", "libexec"):
        (root / place).mkdir(exist_ok=True)
    scripts = [
        script for script in (PACKAGING / scheduler).iterdir() if script.suffix in (".sh", ".py")
    ]
    for script in [PACKAGING / "roles/job-credentials", *scripts]:
        text = script.read_text()
        for place, instead in places.items():
            text = text.replace(f"/{place}/aws-role-exec", str(root / instead))
        text = text.replace("/usr/local/bin:", f"{programs}:/usr/local/bin:")
        text = text.replace("look_every=300", "look_every=1")
        target = root / script.name if script in scripts else root / "libexec" / script.name
        target.write_text(text)
        target.chmod(0o755)
