"""Installed for real, as a user would, and removed again without a trace."""

import gzip
import hashlib
import io
import os
import stat
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ROOT

#: What a cluster's administrator needs, where docs/slurm-admin.md has it; True if it is to be run.
SCHEDULERS = {
    "/usr/libexec/aws-role-exec/job-credentials": True,
    "/usr/share/aws-role-exec/roles.map": False,
    "/usr/share/aws-role-exec/slurm/prolog.sh": True,
    "/usr/share/aws-role-exec/slurm/taskprolog.sh": True,
    "/usr/share/aws-role-exec/slurm/epilog.sh": True,
    "/usr/share/aws-role-exec/sge/prolog.sh": True,
    "/usr/share/aws-role-exec/sge/epilog.sh": True,
    "/usr/share/aws-role-exec/pbs/aws_role_launch.py": False,
}
#: What every package puts down, beside what is the distribution's own custom.
COMMON = {
    "/usr/bin/aws-role-exec",
    "/usr/share/man/man1/aws-role-exec.1.gz",
    "/usr/share/bash-completion/completions/aws-role-exec",
    "/usr/share/fish/vendor_completions.d/aws-role-exec.fish",
    *SCHEDULERS,
}


def run(*command: object, **options: object) -> str:
    done = subprocess.run(  # type: ignore[call-overload]
        [str(word) for word in command], capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def modes_are_right(root: Path) -> None:
    """Scripts of the schedulers can be run, by root alone to be changed."""
    for path, executable in SCHEDULERS.items():
        status = (root / path[1:]).stat()
        assert stat.S_IMODE(status.st_mode) == (0o755 if executable else 0o644), path
        assert (status.st_uid, status.st_gid) == (0, 0), path


def tree(root: Path) -> set[str]:
    """Every file below, as a path from there."""
    return {f"/{path.relative_to(root)}" for path in root.rglob("*") if not path.is_dir()}


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED: needs root")


class TestDeb:
    @needs_root
    def test_install_run_purge(
        self, needs: Callable[[str], str], dist: Path, tmp_path: Path
    ) -> None:
        """By dpkg, into a root of its own."""
        root = tmp_path / "root"
        admin = root / "var/lib/dpkg"
        for directory in ("updates", "info", "triggers"):
            (admin / directory).mkdir(parents=True)
        (admin / "status").touch()
        dpkg = [needs("dpkg"), f"--root={root}", "--force-not-root", "--log=/dev/null"]
        run(*dpkg, "--install", dist / "aws-role-exec_linux_amd64.deb")
        installed = {path for path in tree(root) if path.startswith("/usr")}
        assert installed >= COMMON
        modes_are_right(root)
        assert "aws-role-exec" in run(root / "usr/bin/aws-role-exec", "--version")
        assert "would assume" in run(
            *("sh", "-c", '"$0" --role-arn "$1" --region us-east-1 --dry-run 2>&1'),
            root / "usr/bin/aws-role-exec",
            "arn:aws:iam::123456789012:role/my-role",
        )
        manual = gzip.decompress((root / "usr/share/man/man1/aws-role-exec.1.gz").read_bytes())
        assert manual == (ROOT / "packaging/man/aws-role-exec.1").read_bytes()
        run(*dpkg, "--purge", "aws-role-exec")
        left = {path for path in tree(root) if not path.startswith("/var/lib/dpkg")}
        assert left == set()
        assert not (root / "usr").exists(), "an empty directory is left behind"

    @pytest.mark.parametrize("arch", ["amd64", "arm64"])
    def test_lintian(
        self, needs: Callable[[str], str], dist: Path, tmp_path: Path, arch: str
    ) -> None:
        """Nothing but what packaging/deb/lintian-overrides explains."""
        package = dist / f"aws-role-exec_linux_{arch}.deb"
        options = ["--fail-on", "error,warning"]
        if os.geteuid() == 0:
            options.append("--allow-root")
        # It leaves files behind in TMPDIR.
        assert run("env", f"TMPDIR={tmp_path}", needs("lintian"), *options, package) == ""


class TestRpm:
    @needs_root
    def test_install_run_erase(
        self, needs: Callable[[str], str], dist: Path, tmp_path: Path
    ) -> None:
        """By rpm, into a root of its own."""
        root = tmp_path / "root"
        root.mkdir()
        rpm = [needs("rpm"), "--root", root, "--dbpath", "/var/lib/rpm"]
        package = dist / "aws-role-exec_linux_amd64.rpm"
        run(needs("rpm"), "--checksig", "--nosignature", package)
        # Debian's rpm knows no package that brings /bin/sh; this one needs none either.
        run(*rpm, "--install", "--nosignature", "--noplugins", package)
        installed = {path for path in tree(root) if path.startswith("/usr")}
        assert installed >= COMMON
        modes_are_right(root)
        run(*rpm, "--verify", "--noplugins", "aws-role-exec")
        assert "aws-role-exec" in run(root / "usr/bin/aws-role-exec", "--version")
        run(*rpm, "--erase", "--noplugins", "aws-role-exec")
        assert {path for path in tree(root) if not path.startswith("/var/lib/rpm")} == set()

    def test_it_needs_nothing(self, needs: Callable[[str], str], dist: Path) -> None:
        """One static file runs on every distribution, so only rpm's own features are asked for."""
        for arch in ("amd64", "arm64"):
            wants = run(
                *(needs("rpm"), "--query", "--package", "--nosignature", "--requires"),
                dist / f"aws-role-exec_linux_{arch}.rpm",
            )
            assert all(line.startswith("rpmlib(") for line in wants.splitlines())


class TestApk:
    """Alpine's apk is in no Debian; its format's rules are checked instead.

    Source: Alpine's wiki, "Apk spec": concatenated gzip streams, the control segment with
    .PKGINFO, whose datahash is the sha256 of the data segment.
    """

    @pytest.mark.parametrize(("arch", "name"), [("amd64", "x86_64"), ("arm64", "aarch64")])
    def test_segments_agree(self, dist: Path, arch: str, name: str) -> None:
        segments = streams((dist / f"aws-role-exec_linux_{arch}.apk").read_bytes())
        control, data = segments[-2:]
        with tarfile.open(fileobj=io.BytesIO(control)) as tar:
            member = tar.extractfile(".PKGINFO")
            assert member is not None
            lines = member.read().decode().splitlines()
        facts = dict(line.split(" = ", 1) for line in lines if not line.startswith("#") and line)
        assert facts["arch"] == name
        assert facts["pkgname"] == "aws-role-exec"
        assert facts["datahash"] == hashlib.sha256(data).hexdigest()
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            held = {f"/{member.name}" for member in tar.getmembers() if member.isfile()}
            for member in tar.getmembers():
                assert (member.uid, member.gid) == (0, 0)
                if member.isfile() and f"/{member.name}" in SCHEDULERS:
                    mode = 0o755 if SCHEDULERS[f"/{member.name}"] else 0o644
                    assert member.mode == mode, member.name
        assert held >= COMMON


def streams(data: bytes) -> list[bytes]:
    """Take concatenated gzip streams apart, each still compressed."""
    found = []
    while data:
        inflater = zlib.decompressobj(wbits=31)
        inflater.decompress(data)
        found.append(data[: len(data) - len(inflater.unused_data)])
        data = inflater.unused_data
    return found


class TestArchive:
    def test_as_the_readme_says(self, dist: Path, tmp_path: Path) -> None:
        """Untar, install, run; remove one file and nothing is left."""
        readme = (ROOT / "README.md").read_text()
        archive = "aws-role-exec_linux_amd64.tar.gz"
        assert f"tar -xzf {archive} aws-role-exec\n" in readme
        assert "sudo install -m 0755 aws-role-exec /usr/local/bin/\n" in readme
        run("tar", "-xzf", dist / archive, "aws-role-exec", cwd=tmp_path)
        (tmp_path / "bin").mkdir()
        run("install", "-m", "0755", "aws-role-exec", "bin/", cwd=tmp_path)
        assert "aws-role-exec" in run(tmp_path / "bin/aws-role-exec", "--version")
        assert tree(tmp_path) == {"/aws-role-exec", "/bin/aws-role-exec"}

    def test_busybox_can_untar_it(
        self, needs: Callable[[str], str], dist: Path, tmp_path: Path
    ) -> None:
        """As in the Dockerfile: one member, from a pipe."""
        archive = dist / "aws-role-exec_linux_amd64.tar.gz"
        with archive.open("rb") as pipe:
            run(needs("busybox"), "tar", "-xz", "-C", tmp_path, "aws-role-exec", stdin=pipe)
        assert "aws-role-exec" in run(tmp_path / "aws-role-exec", "--version")


class TestContainer:
    RECIPE = ROOT / "packaging/container/Dockerfile"

    def test_it_starts_from_nothing(self) -> None:
        """The last stage holds the executable and a CA bundle and runs as nobody."""
        lines = self.RECIPE.read_text().splitlines()
        last = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM ")) :]
        assert last[0] == "FROM scratch"
        copied = [line.split()[-1] for line in last if line.startswith("COPY")]
        assert copied == ["/etc/ssl/certs/ca-certificates.crt", "/aws-role-exec"]
        assert "USER 65534:65534" in last

    def test_hadolint_finds_nothing(self) -> None:
        run(Path(sys.executable).with_name("hadolint"), self.RECIPE)

    @needs_root
    def test_the_executable_runs_in_such_an_image(self, dist: Path, tmp_path: Path) -> None:
        """Nothing around it: no library, no /proc, no /tmp, another user."""
        root = tmp_path / "root"
        root.mkdir(mode=0o755)
        run("cp", dist / "linux_amd64/aws-role-exec", root)
        chroot = ["chroot", "--userspec=65534:65534", root, "/aws-role-exec"]
        assert "aws-role-exec" in run(*chroot, "--version")
