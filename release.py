"""Make a release, step by step, from what release.toml says: `python release.py --help`.

    check -> build -> archive -> packages -> modulefiles -> sbom -> checksum -> sign
          -> formula -> scoop -> notes -> verify -> publish

Each step reads dist/artifacts.json, makes its own kind of file and writes them into the list;
`snapshot` runs all that need neither key nor network. The same commit makes the same bytes:
every date is SOURCE_DATE_EPOCH, else the commit's; owners are 0; lists are sorted.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
SUMS = "checksums.txt"
MADE_HERE = "build/build.py"  # the one builder that runs wherever this script does
HOMEBREW = {"linux": "on_linux", "darwin": "on_macos", "arm64": "on_arm", "amd64": "on_intel"}
SCOOP = {"amd64": "64bit", "arm64": "arm64"}
#: What a release's page offers for download; the rest goes to the tap, the bucket, the index.
OFFERED = {"Archive", "Package", "Modulefiles", "Installer", "SBOM", "Wheel", "Sdist"}


class Refused(Exception):  # noqa: N818 # reads well where it is raised
    """Why there is no release: one line for the person who asked for it."""


class Release:
    """release.toml, the version, the date, and the list of what was made so far."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Read what there is; make nothing."""
        self.arguments = arguments
        self.config = tomllib.loads((ROOT / "release.toml").read_text())
        self.project: dict[str, str] = self.config["project"]
        self.name = self.project["name"]
        self.dist = Path(arguments.dist).absolute()
        self.artifacts: list[dict[str, Any]] = []
        if self.listing.exists():
            self.artifacts = json.loads(self.listing.read_text())

    @property
    def listing(self) -> Path:
        """Where the steps hand each other what they made."""
        return self.dist / "artifacts.json"

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What `build` wrote down: the version, the tag, the commit, the date."""
        try:
            loaded: dict[str, Any] = json.loads((self.dist / "metadata.json").read_text())
        except FileNotFoundError:
            raise Refused(f"{self.dist} holds no build: first release.py build") from None
        return loaded

    @property
    def version(self) -> str:
        """The version in hand, as in 1.2.3, or 1.2.3-pre202611230600 for a snapshot."""
        return str(self.metadata["version"])

    @property
    def epoch(self) -> int:
        """The one date in every file."""
        return int(self.metadata["epoch"])

    @property
    def targets(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (linux_amd64, its table) for each target."""
        for target in self.config["target"]:
            yield f"{target['os']}_{target['arch']}", target

    def of(self, *types: str, **fields: str) -> list[dict[str, Any]]:
        """The artifacts of these types, with these fields."""
        return [
            artifact
            for artifact in self.artifacts
            if artifact["type"] in types and fields.items() <= artifact.items()
        ]

    def add(self, path: Path, kind: str, **fields: str) -> None:
        """Put a file into the list, in the place of one of that name."""
        relative = path.relative_to(self.dist).as_posix()
        kept = [artifact for artifact in self.artifacts if artifact["path"] != relative]
        data = path.read_bytes()
        entry: dict[str, Any] = {"name": path.name, "path": relative, "type": kind, **fields}
        entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        self.artifacts = sorted([*kept, entry], key=lambda artifact: str(artifact["path"]))
        write(self.listing, json.dumps(self.artifacts, indent=2) + "\n")

    def path(self, artifact: dict[str, Any]) -> Path:
        """Where an artifact lies."""
        return self.dist / str(artifact["path"])

    def url(self, artifact: dict[str, Any], tag: str | None = None) -> str:
        """Where it can be had once released."""
        tag = tag or self.metadata["tag"]
        return f"{self.project['homepage']}/releases/download/{tag}/{artifact['name']}"


def write(path: Path, text: str) -> Path:
    """Write a text file, newlines as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def say(text: str) -> None:
    """Tell the person what is being done."""
    print(f"release.py: {text}", flush=True)


def run(*command: str | Path, **options: Any) -> str:
    """Run a program; return what it printed, or refuse with what it complained about."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, capture_output=True, text=True, **options)
    if done.returncode:
        raise Refused(f"{' '.join(words[:3])} failed: {(done.stderr or done.stdout).strip()}")
    return str(done.stdout)


