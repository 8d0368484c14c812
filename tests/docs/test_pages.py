"""What the pages say, done: shell blocks are run, everything else is part of a tested example.

In every Markdown file of the documentation:

* a ```sh block is run by /bin/sh in the sandbox and must succeed;
* a block after `<!-- output -->` is what the sh block before it prints;
* a block after `<!-- from: PATH -->` is a part of that example, which other tests run;
* the block between the help markers is test_readme_help's;
* there is no other block.
"""

import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker.utils import parse_env_file

from examples.sandbox import EXAMPLES, REPOSITORY, Call, Sandbox, tracked_files
from examples.test_parse import ARCHIVES

PAGES = [
    *sorted(REPOSITORY.glob("*.md")),
    *tracked_files(REPOSITORY / "docs", (".md",)),
    EXAMPLES / "README.md",
]
BLOCK = re.compile(
    r"(?:<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<language>\S*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    note: str
    language: str
    text: str
    shell: str
    """The shell block before it on the page."""

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def blocks() -> list[Block]:
    found = []
    for page in PAGES:
        text, shell = page.read_text(), ""
        for match in BLOCK.finditer(text):
            block = Block(
                page,
                text.count("\n", 0, match.start("language")) + 1,
                match["note"] or "",
                match["language"],
                match["text"],
                shell,
            )
            found.append(block)
            if block.language == "sh":
                shell = block.text
    return found


ALL = blocks()
SHELL = [block for block in ALL if block.language == "sh"]
OUTPUT = [block for block in ALL if block.note == "output"]
INCLUDED = [block for block in ALL if block.note.startswith("from: ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
class TestPage:
    def test_every_fence_is_a_block(self, page: Path) -> None:
        """None is left open, none hides from these tests by indentation."""
        fences = re.findall(r"(?m)^\s*(?:```|~~~)", page.read_text())
        assert len(fences) == 2 * len([block for block in ALL if block.page == page])

    def test_every_link_leads_somewhere(self, page: Path) -> None:
        """Files that are there; headings that are there."""
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
            path, _, heading = target.partition("#")
            file = page.parent / path if path else page
            assert file.exists(), target
            if heading:
                headings = re.findall(r"(?m)^#+ (.*)$", file.read_text())
                slugs = {
                    re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings
                }
                assert heading in slugs, target

    def test_lines_are_one_sentence_long(self, page: Path) -> None:
        """Semantic newlines: a line of prose does not end one sentence and begin another."""
        prose = re.sub(r"(?ms)^```.*?^```$", "", page.read_text())
        for line in prose.splitlines():
            if not re.match(r"[|*( -]|\d+\. ", line):
                assert not re.search(r"[a-z`)]\. [A-Z][a-z]+ [a-z]", line), line

    def test_account_numbers_are_the_examples(self, page: Path) -> None:
        """123456789012, and one other where two accounts meet."""
        numbers = re.findall(r"(?<!\d)\d{12}(?!\d)", page.read_text())
        assert set(numbers) <= {"123456789012", "999888777666"}


def test_every_block_is_accounted_for() -> None:
    """Run, shown to be output, or included from an example that is tested."""
    strangers = [
        str(block)
        for block in ALL
        if block not in SHELL + OUTPUT + INCLUDED and block.note != "help"
    ]
    assert strangers == []


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_shell_blocks_work(sandbox: Sandbox, block: Block) -> None:
    """Typed as they stand, everything they start runs under the role that they name."""
    ran = sandbox.run("sh", "-euc", block.text).ok()
    for call in ran.calls:
        CHECKS.get(call.name, under_a_role)(sandbox, call)
    if "--role-arn" in block.text and "--dry-run" not in block.text:
        assert sandbox.assumed(), "the block names a role and does not take it"


def under_a_role(sandbox: Sandbox, call: Call) -> None:
    assert call.role is not None, f"{call.words} ran as {call.arn}"
    assert call.environ.get("AWS_PROFILE") in (None, "aws-role-exec")  # ours, under --renew


def aws(sandbox: Sandbox, call: Call) -> None:
    """The AWS CLI: under a role, unless it is an administrator's look at CloudTrail, or finds the
    role by itself through a profile."""
    if call.argv[0] == "cloudtrail":
        assert "AttributeKey=Username,AttributeValue=slurm-12345678" in call.argv
    elif "--profile" in call.argv:
        profile = call.argv[call.argv.index("--profile") + 1]
        ask = (
            "import botocore.session, sys\n"
            "session = botocore.session.Session(profile=sys.argv[1])\n"
            "print(session.create_client('sts', 'us-east-1').get_caller_identity()['Arn'])\n"
        )
        answer = sandbox.run(sys.executable, "-c", ask, profile).ok().output
        assert ":assumed-role/my-role/" in answer
    else:
        under_a_role(sandbox, call)


def docker(sandbox: Sandbox, call: Call) -> None:
    """The container gets what is in its env-file, and that is a role."""
    path = sandbox.work / call.argv[call.argv.index("--env-file") + 1]
    arn = sandbox.identity(parse_env_file(str(path)))
    assert arn is not None
    assert ":assumed-role/my-role/" in arn


def curl(sandbox: Sandbox, call: Call) -> None:
    """An archive that releases have, from the project's home: the latest's, or one version's."""
    url = next(word for word in call.argv if word.startswith("https://"))
    home, _, archive = url.rpartition("/")
    releases = "https://github.com/scttfrdmn/aws-role-exec/releases"
    assert home in (f"{releases}/latest/download", f"{releases}/download/v1.0.0")
    assert archive in ARCHIVES


def make(sandbox: Sandbox, call: Call) -> None:
    """A target that the Makefile has."""
    for target in call.argv:
        dry = ["make", "--dry-run", "--directory", str(REPOSITORY), target]
        subprocess.run(dry, check=True, stdout=subprocess.DEVNULL)


def words(*allowed: str) -> Callable[[Sandbox, Call], None]:
    """A program that is not at hand here: exactly these command lines."""

    def check(sandbox: Sandbox, call: Call) -> None:
        assert call.words in allowed

    return check


def srun(sandbox: Sandbox, call: Call) -> None:
    """Under a role, or a launcher of the program on each node."""
    if call.argv[0] != "aws-role-exec":
        under_a_role(sandbox, call)


CHECKS = {
    "aws": aws,
    "curl": curl,
    "docker": docker,
    "make": make,
    "srun": srun,
    "sudo": words("sudo install -m 0755 aws-role-exec /usr/local/bin/"),
    "brew": words("brew install scttfrdmn/tap/aws-role-exec"),
    "scoop": words(
        "scoop bucket add scttfrdmn https://github.com/scttfrdmn/scoop-bucket",
        "scoop install aws-role-exec",
    ),
    "pip": words("pip install aws-role-exec"),
    "pipx": words("pipx install aws-role-exec", "pipx install ./aws-role-exec"),
    "uv": words("uv tool install aws-role-exec"),
    "module": words("module load aws-role-exec"),
    "eb": words("eb easybuild/aws-role-exec-1.0.0.eb"),
    "spack": words(
        "spack repo add ./spack/spack_repo/aws_role_exec", "spack install aws-role-exec"
    ),
    "bsub": words("bsub"),
    "qconf": words(
        "qconf -mattr queue prolog root@/etc/sge/prolog.sh gpu.q",
        "qconf -mattr queue epilog root@/etc/sge/epilog.sh gpu.q",
    ),
    "qmgr": words(
        "qmgr -c create hook aws_role event=execjob_launch",
        "qmgr -c import hook aws_role application/x-python default "
        "packaging/pbs/aws_role_launch.py",
    ),
    "git": words("git clone https://github.com/scttfrdmn/aws-role-exec"),
}


@pytest.mark.parametrize("block", OUTPUT, ids=str)
def test_output_is_what_is_printed(sandbox: Sandbox, block: Block) -> None:
    """Word for word."""
    assert sandbox.run("sh", "-euc", block.shell).ok().output == block.text


@pytest.mark.parametrize("block", INCLUDED, ids=str)
def test_included_blocks_are_in_their_file(block: Block) -> None:
    """Line for line, whatever the file's indentation is."""
    lines = (REPOSITORY / block.note.removeprefix("from: ")).read_text().splitlines(keepends=True)
    wanted = textwrap.dedent(block.text)
    count = wanted.count("\n")
    parts = (textwrap.dedent("".join(lines[i : i + count])) for i in range(len(lines)))
    assert wanted in parts, "the example says something else"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_options_that_pages_speak_of_exist(page: Path) -> None:
    """In --help as the README shows it; or planned, or another program's, and listed here."""
    readme = (REPOSITORY / "README.md").read_text()
    shown = readme.split("<!-- help -->")[1].split("<!-- /help -->")[0]
    ours = set(re.findall(r"--[a-z][a-z-]+", shown))
    assert not PLANNED & ours, (
        "here now: say so where it is called planned, and take it from PLANNED"
    )
    prose = re.sub(r"(?ms)^```.*?^```$", "", page.read_text())
    named = set(re.findall(r"(?<=`)--[a-z][a-z-]+", prose))
    if page.name != "ALTERNATIVES.md":
        assert named <= ours | PLANNED | OTHERS


PLANNED: set[str] = set()
OTHERS = {"--array", "--bind", "--delete", "--export"}
