"""Run a finished executable as a user would: `python3 build/try_executable.py PROGRAM`.

For machines that cannot build it or have none of the tests' tools, such as a runner with macOS:
nothing is needed but Python 3.11 and `openssl`. It says what it saw, a line for each thing, and
ends with status 1 at the first that is wrong. Nothing leaves the machine.
"""

import argparse
import contextlib
import datetime
import http.server
import json
import os
import re
import signal
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROLE = "arn:aws:iam::123456789012:role/tried"
BASE_KEY, KEY, SECRET, TOKEN = "AKIABASE000000000000", "ASIATRIED00000000000", "s3cr3t", "t0k3n"
#: One certificate that is its own authority, with all that a strict reader asks of either.
CERTIFICATE = """\
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = loopback
[extensions]
subjectAltName = IP:127.0.0.1
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Wrong(Exception):  # noqa: N818 # reads well where it is raised
    """What an executable did that it should not."""


def must(holds: bool, sentence: str, seen: object) -> None:
    """Say a sentence that holds, or refuse with what was seen instead."""
    if not holds:
        raise Wrong(f"not so: {sentence}; seen: {seen}")
    print(f"ok: {sentence}", flush=True)


class Sts(http.server.ThreadingHTTPServer):
    """An STS on loopback, under TLS, that answers AssumeRole and remembers who asked."""

    daemon_threads = True

    def __init__(self, directory: Path) -> None:
        """Make its certificate in `directory`; `bundle` is what trusts it."""
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Conversation)
        recipe, self.bundle, key = (directory / name for name in ("req.cnf", "ca.pem", "key.pem"))
        recipe.write_text(CERTIFICATE)
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-sha256", "-config", recipe, "-keyout", key, "-out", self.bundle]
        subprocess.run(command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.bundle, key)
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that does not trust the certificate."""


class Conversation(http.server.BaseHTTPRequestHandler):
    """One connection to it."""

    server: Sts
    timeout = 30

    def do_POST(self) -> None:
        """Answer AssumeRole, whatever else is asked for in it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        signed_by = re.search(r"Credential=(\w+)/", self.headers["Authorization"])
        self.server.asked.append(signed_by[1] if signed_by else "nobody")
        hour = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
        body = (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            "<AssumeRoleResult><AssumedRoleUser>"
            "<Arn>arn:aws:sts::123456789012:assumed-role/tried/try</Arn>"
            "<AssumedRoleId>AROATRIED:try</AssumedRoleId></AssumedRoleUser><Credentials>"
            f"<AccessKeyId>{KEY}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
            f"<SessionToken>{TOKEN}</SessionToken><Expiration>{hour:%Y-%m-%dT%H:%M:%SZ}"
            "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # as inherited
        """Keep quiet."""


class Machine:
    """An executable, an STS for it to ask, and a home that holds nothing else."""

    def __init__(self, program: Path, sts: Sts, home: Path) -> None:
        """Give it an environment of its own, with a base key and no way to anywhere else."""
        self.program, self.sts, self.home = program, sts, home
        self.env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "AWS_ACCESS_KEY_ID": BASE_KEY,
            "AWS_SECRET_ACCESS_KEY": "base",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_STS": sts.url,
            "AWS_CA_BUNDLE": str(sts.bundle),
        }

    def start(self, *arguments: str, **env: str | None) -> subprocess.Popen[str]:
        """Start the program; a variable that is None is taken away."""
        together = {**self.env, **env}
        return subprocess.Popen(
            [str(self.program), *arguments],
            env={name: value for name, value in together.items() if value is not None},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **env: str | None) -> tuple[int, str, str]:
        """Run the program; return its status (negative: the signal), output and errors."""
        process = self.start(*arguments, **env)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def assume(self, *arguments: str, **env: str | None) -> tuple[int, str, str]:
        """Run it for a role."""
        return self.run("--role-arn", ROLE, *arguments, **env)


def says_its_version(machine: Machine) -> None:
    """--version."""
    status, out, err = machine.run("--version")
    must(status == 0 and out.startswith("aws-role-exec "), "it tells its version", out + err)


def dry_run_asks_nobody(machine: Machine) -> None:
    """--dry-run."""
    before = len(machine.sts.asked)
    status, out, err = machine.assume("--dry-run", "--", "/usr/bin/true")
    must(status == 0 and f"would assume {ROLE}" in out + err, "a dry run tells the role", err)
    must(len(machine.sts.asked) == before, "a dry run asks nobody", machine.sts.asked)


def becomes_the_command(machine: Machine) -> None:
    """A whole run over TLS."""
    process = machine.start("--role-arn", ROLE, "--", "/bin/sh", "-c", "echo $$; exec env")
    out, err = process.communicate(timeout=120)
    first, _, rest = out.partition("\n")
    must(process.returncode == 0, "it assumes a role over TLS", err)
    must(first == str(process.pid), "the command has its process id", (first, process.pid))
    held = dict(line.partition("=")[::2] for line in rest.splitlines())
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    got = [held.get(name) for name in names]
    must(got == [KEY, SECRET, TOKEN], "the command holds the role's credentials", sorted(held))
    must(machine.sts.asked[-1] == BASE_KEY, "the base key signed for it", machine.sts.asked)


def refuses_whom_it_does_not_trust(machine: Machine) -> None:
    """The system's authorities, which do not know the certificate."""
    before = len(machine.sts.asked)
    arguments = ("--sts-timeout", "20s", "--", "/bin/echo", "ran")
    status, out, err = machine.assume(*arguments, AWS_CA_BUNDLE=None)
    must(status == 125 and not out, "with a certificate it does not trust nothing is run", out)
    must("certificate" in err, "it says that the certificate is the reason", err)
    must(len(machine.sts.asked) == before, "it sent nothing there", machine.sts.asked)