def laid_out(table: dict[str, str]) -> list[tuple[str, Path, int]]:
    """Return place, file and mode of what a table of release.toml names."""
    files = []
    for place, file in table.items():
        if place.endswith("/"):
            inner = sorted(one for one in (ROOT / file).iterdir() if one.is_file())
            files += [(place + one.name, one) for one in inner]
        else:
            files.append((place, ROOT / file))
    return [(place, file, 0o755 if file.stat().st_mode & 0o100 else 0o644) for place, file in files]


def tool(name: str) -> str:
    """Find a program beside this Python, else on PATH."""
    found = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    if not found:
        raise Refused(f"{name} is not installed (requirements/release.txt, docs/releasing.md)")
    return found


# --- check ------------------------------------------------------------------------------------


def check(release: Release) -> None:
    """Find whatever would spoil a release before anything is made."""
    problems = list(problems_of(release))
    if problems:
        raise Refused("not fit for a release:\n  " + "\n  ".join(problems))


def problems_of(release: Release) -> Iterator[str]:
    """Yield one line for each thing that is not as it should be."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", source_version()):
        yield f"the version {source_version()} is not of the form 1.2.3"
    if len(release.project["description"]) > 80 or re.match(
        r"(?i)(an?|the) ", release.project["description"]
    ):
        yield "Homebrew wants a description of at most 80 characters without an article in front"
    packages = release.config["packages"]
    tables = [packages["files"], *(packages[kind]["files"] for kind in packages["formats"])]
    archives = release.config["archive"]
    tables += [archives["files"], archives["linux"]["files"]]
    for table in [*tables, release.config["modulefiles"]["recipes"]]:
        for place, file in table.items():
            there = (ROOT / file).is_dir() if place.endswith("/") else (ROOT / file).is_file()
            if not there:
                yield f"release.toml names {file}, which is not there"
    for name, target in release.targets:
        if not (ROOT / target["make"]).is_file():
            yield f"{name}: {target['make']} is not there"
    installer = (ROOT / "packaging/install.sh").read_text()
    if f"minisign_key='{release.config['sign']['minisign']}'\n" not in installer:
        yield "packaging/install.sh and release.toml name different minisign keys"
    for workflow in sorted((ROOT / ".github/workflows").glob("*.yml")):
        for action in re.findall(r"uses: *(\S+)", workflow.read_text()):
            if not re.search(r"@[0-9a-f]{40}$", action) and not action.startswith("./"):
                yield f"{workflow.name}: {action} is not pinned to a commit"
    if not any(changes_in(version) for version in ("Unreleased", source_version())):
        yield f"CHANGELOG.md has nothing under Unreleased or {source_version()}"


def source_version() -> str:
    """The version that the program tells."""
    text = (ROOT / "src/aws_role_exec/__init__.py").read_text()
    found = re.search(r'__version__ = "(.*)"', text)
    return found[1] if found else "nothing"


# --- build ------------------------------------------------------------------------------------


def build(release: Release) -> None:
    """Make the executables that can be made here; take the others as their runners left them."""
    commit, dated = "unknown", "0"
    if (ROOT / ".git").exists():
        commit, dated = run("git", "-C", ROOT, "log", "-1", "--format=%H %ct").split()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", dated))
    version = source_version()
    if release.arguments.snapshot:
        version += time(epoch).strftime("-pre%Y%m%d%H%M%S")
    else:
        tag = os.environ.get("GITHUB_REF_NAME") or run(
            "git", "-C", ROOT, "tag", "--points-at", "HEAD"
        )
        if f"v{version}" not in tag.split():
            raise Refused(f"this commit has no tag v{version}: tag it, or build --snapshot")
    # A new list: nothing of an earlier version may slip in, or lie about.
    for artifact in release.artifacts:
        if artifact["type"] != "Binary":
            release.path(artifact).unlink(missing_ok=True)
    release.artifacts = []
    facts = {"project_name": release.name, "version": version, "tag": f"v{version}"}
    facts |= {"commit": commit, "date": time(epoch).isoformat(), "epoch": str(epoch)}
    write(release.dist / "metadata.json", json.dumps(facts, indent=2) + "\n")
    release.metadata = facts

    here = [name for name, target in release.targets if target["make"] == MADE_HERE]
    if not release.arguments.prebuilt:
        run(sys.executable, ROOT / MADE_HERE, "--dist", release.dist, "--commit", commit, *here)
    for name, target in release.targets:
        suffix = ".exe" if target["os"] == "windows" else ""
        executable = release.dist / name / (release.name + suffix)
        if executable.exists():
            release.add(executable, "Binary", os=target["os"], arch=target["arch"])
        elif name in here:
            raise Refused(f"no executable in {release.dist / name}")
        else:
            say(f"{name}: not built here; {target['make']} makes it on {target['runner']}")
    wheel(release)


def time(epoch: int) -> datetime.datetime:
    """A date as Python has it, in UTC."""
    return datetime.datetime.fromtimestamp(epoch, datetime.UTC)


def wheel(release: Release) -> None:
    """Make the wheel and the sdist for pip."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(release.epoch), "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        hatchling = [sys.executable, "-m", "hatchling", "build", "--directory", scratch]
        run(*hatchling, cwd=ROOT, env=environment)
        for file in sorted(Path(scratch).iterdir()):
            made = Path(shutil.copy(file, release.dist))
            release.add(made, "Wheel" if made.suffix == ".whl" else "Sdist")


