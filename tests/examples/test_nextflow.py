"""Nextflow itself runs the example pipeline, with its local executor."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from examples.sandbox import EXAMPLES, SESSIONS, SHORT_SESSION_SECONDS, WORKS_ON, Ran, Sandbox
from runner import wait_for
from servers.sts import ACCESS_DENIED, ok

LAUNCH = EXAMPLES / "workflows/nextflow.sh"
# Nextflow may not look for newer versions or plugins.
ENV = {"NXF_OFFLINE": "true", "NXF_ANSI_LOG": "false"}


@pytest.fixture
def nextflow(sandbox: Sandbox) -> Sandbox:
    """The sandbox with a real Nextflow in it, and the pipeline's own program."""
    sandbox.real("nextflow")
    sandbox.stand_in("analyze.py")
    return sandbox


def launch(nextflow: Sandbox, *arguments: str, env: dict[str, str] | None = None) -> Ran:
    return nextflow.run(LAUNCH, *arguments, env={**ENV, **(env or {})})


class TestRun:
    def test_each_task_runs_under_its_role(self, nextflow: Sandbox) -> None:
        """A labelled one under its own, all others under the one that the run was launched with;
        and no file of Nextflow's holds a key: not the work directory, the log or the trace."""
        ran = launch(nextflow, "--samples", "s1,s2", "-with-trace", "-with-report").ok()
        roles = {call.words: call.role for call in ran.calls}
        run = nextflow.assumed()[0]["RoleSessionName"]
        assert run.startswith("nxf-alice-")
        assert roles == {
            "aws s3 cp s3://raw-data/s1.fastq.gz s1.fastq.gz": "nf-task-role/nf-FETCH",
            "aws s3 cp s3://raw-data/s2.fastq.gz s2.fastq.gz": "nf-task-role/nf-FETCH",
            "analyze.py --input s1.fastq.gz --output s1.tsv": f"nextflow-pipeline-role/{run}",
            "analyze.py --input s2.fastq.gz --output s2.tsv": f"nextflow-pipeline-role/{run}",
        }
        assert [asked["DurationSeconds"] for asked in nextflow.assumed()] == ["3600"] * 3
        tasks = nextflow.sts.asked[1:]
        assert {asked.access_key for asked in tasks} == {nextflow.sts.issued[0].access_key}
        written = {path.name for path in nextflow.work.rglob("*")}
        assert {".command.run", ".command.sh", ".command.log", ".nextflow.log"} < written
        assert nextflow.files_with_secrets() == []

    def test_it_takes_longer_than_its_session(self, nextflow: Sandbox) -> None:
        """Its tasks work on under the role; what each asked for itself is not renewed."""
        nextflow.sts.session_seconds = SHORT_SESSION_SECONDS
        nextflow.script("analyze.py", shlex.join([sys.executable, "-I", str(WORKS_ON)]) + ' "$@"')
        launch(nextflow).ok()
        assert len(nextflow.sessions_of("nextflow-pipeline-role")) >= SESSIONS
        assert nextflow.files_with_secrets() == []

    def test_debugging_shows_the_keys(self, nextflow: Sandbox) -> None:
        """With NXF_DEBUG, Nextflow writes the environment into each task's log: docs/nextflow.md
        warns of it."""
        launch(nextflow, env={"NXF_DEBUG": "1"}).ok()
        assert {path.name for path in nextflow.files_with_secrets()} == {".command.log"}

    def test_a_session_name_is_cut_from_any_process_name(self, nextflow: Sandbox) -> None:
        """The last part of it, however deep the process lies, and no more than STS takes."""
        process = "A" * 100
        (nextflow.work / "main.nf").write_text(
            f"process {process} {{\n label 'aws_access'\n script: 'aws s3 ls'\n}}\n"
            f"workflow INNER {{ {process}() }}\nworkflow {{ INNER() }}\n"
        )
        shutil.copy(EXAMPLES / "workflows/nextflow.config", nextflow.work)
        ran = nextflow.run("nextflow", "run", "main.nf", env=ENV).ok()
        assert f"INNER:{process}" in ran.output
        assert [call.role for call in ran.calls] == ["nf-task-role/nf-" + "A" * 60]


