"""packaging/install.sh: in dash and in busybox alone, against releases on loopback."""

import hashlib
import http.server
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aws_role_exec import __version__

from .conftest import ROOT, released

SCRIPT = ROOT / "packaging" / "install.sh"
ARCHIVE = "aws-role-exec_linux_amd64.tar.gz"


class Releases(http.server.ThreadingHTTPServer):
    """The releases' download addresses, or a proxy on the way to them."""

    def __init__(self, files: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = files
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answer(http.server.BaseHTTPRequestHandler):
    server: Releases

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        path = self.server.files / self.path.rpartition("/")[2]
        if "/download/" not in self.path + "/" or not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def releases(dist: Path, tmp_path: Path) -> Iterator[Releases]:
    """A release that this test alone may spoil."""
    files = tmp_path / "release"
    files.mkdir()
    for name in (ARCHIVE, "checksums.txt"):
        shutil.copy(dist / name, files)
    with Releases(files) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Machine:
    """A user's machine: a shell, a few tools, an empty home."""

    def __init__(self, shell: list[str], tools: Path, place: Path, releases: Releases) -> None:
        self.shell, self.tools, self.place = shell, tools, place
        self.home, self.tmp = place / "home", place / "tmp"
        self.home.mkdir()
        self.tmp.mkdir()
        self.env = {
            "PATH": str(tools),
            "HOME": str(self.home),
            "TMPDIR": str(self.tmp),
            "AWS_ROLE_EXEC_RELEASES": f"{releases.url}/releases",
        }

    @property
    def installed(self) -> Path:
        return self.home / "bin" / "aws-role-exec"

    def tool(self, name: str, text: str) -> None:
        """Put a program of our own before the others."""
        first = self.place / "first"
        first.mkdir(exist_ok=True)
        (first / name).write_text(f"#!/bin/sh\n{text}\n")
        (first / name).chmod(0o755)
        self.env["PATH"] = f"{first}:{self.tools}"

    def install(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the script; whatever comes of it, its scratch directory is gone."""
        done = subprocess.run(
            [*self.shell, str(SCRIPT), "--dir", str(self.installed.parent), *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert list(self.tmp.iterdir()) == []
        return done

    def refuses(self, *arguments: str) -> str:
        """It says why, in our words, and leaves nothing behind."""
        done = self.install(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert done.stderr.splitlines()[-1].startswith("install.sh: ")
        assert list(self.home.rglob("*aws-role-exec*")) == []
        return done.stderr


@pytest.fixture(params=["dash with curl", "dash with wget", "busybox alone"])
def machine(
    request: pytest.FixtureRequest,
    needs: Callable[[str], str],
    tmp_path: Path,
    releases: Releases,
) -> Machine:
    tools = tmp_path / "tools"
    tools.mkdir()
    if request.param == "busybox alone":
        subprocess.run([needs("busybox"), "--install", "-s", str(tools)], check=True)
        return Machine([str(tools / "sh")], tools, tmp_path, releases)
    fetcher = request.param.split()[-1]
    used = "sed cut id uname mktemp rm cp chmod mv mkdir tail cat tar gzip sha256sum sh"
    for name in [*used.split(), fetcher]:
        (tools / name).symlink_to(needs(name))
    return Machine([needs("dash")], tools, tmp_path, releases)


class TestInstalls:
    def test_the_newest(self, machine: Machine, releases: Releases) -> None:
        """And runs it once, to show its version."""
        done = machine.install()
        assert done.returncode == 0, done.stderr
        assert f"{machine.installed} (aws-role-exec" in done.stdout
        assert "signature not checked" in done.stderr
        assert "is not in PATH" in done.stderr
        assert machine.installed.stat().st_mode & 0o7777 == 0o755
        assert [path.name for path in machine.installed.parent.iterdir()] == ["aws-role-exec"]
        assert releases.asked == [
            f"/releases/latest/download/{name}" for name in ("checksums.txt", ARCHIVE)
        ]

    def test_the_manual_page_and_the_completions(self, machine: Machine) -> None:
        """Below the same prefix, where man and the shells look; none beside another directory."""
        assert machine.install().returncode == 0
        share = machine.home / "share"
        found = {str(path.relative_to(share)) for path in share.rglob("*") if path.is_file()}
        assert found == {
            "man/man1/aws-role-exec.1",
            "bash-completion/completions/aws-role-exec",
            "zsh/site-functions/_aws-role-exec",
            "fish/vendor_completions.d/aws-role-exec.fish",
        }
        assert (share / "man/man1/aws-role-exec.1").read_text().startswith(".")
        other = machine.home / "tools"
        assert machine.install("--dir", str(other)).returncode == 0
        assert [path.name for path in other.iterdir()] == ["aws-role-exec"]
        assert not (machine.home / "tools" / "share").exists()

    def test_pages_that_cannot_be_written_are_left_out(self, machine: Machine) -> None:
        """With a word; the program is installed."""
        (machine.home / "share").write_text("a file")
        done = machine.install()
        assert done.returncode == 0
        assert "left out: " in done.stderr

    @pytest.mark.parametrize("form", ["{}", "v{}"])
    def test_a_version(self, machine: Machine, releases: Releases, form: str) -> None:
        assert machine.install("--version", form.format(__version__)).returncode == 0
        assert releases.asked[-1] == f"/releases/download/v{__version__}/{ARCHIVE}"

    def test_over_an_older_one(self, machine: Machine) -> None:
        """Replaced whole, by a rename."""
        machine.installed.parent.mkdir()
        machine.installed.write_text("old")
        before = machine.installed.stat().st_ino
        assert machine.install().returncode == 0
        assert machine.installed.stat().st_ino != before

    def test_through_a_proxy(self, machine: Machine, releases: Releases) -> None:
        """Of a host that nobody but the proxy knows."""
        machine.env["http_proxy"] = releases.url
        machine.env["AWS_ROLE_EXEC_RELEASES"] = "http://mirror.invalid/releases"
        done = machine.install()
        assert done.returncode == 0, done.stderr
        assert releases.asked[0].startswith("http://mirror.invalid/releases/")


class TestRefuses:
    def test_a_flipped_byte(self, machine: Machine, releases: Releases) -> None:
        data = bytearray((releases.files / ARCHIVE).read_bytes())
        data[len(data) // 2] ^= 1
        (releases.files / ARCHIVE).write_bytes(data)
        assert "is damaged or not ours" in machine.refuses()

    def test_a_truncated_file(self, machine: Machine, releases: Releases) -> None:
        data = (releases.files / ARCHIVE).read_bytes()
        (releases.files / ARCHIVE).write_bytes(data[: len(data) // 2])
        assert "is damaged or not ours" in machine.refuses()

    def test_another_version_than_was_asked_for(self, machine: Machine) -> None:
        """A mirror that serves an old release as the new one; what was installed stays."""
        assert machine.install().returncode == 0
        before = machine.installed.read_bytes()
        done = machine.install("--version", "9.9.9")
        assert done.returncode == 1
        assert f"holds aws-role-exec {__version__}, not version 9.9.9" in done.stderr
        assert machine.installed.read_bytes() == before
        assert [path.name for path in machine.installed.parent.iterdir()] == ["aws-role-exec"]

    def test_a_program_that_does_not_run_here(self, machine: Machine, releases: Releases) -> None:
        with tarfile.open(releases.files / ARCHIVE, "w:gz") as tar:
            script = machine.place / "aws-role-exec"
            script.write_text("#!/bin/sh\necho no such library >&2\nexit 127\n")
            tar.add(script, "aws-role-exec")
        digest = hashlib.sha256((releases.files / ARCHIVE).read_bytes()).hexdigest()
        (releases.files / "checksums.txt").write_text(f"{digest}  {ARCHIVE}\n")
        assert "does not run here: no such library" in machine.refuses()
        assert list(machine.installed.parent.iterdir()) == []

    def test_a_missing_archive(self, machine: Machine, releases: Releases) -> None:
        (releases.files / ARCHIVE).unlink()
        assert f"cannot download {releases.url}/releases/latest" in machine.refuses()

    def test_a_release_without_this_platform(self, machine: Machine, releases: Releases) -> None:
        sums = (releases.files / "checksums.txt").read_text().splitlines(keepends=True)
        kept = "".join(line for line in sums if ARCHIVE not in line)
        (releases.files / "checksums.txt").write_text(kept)
        assert f"this release has no {ARCHIVE}" in machine.refuses()

    @pytest.mark.parametrize(("flag", "word"), [("-s", "Plan9"), ("-m", "riscv64")])
    def test_a_platform_without_releases(self, machine: Machine, flag: str, word: str) -> None:
        """Before anything is downloaded."""
        other = "Linux" if flag == "-m" else "x86_64"
        machine.tool("uname", f'[ "$1" = {flag} ] && echo {word} || echo {other}')
        assert f"no release for {word if flag == '-s' else 'Linux on riscv64'}" in machine.refuses()

    def test_a_place_it_may_not_write_to(self, machine: Machine) -> None:
        (machine.home / "bin").write_text("a file")
        assert "name another with --dir" in machine.install().stderr

    def test_an_unknown_option(self, machine: Machine) -> None:
        assert "unknown option --prefix" in machine.refuses("--prefix")

    def test_a_server_that_is_not_there(self, machine: Machine) -> None:
        machine.env["AWS_ROLE_EXEC_RELEASES"] = "http://127.0.0.1:1/releases"
        assert "cannot download http://127.0.0.1:1" in machine.refuses()


class TestSignature:
    def test_cosign_is_asked_who_signed(self, machine: Machine, releases: Releases) -> None:
        """It has to be our release workflow, at a tag."""
        (releases.files / "checksums.txt.sigstore.json").write_text("{}")
        machine.tool("cosign", f'echo "$*" >{machine.place}/asked')
        done = machine.install()
        assert done.returncode == 0, done.stderr
        assert "signature checked with cosign" in done.stdout
        asked = (machine.place / "asked").read_text()
        assert "--certificate-oidc-issuer https://token.actions.githubusercontent.com" in asked
        assert r"/release\.yml@refs/tags/v " in asked

    def test_cosign_is_asked_for_the_version(self, machine: Machine, releases: Releases) -> None:
        """An older release's signature does not do for this one."""
        (releases.files / "checksums.txt.sigstore.json").write_text("{}")
        machine.tool("cosign", f'echo "$*" >{machine.place}/asked')
        assert machine.install("--version", __version__).returncode == 0
        escaped = re.escape(__version__)
        assert rf"/release\.yml@refs/tags/v{escaped}$ " in (machine.place / "asked").read_text()

    def test_a_bad_signature(self, machine: Machine, releases: Releases) -> None:
        (releases.files / "checksums.txt.sigstore.json").write_text("{}")
        machine.tool("cosign", "echo none of the expected identities matched >&2; exit 1")
        said = machine.refuses()
        assert "none of the expected identities matched" in said
        assert "the signature of checksums.txt is not ours" in said

    def test_no_signature_though_a_tool_is_there(self, machine: Machine) -> None:
        """Leaving the signature away does not help whoever changed the file."""
        machine.tool("cosign", "exit 0")
        assert "cannot download" in machine.refuses()
        assert machine.install("--no-signature").returncode == 0

    def test_minisign(
        self,
        machine: Machine,
        releases: Releases,
        dist: Path,
        needs: Callable[[str], str],
        tmp_path: Path,
    ) -> None:
        """With the real tool, by a script that knows the key."""
        secret, public = tmp_path / "key", tmp_path / "key.pub"
        generate = [needs("minisign"), "-G", "-W", "-s", str(secret), "-p", str(public)]
        subprocess.run(generate, check=True, capture_output=True)
        signed = tmp_path / "signed"
        shutil.copytree(dist, signed)
        released("sign", "--minisign-key", secret, "--dist", signed)
        shutil.copy(signed / "checksums.txt.minisig", releases.files)
        key = public.read_text().splitlines()[1]
        script = tmp_path / "install.sh"
        script.write_text(SCRIPT.read_text().replace("minisign_key=''", f"minisign_key='{key}'"))
        machine.tool("minisign", f'exec {needs("minisign")} "$@"')
        command = [*machine.shell, str(script), "--dir", str(machine.installed.parent)]
        done = subprocess.run(command, env=machine.env, capture_output=True, text=True)
        assert "signature checked with minisign" in done.stdout, done.stderr
        with (releases.files / "checksums.txt").open("a") as sums:
            sums.write("\n")
        done = subprocess.run(command, env=machine.env, capture_output=True, text=True)
        assert "the signature of checksums.txt is not ours" in done.stderr


def test_no_root_is_needed(dist: Path, releases: Releases, needs: Callable[[str], str]) -> None:
    """A user without rights gets it into ~/.local/bin."""
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        os.chmod(home, 0o777)
        user = []
        if os.geteuid() == 0:
            user = [needs("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]
        shutil.copy(SCRIPT, home)
        done = subprocess.run(
            [*user, needs("dash"), f"{home}/install.sh"],
            env={
                "PATH": os.environ["PATH"],
                "HOME": home,
                "AWS_ROLE_EXEC_RELEASES": f"{releases.url}/releases",
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert (Path(home) / ".local/bin/aws-role-exec").stat().st_uid != 0 or os.geteuid() != 0


def test_half_a_script_does_nothing(tmp_path: Path) -> None:
    """Cut off in the middle of the download of itself, it has run nothing."""
    text = SCRIPT.read_text()
    for cut in range(len(text) // 2, len(text) - len('main "$@"\n'), 400):
        half = tmp_path / "half.sh"
        half.write_text(text[:cut])
        environment = {"PATH": "/nonexistent", "HOME": str(tmp_path)}
        done = subprocess.run(["/bin/sh", str(half)], env=environment, capture_output=True)
        assert done.stdout == b""
        assert list(tmp_path.iterdir()) == [half]


def test_shellcheck_finds_nothing() -> None:
    checker = Path(sys.executable).with_name("shellcheck")
    subprocess.run(
        [str(checker), "--shell=sh", "--enable=all", "--severity=warning", str(SCRIPT)], check=True
    )