# --- archive ----------------------------------------------------------------------------------


def archive(release: Release) -> None:
    """Make an archive of each executable, itself first, then what lies beside it."""
    for binary in release.of("Binary"):
        members = [(binary["name"], release.path(binary), 0o755), *beside(release, binary)]
        # No version in the name: releases/latest/download/<name> must stay good.
        place = release.dist / f"{release.name}_{binary['os']}_{binary['arch']}"
        if binary["os"] == "windows":
            made = zipped(Path(f"{place}.zip"), members, release.epoch)
        else:
            links = release.config["archive"]["links"]
            made = tarred(Path(f"{place}.tar.gz"), members, links, release.epoch)
        release.add(made, "Archive", os=binary["os"], arch=binary["arch"])
    # The installer goes with the archives that it fetches.
    release.add(Path(shutil.copy(ROOT / "packaging/install.sh", release.dist)), "Installer")


def beside(release: Release, binary: dict[str, Any]) -> list[tuple[str, Path, int]]:
    """Return what lies beside an executable in its archive."""
    config = release.config["archive"]
    return laid_out({**config["files"], **config.get(binary["os"], {}).get("files", {})})


def tarred(
    path: Path, members: list[tuple[str, Path, int]], links: dict[str, str], epoch: int
) -> Path:
    """Write a tar.gz that is the same everywhere: USTAR, owner 0, one date."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, file, mode in members:
            entry = entry_of(name, mode, epoch)
            entry.size = file.stat().st_size
            with file.open("rb") as data:
                tar.addfile(entry, data)
        for name, target in links.items():
            entry = entry_of(name, 0o777, epoch)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    path.write_bytes(compressed(plain.getvalue()))
    return path


def entry_of(name: str, mode: int, epoch: int) -> tarfile.TarInfo:
    """Return a tar's entry for a file or a link of root."""
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime, entry.uname, entry.gname = mode, epoch, "root", "root"
    return entry


def zipped(path: Path, members: list[tuple[str, Path, int]], epoch: int) -> Path:
    """Write a zip that is the same everywhere."""
    date = time(max(epoch, 315532800)).timetuple()[:6]  # a zip's time begins in 1980
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for name, file, mode in members:
            entry = zipfile.ZipInfo(name, date)
            entry.external_attr = (stat.S_IFREG | mode) << 16
            entry.create_system, entry.compress_type = 3, zipfile.ZIP_DEFLATED
            out.writestr(entry, file.read_bytes())
    return path


