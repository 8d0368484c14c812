"""What the program does on systems other than this one, as far as its own code asks which it is.

Each place that asks `sys.platform` or `os.name` has a test here that answers it otherwise, or one
of `--renew` in renewal/test_waiting_parent.py.
"""

import ast
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from aws_role_exec import cli, identity_variables
from aws_role_exec.configuration import files as configuration_files
from aws_role_exec.errors import CommandNotFoundError, OutputError, UsageError
from aws_role_exec.handover import descriptors, environment, execute
from aws_role_exec.network.deadline import Deadline
from aws_role_exec.output import files as output_files
from aws_role_exec.output import ownership, places
from aws_role_exec.renewal import beside, detached
from aws_role_exec.request import completion
from aws_role_exec.request import help as request_help
from aws_role_exec.schedulers import kubernetes
from aws_role_exec.sts import session_name

SOURCE = Path(__file__).parents[2] / "src/aws_role_exec"

#: Where the code asks: module, and the function that does (none: while it is imported).
ASKED = {
    ("cli.py", "_print_error"),
    ("configuration/files.py", "expand"),
    ("handover/cores.py", "forbid"),
    ("handover/descriptors.py", "can_write"),
    ("handover/environment.py", "child_environment"),
    ("handover/execute.py", ""),
    ("handover/execute.py", "find_command"),
    ("handover/windows.py", ""),
    ("identity/children.py", ""),
    ("identity/mfa.py", ""),
    ("identity_variables.py", "selects_identity"),
    ("network/deadline.py", ""),
    ("network/deadline.py", "_without_interpreter"),
    ("output/files.py", "__enter__"),
    ("output/files.py", "__exit__"),
    ("output/ownership.py", "parse_owner"),
    ("output/places.py", "_refuse_ownership"),
    ("output/places.py", "find_destination"),
    ("renewal/again.py", ""),
    ("renewal/beside.py", "start"),
    ("renewal/detached.py", "let_go_of_memory"),
    ("renewal/directory.py", ""),
    ("renewal/readable.py", ""),
    ("renewal/renewing.py", ""),
    ("renewal/start.py", ""),
    ("renewal/waiting_parent.py", ""),
    ("request/completion.py", "_users"),
    ("request/help.py", "show"),
    ("request/request.py", "_find_renewal"),
    ("schedulers/kubernetes.py", "_pod"),
    ("sts/session_name.py", "user"),
}


def places_that_ask() -> Iterator[tuple[str, str]]:
    for file in sorted(SOURCE.rglob("*.py")):
        functions = {"": ast.parse(file.read_text())}
        for node in ast.walk(functions[""]):
            if isinstance(node, ast.FunctionDef):
                functions[node.name] = ast.Module([node], [])
        lines = {name: set(asking_lines(tree)) for name, tree in functions.items()}
        within = set().union(*(found for name, found in lines.items() if name))
        lines[""] -= within
        yield from ((str(file.relative_to(SOURCE)), name) for name, found in lines.items() if found)


