"""Notebooks in real kernels, JupyterLab as a real server on loopback."""

import sys
import uuid
from collections.abc import Mapping, Sequence

import nbformat
import psutil
import pytest

from examples.jupyter import WHOAMI, Server
from examples.sandbox import EXAMPLES, SESSIONS, SHORT_SESSION_SECONDS, WORKS_ON, Sandbox
from servers.sts import ACCESS_DENIED, BASE, EXPIRED_TOKEN, Asked, Conversation, ok

# "Run all cells" and "Save".
RUN_ALL = """
import nbclient, nbformat, sys
notebook = nbformat.read(sys.argv[1], as_version=4)
try:
    nbclient.NotebookClient(notebook).execute()
finally:
    nbformat.write(notebook, sys.argv[1])
"""


SHORT_LIFE_SECONDS = 15
EXPIRE = f"import time; time.sleep({SHORT_LIFE_SECONDS + 1})"
# The session's first client, also when the cell above it was run again.
CLIENT = (
    "first_client = globals().get('first_client') or session.client('sts')\n"
    "print(first_client.get_caller_identity()['Arn'])"
)


def after_expiry(conversation: Conversation, asked: Asked) -> None:
    """What STS says when all that it has given has expired."""
    given = {key.access_key for key in conversation.server.issued}
    (EXPIRED_TOKEN if asked.access_key in given else ok)(conversation, asked)


@pytest.fixture
def jupyter(sandbox: Sandbox) -> Sandbox:
    """The sandbox with a real Jupyter in it."""
    sandbox.real("jupyter")
    return sandbox


class TestNotebook:
    """The cells of examples/notebooks/cell.py, with one of the user's below them."""

    def execute(
        self,
        jupyter: Sandbox,
        env: Mapping[str, str] | None = None,
        example: str = "cell.py",
        below: Sequence[str] = (WHOAMI,),
        times: int = 1,
    ) -> list[str]:
        """What is saved below each cell, when the notebook is run as far as it goes.

        `below` are the user's cells after the example's; all of them come so many `times`.
        """
        _, *cells = (EXAMPLES / "notebooks" / example).read_text().split("# %%\n")
        notebook = nbformat.v4.new_notebook()
        texts = [*cells, *below] * times
        notebook.cells = [nbformat.v4.new_code_cell(text) for text in texts]
        path = jupyter.work / "notebook.ipynb"
        nbformat.write(notebook, path)
        self.ran = jupyter.run(sys.executable, "-c", RUN_ALL, path, env=env)
        assert jupyter.files_with_secrets() == [], "a key was saved with the notebook"
        saved = nbformat.read(path, as_version=4)
        return [
            "".join(output.get("text") or output["evalue"] for output in cell.outputs)
            for cell in saved.cells
        ]

    def test_what_follows_runs_under_the_role(self, jupyter: Sandbox) -> None:
        """As boto3 sees it, and no key is saved with the notebook."""
        until, session, below = self.execute(jupyter, {"AWS_PROFILE": "mine"})
        assert self.ran.ok()
        assert until.startswith("role until 20")
        assert session.startswith("arn:aws:sts::123456789012:assumed-role/ml-training-role/")
        assert below == session

    def test_the_cells_can_be_run_again_after_an_expiry(self, jupyter: Sandbox) -> None:
        """Though the kernel holds the role's expired keys by then, and keys were its own too."""
        jupyter.sts.script(ok, ok, ok, after_expiry)
        first, second = self.in_two(self.execute(jupyter, times=2))
        assert self.ran.ok()
        assert first[0].startswith("role until 20")
        for session, user in (first[1:3], second[1:3]):
            assert ":assumed-role/ml-training-role/" in session
            assert session == user
        roles = [asked for asked in jupyter.sts.asked if asked.action == "AssumeRole"]
        assert [asked.access_key for asked in roles] == [BASE.access_key] * 2

    def test_a_session_goes_on_across_an_expiry_and_its_cell_can_be_run_again(
        self, jupyter: Sandbox
    ) -> None:
        """A client made before works after; the kernel's own identity stays as it was."""
        jupyter.sts.session_seconds = SHORT_LIFE_SECONDS
        below = [CLIENT, EXPIRE, CLIENT, WHOAMI]
        shown = self.execute(jupyter, example="session.py", below=below, times=2)
        assert self.ran.ok()
        for role, before, _, after, kernel in self.in_two(shown):
            assert ":assumed-role/ml-training-role/" in role
            assert ":assumed-role/ml-training-role/" in before
            assert before == after
            assert kernel == f"{BASE.arn}\n"
        roles = [asked for asked in jupyter.sts.asked if asked.action == "AssumeRole"]
        assert {asked.access_key for asked in roles} == {BASE.access_key}
        used = [asked.access_key for asked in jupyter.sts.asked if asked not in roles]
        assert len(set(used)) > 2, "nothing was renewed"

    def in_two(self, shown: list[str]) -> tuple[list[str], list[str]]:
        """What the first run of all cells shows, and the second."""
        half = len(shown) // 2
        return shown[:half], shown[half:]

    def test_a_refusal_shows_under_the_cell(self, jupyter: Sandbox) -> None:
        """And the cells below are not run."""
        jupyter.sts.always(ACCESS_DENIED)
        refused, *below = self.execute(jupyter)
        assert self.ran.code != 0
        assert "is not authorized to perform: sts:AssumeRole" in refused
        assert below == ["", ""]
        assert [asked.action for asked in jupyter.sts.asked] == ["AssumeRole"]


