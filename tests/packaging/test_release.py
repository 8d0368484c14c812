"""release/: what it makes is complete, the same every time, and what it says it is."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from release.record import Refused
from release.steps.sbom import component

from .conftest import ALL, ROOT, artifacts, executables_to, release, released

BESIDE = {
    "LICENSE": "LICENSE",
    "NOTICE": "packaging/deb/copyright",
    "README.md": "README.md",
    "share/man/man1/aws-role-exec.1": "packaging/man/aws-role-exec.1",
    "share/bash-completion/completions/aws-role-exec": "packaging/completions/aws-role-exec.bash",
    "share/zsh/site-functions/_aws-role-exec": "packaging/completions/_aws-role-exec",
    "share/fish/vendor_completions.d/aws-role-exec.fish": (
        "packaging/completions/aws-role-exec.fish"
    ),
    "share/powershell/aws-role-exec.ps1": "packaging/completions/aws-role-exec.ps1",
}
LINK = "bin/aws-role-exec"
#: What a cluster's administrator gets beside it, on Linux.
SCHEDULERS = {
    f"schedulers/{name}/{file.name}": f"packaging/{name}/{file.name}"
    for name in ("roles", "slurm", "sge", "pbs")
    for file in sorted((ROOT / "packaging" / name).iterdir())
    if file.is_file()
}


def checkout(place: Path) -> Path:
    """A copy of this checkout, without what was made in it."""
    made = (".venv", "dist", "__pycache__", ".*_cache", ".hypothesis", ".cache")
    return Path(shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(*made), symlinks=True))


def files(dist: Path) -> dict[str, str]:
    return {
        path.relative_to(dist).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in dist.rglob("*")
        if path.is_file()
    }


class TestSnapshot:
    def test_everything_is_there(self, dist: Path) -> None:
        """Names without versions, so that releases/latest/download/<name> stays good."""
        names = {one["name"] for one in artifacts(dist)}
        for arch in ("amd64", "arm64"):
            for kind in ("tar.gz", "deb", "rpm", "apk"):
                assert f"aws-role-exec_linux_{arch}.{kind}" in names
            assert f"aws-role-exec_darwin_{arch}.tar.gz" in names
        assert {"checksums.txt", "install.sh", "aws-role-exec.rb"} <= names
        assert {"aws-role-exec.cdx.json", "notes.md"} <= names
        assert any(name.endswith(".whl") for name in names)

    def test_what_was_not_built_is_said_so(self, dist: Path) -> None:
        """Nothing stands in for an executable that was not built."""
        said = released("verify", "--dist", dist)
        assert re.search(
            r"not here  windows_amd64: build/windows.ps1 makes it on windows-2025$", said, re.M
        )
        assert "unsigned  checksums.txt" in said
        assert not [one for one in artifacts(dist) if one.get("os") == "windows"]

    @pytest.mark.timeout(600)
    def test_made_again_elsewhere_it_is_the_same(self, dist: Path, tmp_path: Path) -> None:
        """File by file; the executables' own sameness is proved in tests/binary."""
        again = executables_to(tmp_path / "again")
        root = checkout(tmp_path / "another place")
        tmp = tmp_path / "tmp"
        tmp.mkdir()
        surroundings = {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "TMPDIR": str(tmp)}
        before = os.umask(0o077)
        try:
            released("snapshot", "--prebuilt", "--dist", again, root=root, **surroundings)
        finally:
            os.umask(before)
        assert files(again) == files(dist)
        shutil.rmtree(again)  # 100 MB
        assert list(tmp.iterdir()) == []

    @pytest.mark.parametrize("name", [*BESIDE, *SCHEDULERS, "aws-role-exec"])
    def test_archives_hold_what_the_checkout_has(self, dist: Path, name: str) -> None:
        with tarfile.open(dist / "aws-role-exec_linux_amd64.tar.gz") as tar:
            assert tar.getnames() == ["aws-role-exec", *BESIDE, *SCHEDULERS, LINK]
            member = tar.extractfile(name)
            assert member is not None
            held = member.read()
        places = {**BESIDE, **SCHEDULERS}
        file = ROOT / places[name] if name in places else dist / "linux_amd64" / name
        assert held == file.read_bytes()

    def test_archives_are_plain_ustar(self, dist: Path) -> None:
        """Of root, with one date, so that any tar of any age takes them."""
        date = int(json.loads((dist / "metadata.json").read_text())["epoch"])
        with tarfile.open(dist / "aws-role-exec_linux_arm64.tar.gz") as tar:
            for member in tar.getmembers():
                assert (member.uid, member.gid, member.uname, member.mtime) == (0, 0, "root", date)
                assert member.pax_headers == {}
                executable = re.search(r"/job-credentials$|[.]sh$|^aws-role-exec$", member.name)
                mode = 0o777 if member.name == LINK else 0o755 if executable else 0o644
                assert member.mode == mode, member.name
        head = (dist / "aws-role-exec_linux_arm64.tar.gz").read_bytes()[:10]
        assert head[3:8] == bytes(5), "gzip names a file or a date"

    def test_sha256sum_agrees(self, dist: Path) -> None:
        command = ["sha256sum", "--check", "--strict", "--quiet", "checksums.txt"]
        subprocess.run(command, cwd=dist, check=True)

    def test_the_bill_of_materials_is_one(self, dist: Path) -> None:
        """Valid CycloneDX; every pin is in it, and what comes inside of one."""
        text = (dist / "aws-role-exec.cdx.json").read_text()
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        components = {one["name"]: one for one in json.loads(text)["components"]}
        pinned = {"cpython", "openssl", "zlib", "ziglang", "botocore", "click", "urllib3"}
        assert pinned | {"expat", "mpdecimal", "hacl-star", "musl"} <= set(components)
        for name, one in components.items():
            assert one["licenses"], name
            # What scanners look up: PyPI's name, or the vendor's and the product's.
            assert one["purl"].startswith("pkg:pypi/") or one["cpe"].startswith("cpe:2.3:a:"), name

    def test_what_is_linked_in_has_a_licence(self) -> None:
        """A new pin without an entry in packaging/linked.toml makes no bill of materials."""
        with pytest.raises(Refused, match="does not name libffi"):
            component("libffi", "3.5", "generic", [])

    def test_pip_gets_the_program(self, dist: Path, tmp_path: Path) -> None:
        """The wheel, installed without dependencies into a place of its own, is the program."""
        (wheel,) = dist.glob("*.whl")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
        subprocess.run([*pip, "--target", str(tmp_path / "site"), str(wheel)], check=True)
        told = subprocess.run(
            [sys.executable, "-m", "aws_role_exec", "--version"],
            env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert wheel.name.split("-")[1] in told.stdout
        share = tmp_path / "site" / "share"
        assert (share / "man/man1/aws-role-exec.1").read_bytes() == (
            ROOT / "packaging/man/aws-role-exec.1"
        ).read_bytes()
        completions = (
            "bash-completion/completions",
            "zsh/site-functions",
            "fish/vendor_completions.d",
        )
        assert all(any((share / place).iterdir()) for place in completions)

    def test_links_work_on_the_package_index(self, dist: Path) -> None:
        """Where no file lies beside the text: each leads to this version in the repository."""
        (wheel,) = dist.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            text = archive.read(name).decode()
        links = re.findall(r"\]\(([^)]+)\)", text)
        version = wheel.name.split("-")[1]
        prefix = f"https://github.com/scttfrdmn/aws-role-exec/blob/v{version}/"
        ours = [link.removeprefix(prefix) for link in links if link.startswith(prefix)]
        assert len(ours) > 20
        assert all((ROOT / link.partition("#")[0]).exists() for link in ours)
        assert all(link.startswith(("https://", "#")) for link in links)

    def test_clusters_get_module_files(self, dist: Path) -> None:
        """For both module systems, and recipes that know the archives' sums."""
        (made,) = (one["name"] for one in artifacts(dist) if one["type"] == "Modulefiles")
        version = json.loads((dist / "metadata.json").read_text())["version"]
        with tarfile.open(dist / made) as tar:
            texts = {}
            for name in tar.getnames():
                member = tar.extractfile(name)
                assert member is not None
                texts[name] = member.read().decode()
        spack = "spack/spack_repo/aws_role_exec"
        recipes = [f"easybuild/aws-role-exec-{version}.eb"]
        recipes += [f"{spack}/packages/aws_role_exec/package.py"]
        modulefiles = [f"lmod/aws-role-exec/{version}.lua", f"tcl/aws-role-exec/{version}"]
        assert set(texts) == {*recipes, *modulefiles, f"{spack}/repo.yaml"}
        archives = [one for one in artifacts(dist) if one["type"] == "Archive"]
        sums = [one["sha256"] for one in archives if one["os"] == "linux"]
        assert len(sums) == 2
        for name in recipes:
            for told in (version, *sums):
                assert told in texts[name]
        for name in modulefiles:
            assert f"/opt/aws-role-exec/{version}" in texts[name]
        assert not [name for name, text in texts.items() if re.search("@[A-Z]", text)]

    def test_recipes_need_both_archives(self, copy: Path) -> None:
        """Neither is ever written without one of its sums."""
        listed = [one for one in artifacts(copy) if "arm64.tar.gz" not in one["name"]]
        (copy / "artifacts.json").write_text(json.dumps(listed))
        done = release("modulefiles", "--dist", copy)
        assert done.returncode == 1
        assert "need an archive for linux_arm64" in done.stderr

    def test_notes_are_the_changelog(self, dist: Path) -> None:
        notes = (dist / "notes.md").read_text()
        assert notes.startswith("### Added")
        assert "gh attestation verify" in notes


class TestVerify:
    @pytest.mark.parametrize(
        ("name", "complaint"),
        [
            ("aws-role-exec_linux_amd64.tar.gz", "was changed after it was made"),
            ("checksums.txt", "was changed after it was made"),
            ("homebrew/aws-role-exec.rb", "was changed after it was made"),
        ],
    )
    def test_a_changed_file_is_found(self, copy: Path, name: str, complaint: str) -> None:
        data = bytearray((copy / name).read_bytes())
        data[len(data) // 2] ^= 1
        (copy / name).write_bytes(data)
        done = release("verify", "--dist", copy)
        assert done.returncode == 1
        assert f"{name} {complaint}" in done.stderr

    def test_a_missing_file_is_found(self, copy: Path) -> None:
        (copy / "aws-role-exec_linux_arm64.deb").unlink()
        assert "arm64.deb is missing" in release("verify", "--dist", copy).stderr

    @pytest.mark.parametrize("name", ["linux_arm64", "darwin_amd64"])
    def test_an_archive_that_was_not_made_is_found(self, copy: Path, name: str) -> None:
        """Of the four that are made wherever a release is."""
        listed = [one for one in artifacts(copy) if f"{name}.tar.gz" not in one["name"]]
        (copy / "artifacts.json").write_text(json.dumps(listed))
        assert f"there is no archive for {name}" in release("verify", "--dist", copy).stderr

    def test_an_archive_of_another_build_is_found(self, every_target: Path, tmp_path: Path) -> None:
        """Though every list was made to agree with it."""
        dist = Path(shutil.copytree(every_target, tmp_path / "dist"))
        archive = dist / "aws-role-exec_linux_amd64.tar.gz"
        shutil.copy(dist / "aws-role-exec_linux_arm64.tar.gz", archive)
        text = (dist / "artifacts.json").read_text()
        sums = {one["name"]: one["sha256"] for one in artifacts(dist)}
        wrong = sums["aws-role-exec_linux_arm64.tar.gz"]
        (dist / "artifacts.json").write_text(text.replace(sums[archive.name], wrong))
        released("checksum", "--dist", dist)
        released("formula", "--dist", dist)
        done = release("verify", "--dist", dist)
        assert "amd64.tar.gz: its executable is not the one that was built" in done.stderr


class TestSign:
    def test_minisign(self, needs: Callable[[str], str], copy: Path, tmp_path: Path) -> None:
        """A signature that verify, and minisign itself, take; another's is refused."""
        keys = []
        for name in ("ours", "theirs"):
            secret, public = tmp_path / f"{name}.key", tmp_path / f"{name}.pub"
            generate = [needs("minisign"), "-G", "-W", "-s", str(secret), "-p", str(public)]
            subprocess.run(generate, check=True, capture_output=True)
            keys.append((secret, public.read_text().splitlines()[1]))
        (ours, public), (_, other) = keys
        released("sign", "--minisign-key", ours, "--dist", copy)
        released("verify", "--minisign-public-key", public, "--dist", copy)
        done = release("verify", "--minisign-public-key", other, "--dist", copy)
        assert done.returncode == 1
        assert "minisign" in done.stderr

    def test_without_a_key_nothing_is_signed(self, copy: Path) -> None:
        assert "sign with what?" in release("sign", "--dist", copy).stderr


class TestPublish:
    def test_a_snapshot_is_never_published(self, dist: Path) -> None:
        done = release("publish", "--dist", dist)
        assert done.returncode == 1
        for reason in ("snapshot", "no archive for windows_amd64", "not signed"):
            assert reason in done.stderr

    def test_dry_run_says_what_would_be_done(self, dist: Path) -> None:
        said = released("publish", "--dry-run", "--dist", dist)
        assert "would refuse: this is a snapshot" in said
        assert "would run: gh release create v" in said
        assert re.search(r"would push: \S*rb to scttfrdmn/homebrew-tap as Formula/", said)

    def test_a_whole_release(
        self, needs: Callable[[str], str], every_target: Path, tmp_path: Path
    ) -> None:
        """With a tag, every target and a signature it goes out: first a draft, then for all to
        see, then the tap and the bucket. (`gh` writes down what it is asked.)"""
        root = checkout(tmp_path / "checkout")
        changelog = (root / "CHANGELOG.md").read_text()
        heading = "## Unreleased\n\n## 0.1.0 - 2026-12-01\n"
        (root / "CHANGELOG.md").write_text(changelog.replace("## Unreleased\n", heading, 1))
        version = root / "src/aws_role_exec/__init__.py"
        version.write_text(re.sub(r'"[\d.]+"', '"0.1.0"', version.read_text()))
        dist = tmp_path / "dist"
        for name, executable in ALL.items():
            (dist / name).mkdir(parents=True)
            shutil.copy(every_target / name / executable, dist / name)
        tagged = {"GITHUB_REF_NAME": "v0.1.0"}
        released("build", "--prebuilt", "--dist", dist, root=root, **tagged)
        for step in ("archive", "packages", "modulefiles", "sbom", "checksum"):
            released(step, "--dist", dist, root=root)
        key = tmp_path / "key"
        generate = [needs("minisign"), "-G", "-W", "-s", str(key), "-p", str(tmp_path / "public")]
        subprocess.run(generate, check=True, capture_output=True)
        released("sign", "--minisign-key", key, "--dist", dist, root=root)
        for step in ("formula", "scoop", "notes", "verify"):
            released(step, "--dist", dist, root=root)
        assert (dist / "notes.md").read_text().startswith("### Added")

        tools = tmp_path / "tools"
        tools.mkdir()
        (tools / "gh").write_text(f'#!/bin/sh\necho "${{GH_TOKEN-}} $*" >>{tmp_path}/asked\n')
        (tools / "gh").chmod(0o755)
        path = f"{tools}:{os.environ['PATH']}"
        tokens = {"GH_TOKEN": "here", "TAP_TOKEN": "there"}
        released("publish", "--dist", dist, root=root, PATH=path, **tokens)
        create, unveil, *pushes = (tmp_path / "asked").read_text().splitlines()
        assert create.startswith("here release create v0.1.0 --repo scttfrdmn/aws-role-exec ")
        assert "--draft" in create
        for name in [line.split()[1] for line in (dist / "checksums.txt").read_text().splitlines()]:
            assert f"/{name}" in create
        assert "checksums.txt.minisig" in create
        assert unveil.endswith("release edit v0.1.0 --repo scttfrdmn/aws-role-exec --draft=false")
        places = [line.split()[-1] for line in pushes if "PUT" not in line]
        assert len(places) == 2
        puts = [line for line in pushes if "--method PUT" in line]
        assert "repos/scttfrdmn/homebrew-tap/contents/Formula/aws-role-exec.rb" in puts[0]
        assert "repos/scttfrdmn/scoop-bucket/contents/bucket/aws-role-exec.json" in puts[1]
        assert all(line.startswith("there ") for line in pushes)


class TestCheck:
    def test_this_checkout_is_fit(self) -> None:
        released("check")

    @pytest.mark.parametrize(
        ("file", "old", "new", "complaint"),
        [
            (
                ".github/workflows/release.yml",
                "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8",
                "actions/checkout@v5",
                "release.yml: actions/checkout@v5 is not pinned to a commit",
            ),
            ("packaging/install.sh", "minisign_key=''", "minisign_key='x'", "different minisign"),
            ("release.toml", '"LICENSE" = "LICENSE"', '"LICENSE" = "COPYING"', "names COPYING"),
            ("release.toml", '"packaging/slurm/"', '"packaging/slrm/"', "names packaging/slrm/"),
            ("release.toml", '"Assume an', '"An', "without an article"),
            ("src/aws_role_exec/__init__.py", '= "', '= "v', "not of the form"),
        ],
    )
    def test_what_would_spoil_a_release_is_said_before(
        self, tmp_path: Path, file: str, old: str, new: str, complaint: str
    ) -> None:
        root = checkout(tmp_path / "checkout")
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new))
        done = release("check", root=root)
        assert done.returncode == 1
        assert complaint in done.stderr

    def test_a_release_needs_its_tag(self, tmp_path: Path) -> None:
        dist = executables_to(tmp_path / "dist")
        done = release("build", "--prebuilt", "--dist", dist, GITHUB_REF_NAME="v99.0.0")
        assert done.returncode == 1
        assert "no tag v" in done.stderr

    def test_a_build_takes_away_what_an_earlier_one_made(self, copy: Path) -> None:
        """All but the executables, so that nothing of another version is ever uploaded."""
        released("build", "--snapshot", "--prebuilt", "--dist", copy)
        listed = {one["path"] for one in artifacts(copy)}
        assert set(files(copy)) == listed | {"artifacts.json", "metadata.json"}

    def test_a_step_without_a_build_says_so(self, tmp_path: Path) -> None:
        done = release("archive", "--dist", tmp_path / "none")
        assert "first `python -m release build`" in done.stderr


def test_every_target_has_its_archive(every_target: Path) -> None:
    """Windows's is a zip, like everybody's there; the schedulers' scripts are for Linux alone."""
    names = {one["name"] for one in artifacts(every_target) if one["type"] == "Archive"}
    assert names == {
        f"aws-role-exec_{name}.{'zip' if 'windows' in name else 'tar.gz'}" for name in ALL
    }
    with zipfile.ZipFile(every_target / "aws-role-exec_windows_amd64.zip") as archive:
        assert archive.namelist() == ["aws-role-exec.exe", *BESIDE]
    with tarfile.open(every_target / "aws-role-exec_darwin_arm64.tar.gz") as tar:
        assert tar.getnames() == ["aws-role-exec", *BESIDE, LINK]