def compressed(data: bytes) -> bytes:
    """Compress without a name or a date."""
    return gzip.compress(data, 9, mtime=0)


# --- packages ---------------------------------------------------------------------------------


def packages(release: Release) -> None:
    """Make deb, rpm and apk with nfpm, whose configuration is made here (JSON is YAML)."""
    config = release.config["packages"]
    for binary in release.of("Binary", os="linux"):
        for kind in config["formats"]:
            name = f"{release.name}_linux_{binary['arch']}.{kind}"
            with tempfile.TemporaryDirectory(prefix="release-") as scratch:
                described = describe_package(release, binary, kind, Path(scratch))
                recipe = write(Path(scratch) / "nfpm.yaml", json.dumps(described))
                environment = {**os.environ, "SOURCE_DATE_EPOCH": str(release.epoch)}
                command = [tool("nfpm"), "package", "--config", recipe, "--packager", kind]
                run(*command, "--target", release.dist / name, env=environment)
            release.add(release.dist / name, "Package", os="linux", arch=binary["arch"])


def describe_package(
    release: Release, binary: dict[str, Any], kind: str, scratch: Path
) -> dict[str, Any]:
    """Return the configuration of nfpm for one package."""
    config = release.config["packages"]
    name, date = release.name, time(release.epoch)
    manual = scratch / "manual.gz"
    manual.write_bytes(compressed((ROOT / f"packaging/man/{name}.1").read_bytes()))
    files = {f"/usr/share/man/man1/{name}.1.gz": manual}
    if kind == "deb":
        changes = scratch / "changelog.gz"
        entry = f"{name} ({release.version.replace('-', '~')}) unstable; urgency=medium\n\n"
        entry += f"  * What changed: {release.project['homepage']}/releases\n\n"
        entry += f" -- {release.project['maintainer']}  {date:%a, %d %b %Y %H:%M:%S} +0000\n"
        changes.write_bytes(compressed(entry.encode()))
        files[f"/usr/share/doc/{name}/changelog.gz"] = changes
    contents = [(f"/usr/bin/{name}", release.path(binary), 0o755)]
    contents += [(to, file, 0o644) for to, file in files.items()]
    contents += laid_out({**config["files"], **config[kind]["files"]})
    summary = release.project["description"]
    return {
        "name": name,
        "arch": binary["arch"],
        "platform": "linux",
        "version": release.version,
        "version_schema": "semver",
        "section": "admin",
        "priority": "optional",
        "maintainer": release.project["maintainer"],
        "description": summary if kind == "apk" else f"{summary}\n{LONG_DESCRIPTION}",
        "homepage": release.project["homepage"],
        "license": release.project["license"],
        "mtime": date.isoformat(),
        "rpm": {"summary": summary, "group": "System Environment/Base", "buildhost": "localhost"},
        "contents": [
            {
                "src": str(file),
                "dst": to,
                "file_info": {
                    "mode": mode,
                    "owner": "root",
                    "group": "root",
                    "mtime": date.isoformat(),
                },
            }
            for to, file, mode in contents
        ],
    }


LONG_DESCRIPTION = """\
It asks AWS STS for a role and becomes the command you name, with the role's
temporary credentials in its environment: no daemon, no configuration file, and
no process left behind."""


def modulefiles(release: Release) -> None:
    """Archive what clusters take: module files, and recipes for EasyBuild and Spack."""
    generate = ROOT / "packaging/modulefiles/generate.py"
    version = release.version
    root = f"{release.config['modulefiles']['root']}/{version}"
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        run(sys.executable, generate, version, root, scratch)
        for name, file in release.config["modulefiles"]["recipes"].items():
            place = name.replace("VERSION", version)
            write(Path(scratch) / place, recipe(release, (ROOT / file).read_text()))
        files = sorted(file for file in Path(scratch).rglob("*") if file.is_file())
        members = [(file.relative_to(scratch).as_posix(), file, 0o644) for file in files]
        archived = release.dist / f"{release.name}_modulefiles.tar.gz"
        release.add(tarred(archived, members, {}, release.epoch), "Modulefiles")