class TestJupyterLab:
    def test_a_kernel_has_the_role(self, jupyter: Sandbox) -> None:
        """The script becomes the server; what runs in it asks AWS as the role; ended, it leaves
        no process and no file with a key."""
        token = uuid.uuid4().hex
        with jupyter.start(
            EXAMPLES / "notebooks/jupyterlab.sh",
            "--ip=127.0.0.1",
            "--port=0",
            "--allow-root",
            env={"JUPYTER_TOKEN": token},
        ) as process:
            server = Server.found(jupyter, process)
            assert psutil.Process(process.pid).name().startswith("jupyter")
            assert server.status("api/status") == 403, "anybody may come in"
            server.token = token
            assert server.status("lab") == 200
            arn = server.run_in_a_kernel(WHOAMI)
            assert arn.endswith(":assumed-role/ml-notebook-role/jupyter-alice\n"), arn
            process.terminate()
            process.communicate(timeout=120)
        assert not jupyter.processes()
        assert jupyter.files_with_secrets() == []

    def test_a_kernel_works_on_after_its_session(self, jupyter: Sandbox) -> None:
        """A client that was made once in a cell goes on under the role."""
        jupyter.sts.session_seconds = SHORT_SESSION_SECONDS
        token = uuid.uuid4().hex
        options = ("--ip=127.0.0.1", "--port=0", "--allow-root")
        script = EXAMPLES / "notebooks/jupyterlab.sh"
        with jupyter.start(script, *options, env={"JUPYTER_TOKEN": token}) as process:
            server = Server.found(jupyter, process)
            server.token = token
            arn = server.run_in_a_kernel(WORKS_ON.read_text())
            assert arn.endswith(":assumed-role/ml-notebook-role/jupyter-alice\n"), arn
        assert len(jupyter.sessions_of("ml-notebook-role")) >= SESSIONS

    def test_no_server_starts_without_the_role(self, jupyter: Sandbox) -> None:
        """A refusal is the end of it."""
        jupyter.sts.always(ACCESS_DENIED)
        ran = jupyter.run(EXAMPLES / "notebooks/jupyterlab.sh")
        assert ran.code == 125
        assert not list(jupyter.home.rglob("jpserver*"))