def hands_on_status_and_signals(machine: Machine) -> None:
    """What a scheduler or a shell sees."""
    status, _, err = machine.assume("--", "/bin/sh", "-c", "exit 7")
    must(status == 7, "the command's status is the program's", (status, err))
    status, out, err = machine.assume("--", "/bin/sh", "-c", "kill -PIPE $$; echo survived")
    must(status == -signal.SIGPIPE, "SIGPIPE still ends a command", (status, out, err))
    script = "trap 'echo told; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
    process = machine.start("--role-arn", ROLE, "--", "/bin/sh", "-c", script)
    first = process.stdout.readline() if process.stdout else ""
    must(first == "ready\n", "a command waits for a signal", first)
    process.terminate()
    out, err = process.communicate(timeout=60)
    must((process.returncode, out) == (3, "told\n"), "the signal reaches the command", (out, err))
    status, _, err = machine.assume("--", "/nonexistent/command")
    must(status == 127, "a command that is not there is status 127", (status, err))


def writes_output_for_its_owner_alone(machine: Machine) -> None:
    """--output."""
    for form in ("json", "env"):
        place = machine.home / f"credentials.{form}"
        status, _, err = machine.assume("--format", form, "--output", str(place))
        must(status == 0 and KEY in place.read_text(), f"it writes {form} into a file", err)
        mode = stat.S_IMODE(place.stat().st_mode)
        must(mode == 0o600, "nobody else may read that file", oct(mode))
    status, out, err = machine.assume("--format", "json")
    must(status == 0 and KEY in json.dumps(json.loads(out)), "it prints JSON", err)


def asks_a_profiles_helper(machine: Machine) -> None:
    """A profile whose keys come from another program, which is started and waited for."""
    answer = {"Version": 1, "AccessKeyId": "AKIAHELPER0000000000", "SecretAccessKey": "helped"}
    (machine.home / "answer.json").write_text(json.dumps(answer))
    config = machine.home / "config"
    config.write_text("[profile base]\ncredential_process = /bin/cat answer.json\n")
    by_profile = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    status, _, err = machine.assume(
        *("--profile", "base", "--", "/usr/bin/env"),
        AWS_CONFIG_FILE=str(config),
        **by_profile,
    )
    must(status == 0, "a profile's credential_process is run", err)
    must(machine.sts.asked[-1] == answer["AccessKeyId"], "its key signed", machine.sts.asked)


#: Asks as an SDK does, and tells the key and where the helper's files are.
ASK = """
import json, os, urllib.request
token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
url = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
request = urllib.request.Request(url, headers={"Authorization": token})
answer = json.load(urllib.request.urlopen(request, timeout=60))
print(json.dumps([answer["AccessKeyId"], os.path.dirname(os.environ["AWS_CONFIG_FILE"])]))
"""


def keeps_credentials_fresh(machine: Machine) -> None:
    """--renew: a helper that is no child of the command's, and ends with it."""
    status, out, err = machine.assume("--renew", "--", sys.executable, "-c", ASK)
    must(status == 0, "a command is given a helper to ask", err)
    key, directory = json.loads(out)
    must(key == KEY, "the helper hands out the role's key", key)
    for _ in range(600):
        if not os.path.exists(directory):
            break
        time.sleep(0.1)
    must(not os.path.exists(directory), "the helper ends with the command", directory)


@contextlib.contextmanager
def machine_for(program: Path) -> Iterator[Machine]:
    """Yield what the program is tried with; nothing of it is left."""
    with tempfile.TemporaryDirectory(prefix="try-") as scratch:
        home = Path(scratch).resolve()
        with Sts(home) as sts:
            threading.Thread(target=sts.serve_forever, args=(0.05,), daemon=True).start()
            yield Machine(program, sts, home)
            sts.shutdown()


def main() -> None:
    """Try one executable."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    program = parser.parse_args().program.absolute()
    with machine_for(program) as machine:
        try:
            says_its_version(machine)
            dry_run_asks_nobody(machine)
            becomes_the_command(machine)
            refuses_whom_it_does_not_trust(machine)
            hands_on_status_and_signals(machine)
            writes_output_for_its_owner_alone(machine)
            asks_a_profiles_helper(machine)
            keeps_credentials_fresh(machine)
        except (Wrong, OSError, subprocess.SubprocessError, ValueError) as error:
            sys.exit(f"try_executable.py: {program}: {error}")


if __name__ == "__main__":
    main()