def recipe(release: Release, text: str) -> str:
    """Put the version and the sums of the Linux archives where @VERSION@, @SHA256_ARCH@ stand."""
    text = text.replace("@VERSION@", release.version)
    for archived in release.of("Archive", os="linux"):
        text = text.replace(f"@SHA256_{archived['arch'].upper()}@", archived["sha256"])
    missing = re.search(r"@SHA256_(\w+)@", text)
    if missing:
        raise Refused(f"the recipes need an archive for linux_{missing[1].lower()}: there is none")
    return text


# --- sbom -------------------------------------------------------------------------------------


def sbom(release: Release) -> None:
    """List all that is linked in, from the very pins that the build obeys, as CycloneDX."""
    pins = tomllib.loads((ROOT / "build/pins.toml").read_text())
    components = [
        component("library", name, version, f"pkg:generic/{name}@{version}", *sums)
        for name, version in pins["use"].items()
        for sums in [pins[name][version]["sha256"]]
    ]
    requirements = (ROOT / "build/requirements/program.txt").read_text().replace("\\\n", " ")
    for name, version, sums in re.findall(r"(?m)^([\w.-]+)==(\S+)(.*)$", requirements):
        hashes = re.findall(r"sha256:(\w+)", sums)
        components.append(
            component("library", name, version, f"pkg:pypi/{name}@{version}", *hashes)
        )
    compiler = (ROOT / "build/requirements/zig.txt").read_text()
    (zig,) = re.findall(r"ziglang==([\w.]+)", compiler)
    components.append(component("library", "ziglang", zig, f"pkg:pypi/ziglang@{zig}"))
    components[-1]["description"] = "The C compiler; its musl libc is linked in."
    components.sort(key=lambda one: str(one["bom-ref"]))
    purl = f"pkg:github/{release.project['repository']}@{release.metadata['tag']}"
    this = component("application", release.name, release.version, purl)
    this["licenses"] = [{"license": {"id": release.project["license"]}}]
    depends = [str(one["bom-ref"]) for one in components]
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": release.metadata["date"], "component": this},
        "components": components,
        "dependencies": [
            {"ref": purl, "dependsOn": depends},
            *({"ref": ref} for ref in depends),
        ],
    }
    made = write(release.dist / f"{release.name}.cdx.json", json.dumps(bom, indent=2) + "\n")
    release.add(made, "SBOM")


def component(kind: str, name: str, version: str, purl: str, *sums: str) -> dict[str, Any]:
    """Return one entry of the bill of materials."""
    entry: dict[str, Any] = {"type": kind, "bom-ref": purl, "name": name, "version": version}
    entry["purl"] = purl
    if len(sums) == 1:  # of several, which one it was is known to the build alone
        entry["hashes"] = [{"alg": "SHA-256", "content": sums[0]}]
    return entry


# --- checksum, sign ---------------------------------------------------------------------------


def checksum(release: Release) -> None:
    """Write the sum of each file that a release offers, as sha256sum does."""
    lines = sorted(f"{one['sha256']}  {one['name']}\n" for one in release.of(*OFFERED))
    lines.sort(key=lambda line: line.split()[1])
    release.add(write(release.dist / SUMS, "".join(lines)), "Checksum")


def sign(release: Release) -> None:
    """Sign the checksums: keyless where a workflow's identity is at hand, and with minisign."""
    sums, signed = release.dist / SUMS, False
    if release.arguments.keyless:
        bundle = release.dist / f"{SUMS}.sigstore.json"
        run(tool("sigstore"), "sign", "--bundle", bundle, "--overwrite", sums)
        release.add(bundle, "Signature")
        signed = True
    if release.arguments.minisign_key:
        signature = release.dist / f"{SUMS}.minisig"
        comment = f"{release.name} {release.version}"
        minisign = [tool("minisign"), "-S", "-s", release.arguments.minisign_key]
        run(*minisign, "-m", sums, "-x", signature, "-t", comment, stdin=subprocess.DEVNULL)
        release.add(signature, "Signature")
        signed = True
    if not signed:
        raise Refused("sign with what? --keyless, --minisign-key FILE, or both")