class TestContainer:
    """Nextflow is real; the container engine is a stand-in, which starts what it is told to in an
    environment of what it is told to hand over."""

    def in_a_container(self, nextflow: Sandbox, hand_over: str) -> str:
        """Shell text that ends like an engine: `given` are the variables that go in."""
        known = f"PATH={nextflow.env['PATH']} SANDBOX_CALLS={nextflow.env['SANDBOX_CALLS']}"
        return f"""
printf '%s\\n' "$*" >>{shlex.quote(str(nextflow.home / "command-lines"))}
{hand_over}
while [ "$1" != "$image" ]; do shift; done
shift
exec env -i {known} $given "$@"
"""

    def test_only_names_are_handed_to_docker(self, nextflow: Sandbox) -> None:
        """The task in the container has the role; its command line and files hold no key."""
        hand_over = """
[ "$1" = run ] || exit 0
image=my-image given= before=
for word; do
    [ "$before" = -e ] && given="$given $word=$(printenv "$word")"
    before=$word
done
"""
        nextflow.script("docker", self.in_a_container(nextflow, hand_over))
        ran = launch(nextflow, "-with-docker", "my-image").ok()
        assert {call.name: call.role for call in ran.calls}["aws"] == "nf-task-role/nf-FETCH"
        assert "-e AWS_SECRET_ACCESS_KEY" in (nextflow.home / "command-lines").read_text()
        assert nextflow.files_with_secrets() == []

    def test_apptainer_is_handed_the_role(self, nextflow: Sandbox) -> None:
        """By the variables that it knows for this; again, no file holds a key."""
        image = nextflow.home / "image.sif"
        image.touch()
        hand_over = f"image={image} given=$(env | sed -n 's/^APPTAINERENV_//p')\n"
        nextflow.script("apptainer", self.in_a_container(nextflow, hand_over))
        ran = launch(nextflow, "-with-apptainer", str(image)).ok()
        assert {call.name: call.role for call in ran.calls}["aws"] == "nf-task-role/nf-FETCH"
        assert nextflow.files_with_secrets() == []


class TestRefusal:
    def test_it_fails_the_task_and_says_why(self, nextflow: Sandbox) -> None:
        """In Nextflow's own words, with STS's reason; nothing runs under another identity."""
        nextflow.sts.script(ok)  # the launch
        nextflow.sts.always(ACCESS_DENIED)
        ran = launch(nextflow)
        assert ran.code == 1
        assert "Error executing process > 'FETCH (1)'" in ran.output
        assert "aws-role-exec: assuming arn:aws:iam::123456789012:role/nf-task-role:" in ran.output
        assert "is not authorized to perform: sts:AssumeRole" in ran.output
        assert ran.calls == []

    def test_a_retried_task_asks_again(self, nextflow: Sandbox) -> None:
        """So that an `errorStrategy` helps with what passes."""
        nextflow.sts.script(ok, ACCESS_DENIED)
        ran = launch(nextflow, "-process.errorStrategy", "retry").ok()
        assert "Execution is retried (1)" in ran.output
        assert [call.name for call in ran.calls] == ["aws", "analyze.py"]
        assert ran.calls[0].role == "nf-task-role/nf-FETCH"
        assert len(nextflow.assumed()) == 3

    def test_nothing_is_launched_without_the_role(self, nextflow: Sandbox) -> None:
        """Nextflow does not even start."""
        nextflow.sts.always(ACCESS_DENIED)
        ran = launch(nextflow)
        assert ran.code == 125
        assert "N E X T F L O W" not in ran.output


class TestSignals:
    @contextmanager
    def running(self, nextflow: Sandbox) -> Iterator[tuple[subprocess.Popen[str], int]]:
        """The script that was started, and the pid of a task's program, which would run on."""
        pid = nextflow.home / "pid"
        sleep = "import os, signal, sys; open(sys.argv[1], 'w').write(f'{os.getpid()}\\n'); "
        sleep += "signal.pause()"
        nextflow.script("aws", f"exec {sys.executable} -c {shlex.quote(sleep)} {pid}")
        with nextflow.start(LAUNCH, env=ENV) as process:
            wait_for(lambda: pid.exists() and pid.read_text().endswith("\n"), 120)
            yield process, int(pid.read_text())

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "Ctrl-C"])
    def test_the_script_is_nextflow_and_a_signal_ends_it(
        self, nextflow: Sandbox, number: signal.Signals
    ) -> None:
        """No process is left in front of the JVM, and none behind: the running task ends too."""
        with self.running(nextflow) as (process, task):
            assert psutil.Process(process.pid).name() == "java"
            if number == signal.SIGINT:  # a terminal sends it to all in the foreground
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            output, _ = process.communicate(timeout=120)
            assert process.returncode != 0, output
            wait_for(lambda: not psutil.pid_exists(task), 60)
            wait_for(lambda: not nextflow.processes(), 60)
