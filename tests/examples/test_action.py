"""action.yml: its steps are run as a runner runs them, against releases and an STS on loopback."""

import hashlib
import io
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from aws_role_exec import __version__
from examples.sandbox import REPOSITORY
from servers.loopback import Handler, Server
from servers.oidc import GitHubTokens
from servers.sts import ACCESS_DENIED, Sts

ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text())
ARCHIVE = "aws-role-exec_linux_amd64.tar.gz"
ROLE = "arn:aws:iam::123456789012:role/deploy"


class _Downloads(Handler):
    server: "Releases"

    def do_GET(self) -> None:
        version, _, name = self.path.removeprefix("/releases/download/").partition("/")
        content = self.server.files.get(name)
        if version != f"v{__version__}" or content is None:
            self.reply(404, "")
        else:
            self.reply(200, content)


class Releases(Server):
    """The download addresses of one version's release."""

    handler = _Downloads

    def __init__(self, program: str) -> None:
        super().__init__()
        text = f'#!/bin/sh\nexec {program} "$@"\n'.encode()
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            member = tarfile.TarInfo("aws-role-exec")
            member.mode, member.size = 0o755, len(text)
            archive.addfile(member, io.BytesIO(text))
        self.files = {ARCHIVE: buffer.getvalue()}
        self.sum = hashlib.sha256(self.files[ARCHIVE]).hexdigest()
        self.files["checksums.txt"] = f"{self.sum}  {ARCHIVE}\n{'0' * 64}  other\n".encode()


class Job:
    """A job of a Linux runner: what a step leaves in the runner's files is there for the next."""

    def __init__(self, place: Path, releases: Releases, sts: Sts) -> None:
        self.place = place
        self.files = {f"GITHUB_{name}": place / name for name in ("ENV", "PATH", "OUTPUT")}
        for file in self.files.values():
            file.touch()
        (place / "temp").mkdir()
        self.tool("gh", f'echo "$@" >>{place}/gh.calls')
        self.env = {
            "PATH": f"{place}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(place),
            "GITHUB_ACTION_PATH": str(REPOSITORY),
            "RUNNER_TEMP": str(place / "temp"),
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64",
            "GITHUB_RUN_ID": "99",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_JOB": "deploy",
            "AWS_ROLE_EXEC_RELEASES": f"{releases.url}/releases",
            "AWS_ENDPOINT_URL_STS": sts.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            **{name: str(file) for name, file in self.files.items()},
        }

    def tool(self, name: str, text: str) -> None:
        (self.place / "bin").mkdir(exist_ok=True)
        (self.place / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.place / "bin" / name).chmod(0o755)

    def use(self, **given: str) -> tuple[int, str]:
        """`uses: ./` with these inputs; `_` stands for `-` in their names. Returns the exit status
        of the step that failed, else 0, and the log."""
        inputs = {name: one["default"] for name, one in ACTION["inputs"].items()}
        inputs |= {name.replace("_", "-"): value for name, value in given.items()}
        log = ""
        for step in ACTION["runs"]["steps"]:
            if step.get("if") == "inputs.role-arn != ''" and not inputs["role-arn"]:
                continue
            added = self.files["GITHUB_PATH"].read_text().split()
            env = {**self.env, "PATH": ":".join([*added, self.env["PATH"]])}
            for name, value in step["env"].items():
                env[name] = re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: inputs[m[1]], value)
            bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(
                bash, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            log += done.stdout
            if done.returncode:
                return done.returncode, log
        return 0, log

    def left(self, name: str) -> str:
        return self.files[f"GITHUB_{name}"].read_text()


@pytest.fixture
def releases(program: list[str]) -> Iterator[Releases]:
    with Releases(program[0]) as server:
        yield server


@pytest.fixture
def job(tmp_path: Path, releases: Releases, sts: Sts) -> Iterator[Job]:
    if os.uname().sysname != "Linux":
        pytest.skip("SKIPPED: the runner is one of Linux")
    job = Job(tmp_path, releases, sts)
    yield job
    unpacked = [path.name for path in (tmp_path / "temp").iterdir()]
    assert [name for name in unpacked if name != f"aws-role-exec-{__version__}"] == []


class TestInstall:
    def test_the_version_of_the_commit_that_uses_names(self, job: Job) -> None:
        """A commit pins the action and the program at once; the program is on PATH afterwards."""
        code, log = job.use()
        assert code == 0, log
        assert job.left("OUTPUT") == f"version={__version__}\n"
        (place,) = job.left("PATH").split()
        told = subprocess.run(
            [f"{place}/aws-role-exec", "--version"], capture_output=True, text=True
        )
        assert told.stdout == f"aws-role-exec {__version__}\n"

    def test_its_origin_is_checked(self, job: Job) -> None:
        """By the attestation of this repository's release workflow, at the version's tag."""
        job.use()
        asked = (job.place / "gh.calls").read_text()
        assert asked == (
            f"attestation verify {ARCHIVE} --repo scttfrdmn/aws-role-exec --signer-workflow "
            "scttfrdmn/aws-role-exec/.github/workflows/release.yml "
            f"--source-ref refs/tags/v{__version__}\n"
        )

    def test_a_sum_of_the_users_own_is_enough(self, job: Job, releases: Releases) -> None:
        """The release's list is not asked then."""
        del releases.files["checksums.txt"]
        code, log = job.use(sha256=releases.sum, attestation="false")
        assert code == 0, log
        assert not (job.place / "gh.calls").exists()

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ({"sha256": "0" * 64}, "is damaged or not the one that was asked for"),
            ({"version": "9.9.9"}, "cannot download"),
            ({"version": "latest"}, "'latest' is no version"),
        ],
    )
    def test_nothing_is_installed(self, job: Job, given: dict[str, str], why: str) -> None:
        """With another sum, a version that there is not, or none at all."""
        code, log = job.use(**given)
        assert code == 1
        assert why in log
        assert "::error::aws-role-exec: " in log
        assert job.left("PATH") == job.left("OUTPUT") == ""

    def test_nothing_is_installed_that_another_built(self, job: Job) -> None:
        """gh says so."""
        job.tool("gh", "exit 1")
        code, log = job.use()
        assert code == 1
        assert "was not built by the release workflow" in log
        assert job.left("PATH") == ""

    def test_nothing_is_installed_that_calls_itself_otherwise(
        self, job: Job, releases: Releases
    ) -> None:
        """An older version, served under a newer one's address."""
        with Releases("echo aws-role-exec 0.0.1;:") as older:
            releases.files = older.files
        code, log = job.use()
        assert code == 1
        assert f"the archive of version {__version__} holds 'aws-role-exec 0.0.1" in log
        assert job.left("PATH") == ""


