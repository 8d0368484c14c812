"""fish, tcsh and csh for real; PowerShell and cmd by their grammar, since neither runs here."""

import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import tree_sitter
import tree_sitter_batch
import tree_sitter_powershell

from aws_role_exec.credentials import VARIABLES
from runner import ROLE, Runner
from servers import sts as behave
from servers.sts import Sts

FISH = {"unquoted": "eval ({})", "quoted": 'eval "$({})"', "piped": "{} | source"}
CSH = {"unquoted": "eval `{}`", "quoted": 'eval "`{}`"'}
SHELLS = {
    "fish": (["fish", "--no-config"], "fish", FISH),
    "tcsh": (["tcsh", "-f"], "csh", CSH),
    "csh": (["bsd-csh", "-f"], "csh", CSH),
}
CASES = [(name, how) for name, (_, _, evals) in SHELLS.items() for how in evals]
SHOW = "env printenv AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION"


@dataclass
class Shell:
    """Runs scripts in which {} stands for evaluating what the program prints."""

    run: Runner
    argv: list[str]
    command: str
    evaluate: str

    def __call__(
        self, script: str, *flags: str, more: str = ""
    ) -> subprocess.CompletedProcess[str]:
        file = self.run.home / "script"  # csh -c goes on after `exit` to the next line
        file.write_text(script.format(self.evaluate.format(self.command + more)) + "\n")
        done = subprocess.run(
            [*self.argv, *flags, str(file)],
            env=self.run.environment(),
            cwd=self.run.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=True,
        )
        assert not any(secret in done.stderr for secret in self.run.secrets())
        return done


def make_shell(run: Runner, needs: Callable[..., str], name: str, how: str) -> Shell:
    argv, form, evals = SHELLS[name]
    needs(argv[0])
    words = [*run.program, "--role-arn", ROLE, "--region", "eu-west-1", "--format", form]
    return Shell(run, argv, shlex.join(words), evals[how])


@pytest.fixture(params=CASES, ids="-".join)
def shell(request: pytest.FixtureRequest, run: Runner, needs: Callable[..., str]) -> Shell:
    return make_shell(run, needs, *request.param)


@pytest.fixture(params=SHELLS)
def any_shell(request: pytest.FixtureRequest, run: Runner, needs: Callable[..., str]) -> Shell:
    return make_shell(run, needs, request.param, "unquoted")


class TestEvaluated:
    def test_makes_the_shell_the_role(self, shell: Shell, sts: Sts) -> None:
        """All six variables arrive, exported."""
        done = shell(f"{{}}\n{SHOW}\nenv printenv AWS_CREDENTIAL_EXPIRATION AWS_DEFAULT_REGION")
        key = sts.issued[0]
        lines = done.stdout.splitlines()
        assert lines[:4] == [key.access_key, key.secret, key.token, "eu-west-1"], done.stderr
        assert lines[4].endswith("Z")
        assert lines[5] == "eu-west-1"

    def test_fails_when_sts_refuses(self, shell: Shell, sts: Sts) -> None:
        """So that `or exit`, `|| exit` and csh -e stop the script."""
        sts.always(behave.ACCESS_DENIED)
        fish = shell.argv[0] == "fish"
        done = shell("{}; or exit 3\necho on" if fish else "{} || exit 3\necho on")
        assert (done.returncode, done.stdout) == (3, "")
        assert "not authorized" in done.stderr

    def test_fails_when_the_command_line_is_wrong(self, shell: Shell, sts: Sts) -> None:
        """A typo is a failure like any other."""
        fish = shell.argv[0] == "fish"
        script = "{}; or exit 3\necho on" if fish else "{} || exit 3\necho on"
        done = shell(script, more=" --duration soon")
        assert (done.returncode, done.stdout) == (3, "")
        assert not sts.asked

    def test_is_undone_by_unset(self, shell: Shell, sts: Sts) -> None:
        """Nothing of the role stays, and undoing it twice is no failure."""
        undo = shell.evaluate.format(shell.command + " --unset")
        done = shell(f"{{}}\n{undo}\n{undo}; echo $status\nenv")
        lines = done.stdout.splitlines()
        assert lines[0] == "0", done.stderr
        assert [line for line in lines if line.startswith("AWS_")] == [
            line for line in lines if line.startswith(("AWS_EC2_", "AWS_ENDPOINT_"))
        ]
        assert len(sts.asked) == 1

    def test_survives_every_character_it_does_not_refuse(self, shell: Shell, sts: Sts) -> None:
        """Whatever a service puts in a key one day."""
        refused = "" if shell.argv[0] == "fish" else "*?[]{}"
        odd = "".join(map(chr, range(33, 127)))
        odd = "".join(c for c in odd if c not in refused)
        sts.secret_alphabet = sts.token_alphabet = odd
        key_lines = shell(f"{{}}\n{SHOW}").stdout.splitlines()[1:3]
        key = sts.issued[0]
        assert key_lines == [key.secret, key.token]