# --- formula, scoop ---------------------------------------------------------------------------


def formula(release: Release) -> None:
    """Write the Homebrew formula, for both systems and both processors."""
    blocks = []
    for system in ("darwin", "linux"):
        inner = []
        for arch in ("arm64", "amd64"):
            archives = release.of("Archive", os=system, arch=arch)
            if not archives:
                raise Refused(f"the formula needs an archive for {system}_{arch}: there is none")
            (one,) = archives
            inner.append(
                f"    {HOMEBREW[arch]} do\n"
                f'      url "{release.url(one)}"\n'
                f'      sha256 "{one["sha256"]}"\n'
                "    end\n"
            )
        blocks.append(f"  {HOMEBREW[system]} do\n" + "\n".join(inner) + "  end\n")
    text = FORMULA
    for key in ("description", "homepage", "license"):
        text = text.replace(f"@{key}@", release.project[key])
    text = text.replace("@version@", release.version).replace("@blocks@", "\n".join(blocks))
    release.add(write(release.dist / "homebrew" / f"{release.name}.rb", text), "Formula")


FORMULA = """\
class AwsRoleExec < Formula
  desc "@description@"
  homepage "@homepage@"
  version "@version@"
  license "@license@"

@blocks@
  def install
    bin.install "aws-role-exec"
    man1.install "share/man/man1/aws-role-exec.1"
    bash_completion.install "share/bash-completion/completions/aws-role-exec"
    zsh_completion.install "share/zsh/site-functions/_aws-role-exec"
    fish_completion.install "share/fish/vendor_completions.d/aws-role-exec.fish"
  end

  test do
    assert_match version.major_minor_patch.to_s, shell_output("#{bin}/aws-role-exec --version")
    arn = "arn:aws:iam::123456789012:role/my-role"
    asked = "--role-arn #{arn} --region us-east-1 --dry-run"
    output = shell_output("#{bin}/aws-role-exec #{asked} 2>&1")
    assert_match "would assume #{arn}", output
  end
end
"""


def scoop(release: Release) -> None:
    """Write the Scoop manifest for the archives that there are."""
    archives = release.of("Archive", os="windows")
    if not archives:
        say("no Scoop manifest: there is no archive for Windows")
        return
    manifest = {
        "version": release.version,
        "description": release.project["description"],
        "homepage": release.project["homepage"],
        "license": release.project["license"],
        "architecture": {
            SCOOP[one["arch"]]: {"url": release.url(one), "hash": one["sha256"]} for one in archives
        },
        "bin": f"{release.name}.exe",
        "checkver": "github",
        "autoupdate": {
            "architecture": {
                SCOOP[one["arch"]]: {"url": release.url(one, "v$version")} for one in archives
            },
            "hash": {"url": f"$baseurl/{SUMS}"},
        },
    }
    place = release.dist / "scoop" / f"{release.name}.json"
    release.add(write(place, json.dumps(manifest, indent=4) + "\n"), "Manifest")


# --- notes ------------------------------------------------------------------------------------


def notes(release: Release) -> None:
    """Cut this version's part out of CHANGELOG.md, and say how to check what one downloads."""
    version = "Unreleased" if "-" in release.version else release.version
    changes = changes_in(version)
    if not changes:
        raise Refused(f"CHANGELOG.md has nothing under {version}")
    text = changes + VERIFYING.replace("@repository@", release.project["repository"])
    release.add(write(release.dist / "notes.md", text), "Notes")


