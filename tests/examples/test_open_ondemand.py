"""The Open OnDemand app: rendered by Ruby's own ERB, its JupyterLab a real one."""

import contextlib
import html.parser
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from examples.jupyter import WHOAMI, Server
from examples.sandbox import EXAMPLES, Sandbox, tool
from runner import wait_for
from servers.sts import ACCESS_DENIED

APP = EXAMPLES / "open-ondemand/jupyterlab"
SCHEMAS = Path(__file__).with_name("open-ondemand")
FORM = {"bc_queue": "interactive", "bc_num_hours": "4", "num_cores": "2"}

# OnDemand renders with trim_mode "-". The templates see the form as `context`, the other two see
# its fields, or those of the connection file, by name.
RENDER = """
require "erb"; require "json"; require "ostruct"
given = JSON.parse(ARGV[0], object_class: OpenStruct)
puts ERB.new(STDIN.read, trim_mode: "-").result(given.instance_eval { binding })
"""

# What the `basic` template of OnDemand does around the app's files, with functions of the same
# names and arguments; on a node `host` is `hostname`.
JOB = """
cd "$1" || exit
find_port () { python3 -c 'import socket; s = socket.create_server(("", 0)); \
print(s.getsockname()[1])'; }
port_used () { (exec 3<>"/dev/tcp/${1%:*}/${1#*:}") 2>/dev/null; }
wait_until_port_used () {
  for ((i = 0; i < $2 * 2; i++)); do port_used "$1" && return; sleep 0.5; done
  return 1
}
create_passwd () { tr -cd '[:alnum:]' </dev/urandom 2>/dev/null | head -c "${1:-32}"; }
export -f find_port port_used wait_until_port_used create_passwd
clean_up () {
  [[ ${SCRIPT_PID} ]] && pkill -P "${SCRIPT_PID}"
  pkill -P $$
  exit "${1:-0}"
}
export host port
host=localhost
[[ -e "$1/before.sh" ]] && source "$1/before.sh"
"$1/script.sh" &
SCRIPT_PID=$!
[[ -e "$1/after.sh" ]] && source "$1/after.sh"
(umask 077; echo -e "host: $host\\nport: $port\\npassword: $password" >"$1/connection.yml")
wait ${SCRIPT_PID} || clean_up 1
clean_up
"""


@dataclass
class OnDemand:
    """The part of it that stages an app and starts its job."""

    sandbox: Sandbox
    ruby: str

    def render(self, path: Path, given: dict) -> str:
        command = [self.ruby, "-e", RENDER, json.dumps(given)]
        with path.open() as template:
            return subprocess.run(
                command, stdin=template, stdout=subprocess.PIPE, text=True, check=True
            ).stdout

    def stage(self) -> Path:
        """Copy the templates, modes kept, and render those that end in .erb."""
        staged = self.sandbox.home / "ondemand/data"
        shutil.copytree(APP / "template", staged)
        for path in staged.glob("*.erb"):
            rendered = self.render(path, {"context": FORM})
            path.rename(path.with_suffix("")).write_text(rendered)
        return staged

    @contextlib.contextmanager
    def job(self) -> Iterator[tuple[subprocess.Popen[str], Path]]:
        staged = self.stage()
        env = {"SLURM_JOB_ID": "4711"}
        with self.sandbox.start("bash", "-c", JOB, "job", str(staged), env=env) as process:
            yield process, staged


@pytest.fixture
def ondemand(sandbox: Sandbox, needs: Callable[[str], str]) -> OnDemand:
    sandbox.real("jupyter")
    # script.sh is a login shell's: the user's profile says where programs are.
    (sandbox.home / ".bash_profile").write_text(f"PATH={sandbox.env['PATH']}\n")
    # Root is who tests run as where nothing may be skipped.
    (sandbox.home / ".jupyter").mkdir()
    (sandbox.home / ".jupyter/jupyter_config.json").write_text('{"ServerApp":{"allow_root":true}}')
    return OnDemand(sandbox, needs("ruby"))


