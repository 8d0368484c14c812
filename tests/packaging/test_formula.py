"""The Homebrew formula and the Scoop manifest: legal, and about the files that there are."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ALL, ROOT, artifacts, release

PAIRS = [(system, arch) for system in ("macos", "linux") for arch in ("arm", "intel")]
NAMES = {"macos": "darwin", "linux": "linux", "arm": "arm64", "intel": "amd64"}
EVALUATE = Path(__file__).with_name("formula.rb")
SCHEMA = ROOT.parent / "shared" / "data" / "scoop-schema.json"


def evaluate(needs: Callable[[str], str], formula: Path, system: str, arch: str) -> dict[str, str]:
    """Read a formula as Homebrew on such a machine does."""
    ruby = [needs("ruby"), str(EVALUATE), str(formula), system, arch]
    done = subprocess.run(ruby, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    read: dict[str, str] = json.loads(done.stdout)
    return read


def archive_of(dist: Path, system: str, arch: str) -> dict[str, str]:
    (found,) = (
        one
        for one in artifacts(dist)
        if one["type"] == "Archive" and (one["os"], one["arch"]) == (system, arch)
    )
    return found


class TestFormula:
    @pytest.mark.parametrize(("system", "arch"), PAIRS)
    def test_each_machine_gets_its_archive(
        self, needs: Callable[[str], str], dist: Path, system: str, arch: str
    ) -> None:
        """In any snapshot: all four are made on one machine."""
        read = evaluate(needs, dist / "homebrew/aws-role-exec.rb", system, arch)
        archive = archive_of(dist, NAMES[system], NAMES[arch])
        held = (dist / archive["name"]).read_bytes()
        assert archive["sha256"] == hashlib.sha256(held).hexdigest()
        assert read["url"].endswith(f"/releases/download/v{read['version']}/{archive['name']}")
        assert read["sha256"] == archive["sha256"]

    def test_without_one_of_them_there_is_none(self, copy: Path) -> None:
        """It names no file that is not there, and leaves nobody out."""
        listed = [one for one in artifacts(copy) if "darwin_arm64.tar.gz" not in one["name"]]
        (copy / "artifacts.json").write_text(json.dumps(listed))
        done = release("formula", "--dist", copy)
        assert done.returncode == 1
        assert "the formula needs an archive for darwin_arm64: there is none" in done.stderr

    def test_what_it_installs_is_in_the_archive(
        self, needs: Callable[[str], str], dist: Path
    ) -> None:
        """Binary, manual page and completions, each where brew looks for it."""
        read = evaluate(needs, dist / "homebrew/aws-role-exec.rb", "linux", "intel")
        held = subprocess.run(
            ["tar", "-tzf", dist / "aws-role-exec_linux_amd64.tar.gz"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        installed = dict(read["installed"])
        assert set(installed) == {"bin", "man1", "bash", "zsh", "fish"}
        assert set(installed.values()) <= set(held)

    def test_its_test_passes(self, needs: Callable[[str], str], dist: Path, tmp_path: Path) -> None:
        """Run with the real executable; it needs no network."""
        formula = dist / "homebrew/aws-role-exec.rb"
        ruby = [needs("ruby"), str(EVALUATE), str(formula), "linux", "intel"]
        done = subprocess.run(
            [*ruby, str(dist / "linux_amd64")], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr

    def test_own_rules(self, dist: Path) -> None:
        """What `brew audit` and `brew style` would complain about first."""
        lines = (dist / "homebrew/aws-role-exec.rb").read_text().splitlines()
        assert lines[0] == "class AwsRoleExec < Formula"
        (description,) = re.findall(r'(?m)^  desc "(.*)"', "\n".join(lines))
        assert len(description) <= 80
        assert not re.match(r"(?i)(an?|the) |aws-role-exec", description)
        assert not description.endswith(".")
        assert all(line == line.rstrip() for line in lines)
        assert "\n\n\n" not in "\n".join(lines)
        order = [line.split()[0] for line in lines if re.match(r"  [a-z_]+ ", line)]
        assert order[:4] == ["desc", "homepage", "version", "license"]


class TestManifest:
    def test_each_windows_gets_its_archive(self, every_target: Path) -> None:
        manifest = json.loads((every_target / "scoop/aws-role-exec.json").read_text())
        archive = archive_of(every_target, "windows", "amd64")
        assert list(manifest["architecture"]) == ["64bit"]
        got = manifest["architecture"]["64bit"]
        assert got["url"].endswith(f"/releases/download/v{manifest['version']}/{archive['name']}")
        assert got["hash"] == archive["sha256"]

    def test_own_rules(self, every_target: Path) -> None:
        """What the schema asks for, and what updates need."""
        manifest = json.loads((every_target / "scoop/aws-role-exec.json").read_text())
        assert set(manifest) == {
            "version",
            "description",
            "homepage",
            "license",
            "architecture",
            "bin",
            "checkver",
            "autoupdate",
        }
        assert manifest["checkver"] == "github"
        assert manifest["bin"] == ALL["windows_amd64"]
        assert re.fullmatch(r"[\w.-]+", manifest["version"])
        update = manifest["autoupdate"]
        assert "v$version/" in update["architecture"]["64bit"]["url"]
        assert update["hash"]["url"] == "$baseurl/checksums.txt"

    def test_scoops_own_schema(self, every_target: Path) -> None:
        """A copy of it lies beside the checkout in some places; elsewhere our rules must do."""
        if not SCHEMA.exists():
            return
        manifest = every_target / "scoop/aws-role-exec.json"
        beside = Path(sys.executable).with_name("check-jsonschema")
        checker = [str(beside), "--schemafile", str(SCHEMA), str(manifest)]
        subprocess.run(checker, check=True)

    def test_without_an_archive_there_is_none(self, dist: Path) -> None:
        assert not (dist / "scoop").exists()