def changes_in(version: str) -> str:
    """Return the changelog's section of a version, or nothing."""
    heading = rf"\[?{re.escape(version)}\]?(?: - [\d-]+)?"
    text = (ROOT / "CHANGELOG.md").read_text()
    found = re.search(rf"(?ms)^## {heading}\n(.*?)(?=^## |\Z)", text)
    return found[1].strip() + "\n" if found and found[1].strip() else ""


VERIFYING = """
### Check what you download

```sh
sha256sum --check --ignore-missing checksums.txt
gh attestation verify aws-role-exec_linux_amd64.tar.gz --repo @repository@
```
"""


# --- verify, publish --------------------------------------------------------------------------


def verify(release: Release) -> None:
    """Look at dist/ as a stranger would: is all of it what the lists say?"""
    faults = list(faults_of(release))
    if faults:
        raise Refused("dist/ is not what it says:\n  " + "\n  ".join(faults))
    print(f"{'bytes':>12}  file")
    for artifact in release.artifacts:
        print(f"{artifact['size']:>12}  {artifact['path']}")
    for name, target in release.targets:
        if not release.of("Archive", os=target["os"], arch=target["arch"]):
            print(f"{'not here':>12}  {name}: {target['make']} makes it on {target['runner']}")
    if not release.of("Signature"):
        print(f"{'unsigned':>12}  {SUMS}: signed by the release workflow")


def faults_of(release: Release) -> Iterator[str]:
    """Yield one line for each thing that is not as the lists say."""
    for artifact in release.artifacts:
        path = release.path(artifact)
        if not path.is_file():
            yield f"{artifact['path']} is missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != artifact["sha256"]:
            yield f"{artifact['path']} was changed after it was made"
    for kind in ("Binary", "Archive", "Wheel", "Sdist", "Package", "SBOM", "Checksum", "Formula"):
        if not release.of(kind):
            yield f"there is no {kind}"
    for name, target in release.targets:
        archives = release.of("Archive", os=target["os"], arch=target["arch"])
        if target["make"] == MADE_HERE and not archives:
            yield f"there is no archive for {name}"
    sums = (release.dist / SUMS).read_text() if (release.dist / SUMS).exists() else ""
    offered = {f"{one['sha256']}  {one['name']}" for one in release.of(*OFFERED)}
    for line in sorted(offered.symmetric_difference(sums.splitlines())):
        yield f"{SUMS} and artifacts.json do not agree on {line.split()[-1]}"
    for one in release.of("Archive"):
        yield from faults_of_archive(release, one)
    for one in release.of("Formula", "Manifest"):
        text = release.path(one).read_text()
        systems = ("windows",) if one["type"] == "Manifest" else ("linux", "darwin")
        for archived in release.of("Archive"):
            wanted = archived["os"] in systems
            if wanted != (release.url(archived) in text and archived["sha256"] in text):
                yield f"{one['name']} does not agree with {archived['name']}"
    for one in release.of("Signature"):
        key = release.arguments.minisign_public_key or release.config["sign"]["minisign"]
        if one["name"].endswith(".minisig") and key:
            try:
                sums_file = release.dist / SUMS
                run(tool("minisign"), "-V", "-P", key, "-m", sums_file, "-x", release.path(one))
            except Refused as error:
                yield str(error)