class TestApp:
    @pytest.mark.parametrize("name", ["manifest", "form", "submit"])
    def test_it_says_what_ondemand_documents(
        self, ondemand: OnDemand, tmp_path: Path, name: str
    ) -> None:
        """Every key is one that the documentation of OnDemand has."""
        path = APP / f"{name}.yml"
        if not path.exists():
            path = tmp_path / f"{name}.yml"
            path.write_text(ondemand.render(APP / f"{name}.yml.erb", FORM))
        check = [tool("check-jsonschema"), "--schemafile", SCHEMAS / f"{name}.schema.json", path]
        done = subprocess.run(check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout

    def test_what_is_asked_is_used(self, ondemand: OnDemand) -> None:
        """By OnDemand itself, or by a template; and templates use nothing that is not asked."""
        form = yaml.safe_load((APP / "form.yml").read_text())
        assert set(form["form"]) == set(form["attributes"]) == set(FORM)
        rendered = yaml.safe_load(ondemand.render(APP / "submit.yml.erb", FORM))
        assert rendered["script"]["native"] == ["--cpus-per-task", "2"]
        used = {
            name
            for path in [APP / "submit.yml.erb", *(APP / "template").iterdir()]
            for code in re.findall(r"<%=(.*?)%>", path.read_text())
            for name in re.findall(r"[a-z_]{4,}", code)
        }
        assert used - {"context", "to_i"} == {"bc_num_hours", "num_cores"}


class Form(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: dict[str, dict[str, str | None]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = dict(attrs)


KILL_WAIT_SECONDS = 30  # slurm.conf's default for KillWait


def end_as_the_scheduler_does(process: subprocess.Popen[str]) -> str:
    """Ask the job to end, and end it; returns its output.

    JupyterLab can stay if SIGTERM comes while it writes to its log: its handler for it writes there
    too, which Python does not allow.
    """
    os.killpg(process.pid, signal.SIGTERM)
    try:
        return process.communicate(timeout=KILL_WAIT_SECONDS)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate(timeout=120)[0]


class TestJob:
    def test_the_button_opens_a_jupyterlab_under_the_role(self, ondemand: OnDemand) -> None:
        """Where OnDemand's proxy looks for it, for whoever has the password, for as long as the
        form says; its kernels ask AWS as the role."""
        with ondemand.job() as (process, staged):
            connection = staged / "connection.yml"

            def connected() -> bool:
                if process.poll() is not None:
                    raise AssertionError(process.communicate()[0])
                return connection.exists() and connection.read_text().endswith("\n")

            wait_for(connected, 120)
            known = yaml.safe_load(connection.read_text())
            port, password = known["port"], known["password"]
            at = f"http://127.0.0.1:{port}"
            server = Server(f"{at}/node/localhost/{port}/")
            assert server.status("api/status") == 403

            form = Form(ondemand.render(APP / "view.html.erb", known)).tags
            assert form["form"]["method"] == "post"
            assert password not in str(form["form"]["action"]), "it would be in the proxy's log"
            fields = {str(form["input"]["name"]): str(form["input"]["value"])}
            request = urllib.request.Request(
                f"{at}{form['form']['action']}",
                urllib.parse.urlencode(fields).encode(),
                {"Origin": "https://ondemand.example.edu"},
            )
            with server.open(request) as answer:
                assert urllib.parse.urlsplit(answer.url).path == f"/node/localhost/{port}/lab"
                assert b"JupyterLab" in answer.read()

            server.origin = "https://elsewhere.example.com"
            with pytest.raises(urllib.error.HTTPError):
                server.run_in_a_kernel(WHOAMI)
            server.origin = "https://ondemand.example.edu"
            arn = server.run_in_a_kernel(WHOAMI)
            assert arn.endswith(":assumed-role/ood-jupyter/ood-alice-4711\n"), arn

            config = staged / "jupyter_config.py"
            assert stat.S_IMODE(os.stat(config).st_mode) == 0o600
            output = end_as_the_scheduler_does(process)
            assert password not in output, "it is in output.log"
        assert ondemand.sandbox.assumed()[0]["DurationSeconds"] == "14400"
        wait_for(lambda: not ondemand.sandbox.processes(), 60)
        assert ondemand.sandbox.files_with_secrets() == []

    def test_a_refusal_ends_the_job(self, ondemand: OnDemand) -> None:
        """The reason is in its output, and there is nothing to connect to."""
        ondemand.sandbox.sts.always(ACCESS_DENIED)
        with ondemand.job() as (process, staged):
            output, _ = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "is not authorized to perform: sts:AssumeRole" in output
        assert not (staged / "connection.yml").exists()