class TestRole:
    def test_later_steps_get_the_role(self, job: Job, sts: Sts) -> None:
        """By the job's OIDC token and through a base role; each key is masked in the log before
        it is set."""
        with GitHubTokens() as github:
            job.env |= github.env
            code, log = job.use(
                role_arn=f"arn:aws:iam::123456789012:role/base\n{ROLE}\n", duration="30m"
            )
        assert code == 0, log
        first, second = (asked.params for asked in sts.asked)
        assert first["WebIdentityToken"] == github.token
        assert (first["RoleArn"].rpartition("/")[2], second["RoleArn"]) == ("base", ROLE)
        assert second["DurationSeconds"] == "1800"
        assert "99" in second["RoleSessionName"], "the run cannot be found from CloudTrail"
        key = sts.issued[-1]
        for secret in (key.access_key, key.secret, key.token):
            assert f"::add-mask::{secret}" in log
            assert secret in job.left("ENV")

    def test_a_refusal_fails_the_step(self, job: Job, sts: Sts) -> None:
        """And sets nothing."""
        sts.always(ACCESS_DENIED)
        job.env |= {"AWS_ACCESS_KEY_ID": "AKIABASEEXAMPLE00000"}
        job.env |= {"AWS_SECRET_ACCESS_KEY": "BaseSecret/wJalrXUtnFEMI+K7MDENG/EXAMPLE"}
        job.env["GITHUB_ACTIONS"] = "true"
        code, log = job.use(role_arn=ROLE, web_identity="")
        assert code == 125
        assert "AccessDenied" in log
        assert job.left("ENV") == ""