def asking_lines(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        if (node.value.id, node.attr) in (("os", "name"), ("sys", "platform")):
            yield node.lineno


def test_every_place_that_asks_is_known_here() -> None:
    assert set(places_that_ask()) == ASKED


@contextmanager
def on_windows() -> Iterator[None]:
    """Only while our code runs: what pytest does with paths would not stand it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "name", "nt")
        patch.setattr(sys, "platform", "win32")
        yield


def as_on_windows(module: str) -> ModuleType:
    """A second copy of a module that asks while it is imported."""
    spec = importlib.util.spec_from_file_location("of_windows", SOURCE / f"{module}.py")
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    with on_windows():
        spec.loader.exec_module(copy)
    return copy


class TestOnWindows:
    def test_the_command_is_found_by_the_systems_own_rules(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """PATHEXT and the working directory, which Python knows there."""
        known = {("tool", "c:\\bin"): "c:\\bin\\tool.EXE"}
        monkeypatch.setattr(shutil, "which", lambda name, path: known.get((name, path)))
        with on_windows():
            assert execute.find_command("tool", {"PATH": "c:\\bin"}) == "c:\\bin\\tool.EXE"
            with pytest.raises(CommandNotFoundError, match="other: command not found"):
                execute.find_command("other", {"PATH": "c:\\bin"})

    def test_an_open_descriptor_is_written_to(self) -> None:
        reading, writing = os.pipe()
        with on_windows():
            assert descriptors.can_write(reading)
        os.close(reading)
        with on_windows():
            assert not descriptors.can_write(reading)
        os.close(writing)

    def test_variables_are_the_same_in_any_case(self) -> None:
        caller = {"Aws_Access_Key_Id": "old", "aws_region": "eu-west-1", "Path": "c:\\"}
        with on_windows():
            new = {"AWS_REGION": "us-east-1", "no_proxy": "a", "NO_PROXY": "a"}
            handed = environment.child_environment(caller, new)
        assert handed == {"Path": "c:\\", "AWS_REGION": "us-east-1", "NO_PROXY": "a"}
        assert environment.child_environment(caller, {}) == caller
        with on_windows():
            assert identity_variables.selects_identity("aws_profile")
        assert not identity_variables.selects_identity("aws_profile")

    def test_paths_are_expanded_by_the_systems_own_rules(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ROOT", "/of/the/process")
        with on_windows():
            assert configuration_files.expand("$ROOT/config", {}) == "/of/the/process/config"
        assert configuration_files.expand("$ROOT/config", {}) == "$ROOT/config"

    def test_files_have_no_owner(self, tmp_path: Path) -> None:
        with on_windows(), pytest.raises(UsageError, match="not supported on Windows"):
            ownership.parse_owner("root")
        given = ownership.Ownership(mode=0o640)
        with on_windows(), pytest.raises(UsageError, match="for regular files on POSIX systems"):
            places.find_destination(str(tmp_path / "out"), given)

    def test_a_file_is_written_beside_its_place_and_renamed(self, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("old")
        with on_windows():
            places.find_destination(str(tmp_path / "out"), None).write("new")
        assert (tmp_path / "out").read_text() == "new"
        assert os.listdir(tmp_path) == ["out"]

    def test_a_failed_write_leaves_nothing(self, tmp_path: Path) -> None:
        with on_windows():
            place = places.find_destination(str(tmp_path / "sub"), None)
            (tmp_path / "sub").mkdir()
            with pytest.raises(OutputError, match="Is a directory"):
                place.write("new")
        assert os.listdir(tmp_path) == ["sub"]

    def test_no_signal_is_held_while_a_file_is_written(self) -> None:
        """There is no mask to hold them with."""
        with on_windows(), output_files._SignalsHeld():
            assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        with output_files._SignalsHeld():
            assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, [])

    def test_nothing_is_coloured_unless_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Older consoles print what a terminal elsewhere takes for a colour."""
        monkeypatch.setattr(os, "isatty", lambda _: True)
        monkeypatch.setattr(sys, "argv", ["aws-role-exec"])
        with on_windows():
            cli._print_error(ValueError(), "it failed", None, {})
        assert capfd.readouterr().err == "aws-role-exec: it failed\n"
        cli._print_error(ValueError(), "it failed", None, {})
        assert "\x1b[" in capfd.readouterr().err
        with on_windows():
            request_help.show(request_help.summary(80), is_colored=None)
        assert "\x1b[" not in capfd.readouterr().out
        request_help.show(request_help.summary(80), is_colored=None)
        assert "\x1b[" in capfd.readouterr().out

    def test_no_user_is_offered(self) -> None:
        with on_windows():
            assert completion.VALUES["user"]("", {}) == []
        assert "root" in completion.VALUES["user"]("", {})

    def test_a_pod_has_the_name_that_it_was_told(self) -> None:
        with on_windows():
            assert kubernetes.session_name({}) == "k8s-"
        assert kubernetes.session_name({}) == f"k8s-{os.uname().nodename}"

    def test_the_user_is_named_by_a_variable(self) -> None:
        with on_windows():
            assert session_name.user({"USERNAME": "Ada", "USER": "ada"}) == "Ada"
            assert session_name.user({"USER": "ada"}) == "ada"
            assert session_name.user({}) == "unknown"

    def test_the_console_is_where_a_code_is_asked_for(self) -> None:
        mfa = as_on_windows("identity/mfa")
        assert (mfa._INPUT, mfa._OUTPUT) == ("CONIN$", "CONOUT$")


class TestRenewalWithoutLinux:
    """On macOS, that is."""

    def test_its_process_is_no_child_of_the_commands(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A command that waits for all its children would wait for ever."""
        monkeypatch.setattr(sys, "platform", "darwin")
        monkeypatch.delattr(beside, "_of_the_library")
        monkeypatch.delattr(beside, "_of_the_launcher")
        reading, writing = os.pipe()
        beside.start(lambda: os.write(writing, b"%d" % os.getpid()))
        process = int(os.read(reading, 20))
        assert process != os.getpid()
        with pytest.raises(ChildProcessError):
            os.waitpid(process, os.WNOHANG)

    def test_its_memory_is_left_to_the_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        let_go: list[bool] = []
        launcher = SimpleNamespace(let_go_of_pages=lambda: let_go.append(True))
        monkeypatch.setattr(sys, "frozen", True, raising=False)
        monkeypatch.setitem(sys.modules, "_launcher", launcher)
        detached.let_go_of_memory()
        assert let_go == [True] * (sys.platform == "linux")
        monkeypatch.setattr(sys, "platform", "darwin")
        monkeypatch.setitem(sys.modules, "_launcher", None)
        detached.let_go_of_memory()


class TestHelpersOnWindows:
    """A profile's credential_process."""

    children = as_on_windows("identity/children")

    def test_what_it_printed_is_returned(self) -> None:
        words = ["/bin/sh", "-c", "echo keys; echo why >&2; exit 3"]
        outcome = self.children.run(words, {}, Deadline(30))
        assert (outcome.status, outcome.output, outcome.error) == (3, b"keys\n", b"why\n")

    def test_too_much_is_refused(self) -> None:
        words = ["/bin/sh", "-c", f"head -c {self.children.MOST_BYTES + 1} /dev/zero"]
        with pytest.raises(ValueError, match="too much"):
            self.children.run(words, {"PATH": os.environ["PATH"]}, Deadline(30))

    def test_one_that_takes_too_long_is_ended_with_all_it_started(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ending = tmp_path / "taskkill"
        ending.write_text('#!/bin/sh\necho "$@" >"$0.asked"\nkill -9 "$4"\n')
        ending.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(TimeoutError):
            self.children.run(["/bin/sleep", "600"], {}, Deadline(0.2))
        assert (tmp_path / "taskkill.asked").read_text().startswith("/T /F /PID ")


class TestDeadlinesOnWindows:
    """There is no alarm: the work is done in a thread that is left behind."""

    deadline = as_on_windows("network/deadline")

    def test_what_the_work_returns_or_raises_is_handed_on(self) -> None:
        assert self.deadline.run_until(Deadline(30), lambda: "done") == "done"
        with pytest.raises(ZeroDivisionError):
            self.deadline.run_until(Deadline(30), lambda: 1 // 0)

    def test_work_that_takes_too_long_is_not_waited_for(self) -> None:
        reading, writing = os.pipe()
        with pytest.raises(TimeoutError):
            self.deadline.run_until(Deadline(0.2), lambda: os.read(reading, 1))
        os.write(writing, b"x")  # lets the thread go


#: Stands for kernel32, writes down what is called, and for the handle that a Windows process has.
WINDOWS = """
import ctypes, os, signal, subprocess, sys

class Function:
    def __init__(self, name):
        self.name = name
    def __call__(self, *arguments):
        os.write(1, (self.name + chr(10)).encode())  # at once: the command writes there too
        return 42

class Kernel32:
    def __init__(self, *_, **__):
        pass
    def __getattr__(self, name):
        function = Function(name)
        setattr(self, name, function)
        return function

ctypes.WinDLL = Kernel32
signal.SIGBREAK = signal.SIGUSR1
subprocess.Popen._handle = property(lambda process: process.pid)
sys.platform = "win32"
if sys.argv[1] == "ended by Ctrl-C":
    subprocess.Popen.wait = lambda process: 0xC000013A
    del sys.argv[1]
from aws_role_exec.errors import CommandNotExecutableError
from aws_role_exec.handover.execute import become
try:
    become(sys.argv[1], tuple(sys.argv[1:]), {"A": "b"})
except CommandNotExecutableError as error:
    print(error)
"""


class TestBecomingOnWindows:
    """There is no exec: the command runs in a job that ends with us."""

    def become(self, *command: str) -> subprocess.CompletedProcess[str]:
        python = [sys.executable, "-c", WINDOWS, *command]
        return subprocess.run(python, capture_output=True, text=True)

    def test_the_exit_code_is_the_commands(self) -> None:
        done = self.become("/bin/sh", "-c", "echo $A; exit 7")
        assert done.returncode == 7, done.stderr
        called = done.stdout.split()
        assert called[:2] == ["CreateJobObjectW", "SetInformationJobObject"]
        assert set(called[2:-1]) == {"AssignProcessToJobObject", "b"}
        assert called[-1] == "CloseHandle"

    def test_an_exit_code_that_is_a_status_of_the_system_is_handed_on(self) -> None:
        """STATUS_CONTROL_C_EXIT, of which this system keeps the last byte."""
        assert self.become("ended by Ctrl-C", "/bin/true").returncode == 0x3A

    def test_one_that_cannot_be_started_is_said_so(self) -> None:
        done = self.become("/bin/none")
        assert "/bin/none: No such file or directory" in done.stdout
        assert "CloseHandle" in done.stdout