class TestCshAndTcsh:
    @pytest.mark.parametrize("name", ["tcsh", "csh"])
    @pytest.mark.parametrize("how", CSH)
    def test_csh_e_stops(
        self, run: Runner, needs: Callable[..., str], sts: Sts, name: str, how: str
    ) -> None:
        """The nearest that csh has to `set -e`."""
        sts.always(behave.ACCESS_DENIED)
        done = make_shell(run, needs, name, how)("{}\necho on", "-e")
        assert done.returncode != 0
        assert "on" not in done.stdout.split()

    @pytest.mark.parametrize("name", ["tcsh", "csh"])
    def test_history_is_not_consulted_at_the_prompt(
        self, run: Runner, needs: Callable[..., str], sts: Sts, name: str
    ) -> None:
        """Where an exclamation mark means an earlier command, within quotes too."""
        sts.token_alphabet = "!x"
        shell = make_shell(run, needs, name, "unquoted")
        typed = f"set history=9\n{shell.evaluate.format(shell.command)}\n{SHOW}\nexit\n"
        done = subprocess.run(
            [*shell.argv, "-i"], env=run.environment(), input=typed, capture_output=True, text=True,
            cwd=run.cwd, start_new_session=True, timeout=60,
        )  # fmt: skip
        assert (sts.issued[0].token or "") in done.stdout, "the token arrived changed"

    @pytest.mark.parametrize("name", ["tcsh", "csh"])
    def test_what_file_name_expansion_would_change_is_refused(
        self, run: Runner, needs: Callable[..., str], sts: Sts, name: str
    ) -> None:
        """In one line, without showing it."""
        sts.token_alphabet = "{a,b}"
        done = make_shell(run, needs, name, "unquoted")("{} || exit 3\necho on")
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.count("\n") == 2


class TestAFile:
    def test_can_be_sourced(self, any_shell: Shell, sts: Sts) -> None:
        """`--output` and `source` work as eval does."""
        any_shell.evaluate = "{}"
        done = any_shell(f"{{}}\nsource ./creds\n{SHOW}", more=" --output ./creds")
        key = sts.issued[0]
        assert done.stdout.splitlines()[:3] == [key.access_key, key.secret, key.token]


# --- by grammar ------------------------------------------------------------------------------
# tree-sitter's grammars for PowerShell and for batch files say what each line is and where its
# strings begin and end. That the statements do what they say is then Microsoft's documentation's
# word: about_Environment_Variables, about_Quoting_Rules, Invoke-Expression; `set /?`, `for /?`.


def parse(language: object, text: str) -> tree_sitter.Node:
    parser = tree_sitter.Parser(tree_sitter.Language(language))
    root = parser.parse(text.encode()).root_node
    assert not root.has_error, "not in the shell's grammar"
    return root


def nodes(root: tree_sitter.Node, kind: str) -> list[str]:
    found = [root] if root.type == kind else []
    texts = [node.text.decode() for node in found]
    for child in root.children:
        texts += nodes(child, kind)
    return texts


class TestPowerShell:
    def test_is_six_assignments_of_verbatim_strings(self, run: Runner, sts: Sts) -> None:
        """Joined to one line too, as `"$(...)"` does."""
        sts.secret_alphabet = sts.token_alphabet = "".join(map(chr, range(33, 127)))
        text = run.assume("--format", "powershell", "--region", "eu-west-1").ok().out
        key = sts.issued[0]
        for form in (text, text.replace("\n", " ")):
            root = parse(tree_sitter_powershell.language(), form)
            variables = nodes(root, "variable")
            strings = nodes(root, "verbatim_string_characters")
            assert variables == [f"$env:{name}" for name in VARIABLES]
            values = [string[1:-1].replace("''", "'") for string in strings]
            assert values[:5] == [key.access_key, key.secret, key.token, "eu-west-1", "eu-west-1"]

    def test_fails_closed_by_a_terminating_error(self, run: Runner, sts: Sts) -> None:
        """`throw` ends Invoke-Expression and, uncaught, the script."""
        sts.always(behave.ACCESS_DENIED)
        result = run.assume("--format", "powershell")
        result.failure(125)
        root = parse(tree_sitter_powershell.language(), result.out)
        assert nodes(root, "flow_control_statement") == ["throw 'aws-role-exec failed'"]

    def test_unset_removes_each_and_ignores_what_is_not_there(self, run: Runner) -> None:
        """Needs no role."""
        text = run("--unset", "--format", "powershell").ok().out
        for form in (text, text.replace("\n", " ")):
            root = parse(tree_sitter_powershell.language(), form)
            assert nodes(root, "command_name") == ["Remove-Item"] * 6
            assert nodes(root, "generic_token") == [
                word for name in VARIABLES for word in (f"Env:{name}", "Ignore")
            ]


class TestCmd:
    def test_is_six_quoted_assignments(self, run: Runner, sts: Sts) -> None:
        """`for /f` runs each line; nothing in one ends the quotes."""
        sts.secret_alphabet = sts.token_alphabet = "&|<>^()',;=+/~`#$"
        text = run.assume("--format", "cmd", "--region", "eu-west-1").ok().out
        root = parse(tree_sitter_batch.language(), text)
        assert nodes(root, "set_keyword") == ["set"] * 6
        assert nodes(root, "variable_name") == list(VARIABLES)
        assert nodes(root, "assignment_literal")[:3] == [
            sts.issued[0].access_key,
            sts.issued[0].secret,
            sts.issued[0].token,
        ]
        assert all(line.endswith('"') and line.count('"') == 2 for line in text.splitlines())

    def test_fails_closed_without_closing_the_window(self, run: Runner, sts: Sts) -> None:
        """A command that sets ERRORLEVEL; `exit /b` at the prompt would end the prompt."""
        sts.always(behave.ACCESS_DENIED)
        result = run.assume("--format", "cmd")
        result.failure(125)
        assert result.out == "cmd /c exit 1\n"
        parse(tree_sitter_batch.language(), result.out)

    def test_unset_empties_each(self, run: Runner) -> None:
        """Which is how cmd takes a variable away."""
        text = run("--unset", "--format", "cmd").ok().out
        root = parse(tree_sitter_batch.language(), text)
        assert nodes(root, "variable_name") == list(VARIABLES)
        assert nodes(root, "assignment_literal") == []