def faults_of_archive(release: Release, one: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with an archive: its members, their order, owners, modes, dates."""
    path = release.path(one)
    (binary,) = release.of("Binary", os=one["os"], arch=one["arch"])
    modes = {binary["name"]: 0o755} | {name: mode for name, _, mode in beside(release, binary)}
    links = {} if path.suffix == ".zip" else release.config["archive"]["links"]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as zipped_file:
            names = zipped_file.namelist()
            first = zipped_file.read(names[0])
    else:
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            names = [member.name for member in members]
            data = tar.extractfile(members[0])
            first = data.read() if data else b""
        held = {member.name: member.linkname for member in members if member.issym()}
        if held != links:
            yield f"{one['name']} links {held}, not {links}"
        for member in members:
            mode = 0o777 if member.issym() else modes.get(member.name)
            if (member.uid, member.gid, member.mtime, member.mode) != (0, 0, release.epoch, mode):
                yield f"{one['name']}: {member.name} has an owner, a date or a mode of its own"
    if names != [*modes, *links]:
        yield f"{one['name']} holds {names}, not {[*modes, *links]}"
    if hashlib.sha256(first).hexdigest() != binary["sha256"]:
        yield f"{one['name']}: its executable is not the one that was built"


def publish(release: Release) -> None:
    """Put the release out: a draft first, then all files, then the tap and the bucket."""
    verify(release)
    check(release)
    hindrances = []
    if "-" in release.version:
        hindrances.append("this is a snapshot")
    for name, target in release.targets:
        if target["required"] and not release.of("Archive", os=target["os"], arch=target["arch"]):
            hindrances.append(f"there is no archive for {name}")
    if not release.of("Signature"):
        hindrances.append(f"{SUMS} is not signed")
    tag, repository = release.metadata["tag"], release.project["repository"]
    create = ["gh", "release", "create", tag, "--repo", repository, "--verify-tag", "--draft"]
    create += ["--title", tag, "--notes-file", str(release.dist / "notes.md")]
    create += [str(release.path(one)) for one in release.of(*OFFERED, "Checksum", "Signature")]
    unveil = ["gh", "release", "edit", tag, "--repo", repository, "--draft=false"]
    pushes = [
        (release.path(one), release.config["publish"][key], f"{folder}/{one['name']}")
        for kind, key, folder in (("Formula", "tap", "Formula"), ("Manifest", "bucket", "bucket"))
        for one in release.of(kind)
    ]
    if release.arguments.dry_run:
        for hindrance in hindrances:
            print(f"would refuse: {hindrance}")
        for command in (create, unveil):
            print(f"would run: {' '.join(command)}")
        for file, where, place in pushes:
            print(f"would push: {file} to {where} as {place}")
        return
    if hindrances:
        raise Refused("; ".join(hindrances))
    run(*create)
    run(*unveil)
    for file, where, place in pushes:
        push(file, where, place, f"{release.name} {release.version}")


def push(file: Path, repository: str, place: str, message: str) -> None:
    """Commit a file to the tap or the bucket, with a token for these two alone."""
    environment = {**os.environ, "GH_TOKEN": os.environ["TAP_TOKEN"]}
    address = f"repos/{repository}/contents/{place}"
    known = subprocess.run(
        ["gh", "api", address, "--jq", ".sha"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    content = base64.b64encode(file.read_bytes()).decode()
    fields = ["-f", f"message={message}", "-f", f"content={content}"]
    if known.returncode == 0:  # it is there already: say which one this replaces
        fields += ["-f", f"sha={known.stdout.strip()}"]
    run("gh", "api", "--method", "PUT", address, *fields, env=environment)


# --- the command line -------------------------------------------------------------------------

STEPS = {
    step.__name__: step
    for step in (
        check,
        build,
        archive,
        packages,
        modulefiles,
        sbom,
        checksum,
        sign,
        formula,
        scoop,
        notes,
        verify,
        publish,
    )
}
SNAPSHOT = [name for name in STEPS if name not in ("sign", "publish")]


def snapshot(release: Release) -> None:
    """Do all that needs no key and no release: what anyone can run."""
    release.arguments.snapshot = True
    for name in SNAPSHOT:
        say(name)
        STEPS[name](release)


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    parsers = {}
    for name, step in {**STEPS, "snapshot": snapshot}.items():
        parsers[name] = steps.add_parser(name, help=(step.__doc__ or "").splitlines()[0])
        parsers[name].add_argument("--dist", type=Path, default=ROOT / "dist", metavar="DIR")
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
    try:
        release = Release(arguments)
        if arguments.step not in ("check", "build", "snapshot"):
            _ = release.metadata  # or a word about what has to come before
        {**STEPS, "snapshot": snapshot}[arguments.step](release)
    except Refused as error:
        sys.exit(f"release.py: {error}")


if __name__ == "__main__":
    main()
