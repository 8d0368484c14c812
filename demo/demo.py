"""What `make demo` runs: aws-role-exec against an STS on loopback, step by step.

The tests' STS stands in for AWS: it checks every signature, refuses what STS refuses, and lets
sessions expire. No account is needed and nothing leaves this machine. Every command shown is
really run, as shown; only the secrets in what they print are masked.
"""

import dataclasses
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from servers import sts  # noqa: E402 - found by the line above

ACCOUNT = "123456789012"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
HUB_SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/hub/"
TRUSTS = {"reader": ALICE, "hub": ALICE, "archive": HUB_SESSION, "training": ALICE}
"""Whom each role trusts, by the beginning of an ARN."""
TRAINING_SECONDS = int(sys.argv[1]) if sys.argv[1:] else 3
"""How long sessions of the role that is renewed last; a slow machine may want more."""

ASSUME = f"aws-role-exec --role-arn {ROLE}"
WHOAMI = "python demo/whoami.py"
SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
SHELLS_OWN = ("_", "OLDPWD", "PWD", "SHLVL")
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


@dataclass(frozen=True)
class Step:
    """A shell script, what is said before it and after it."""

    title: str
    script: str
    after: str = ""


STEPS = [
    Step("Who am I?", WHOAMI),
    Step("Become a command that holds a role", f"{ASSUME}/reader -- {WHOAMI}"),
    Step(
        "No wrapper stays behind: the command is the very process that was started",
        f"echo before: pid $$\nexec {ASSUME}/reader -- sh -c 'echo after: pid $$'",
    ),
    Step(
        "Put the role into the shell you are in",
        f'creds=$({ASSUME}/reader) || exit\neval "$creds"\n{WHOAMI}',
        "Had STS refused, the script would have ended there instead of going on as alice.",
    ),
    Step(
        "Write a credentials file, for programs that read nothing else",
        "creds=$(mktemp)\n"
        f'{ASSUME}/reader --format credentials-file --output "$creds"\n'
        'ls -l "$creds" | cut -c 1-10\n'
        "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY\n"
        f'AWS_SHARED_CREDENTIALS_FILE="$creds" {WHOAMI}\n'
        'rm "$creds"',
    ),
    Step(
        "STS refuses: the command is not run, and a hint says what to do",
        f'{ASSUME}/archive -- {WHOAMI}\necho "exit status $?"',
    ),
    Step(
        "That role trusts another role, which trusts you: two hops",
        f"{ASSUME}/hub --role-arn {ROLE}/archive -- {WHOAMI}",
    ),
    Step(
        f"Run longer than the session: here it lasts {TRAINING_SECONDS} seconds, at AWS an hour",
        f"{ASSUME}/training --renew -- python demo/train.py",
    ),
]
VARIABLES_AFTER = STEPS[1]


class Account(sts.Sts):
    """An STS whose roles trust whom TRUSTS says, and whose sessions end to the second."""

    def answer(self, conversation: sts.Conversation, asked: sts.Asked) -> None:
        role = asked.params.get("RoleArn", "").rpartition("/")[2]
        if not role:
            super().answer(conversation, asked)
            return
        arn = self.keys[asked.access_key or ""].arn
        if not arn.startswith(TRUSTS[role]):
            sts.refusal(
                "AccessDenied",
                f"User: {arn} is not authorized to perform: sts:AssumeRole on resource: "
                f"{ROLE}/{role}",
            )(conversation, asked)
            return
        if role == "training":
            params = {**asked.params, "DurationSeconds": str(TRAINING_SECONDS)}
            conversation.xml(200, self.assume_role(dataclasses.replace(asked, params=params)))
        else:
            super().answer(conversation, asked)


def main() -> None:
    sts.GRACE_SECONDS = 0.0
    with Account() as server, tempfile.TemporaryDirectory(prefix="aws-role-exec-demo-") as place:
        show(environment(server.url, place))


def show(env: Mapping[str, str]) -> None:
    """Take the visitor through the steps, as the user alice of `env`.

    The steps run beside one another, since none needs another's end, and are shown in order.
    """
    print("\nAn STS on loopback stands in for AWS. You are alice, a user with keys of her own.\n")
    with ThreadPoolExecutor() as pool:
        after = pool.submit(capture, f"{ASSUME}/reader -- env -0", env)
        running = [(step, pool.submit(capture, step.script, env)) for step in reversed(STEPS)]
        for step, printed in reversed(running):
            show_step(step, printed)
            if step == VARIABLES_AFTER:
                print("  This changed in the command's environment, and nothing else did:\n")
                compare(env, after.result())
    print(
        f"{BOLD}Now against real AWS, with an identity of yours and a role that trusts it{PLAIN}\n"
    )
    program = os.path.relpath(Path(sys.executable).with_name("aws-role-exec"), HERE.parent)
    print(f"  {program} --role-arn arn:aws:iam::ACCOUNT:role/ROLE -- aws sts get-caller-identity")


def show_step(step: Step, printed: Future[str]) -> None:
    """Show a shell script, and what it prints indented below it."""
    first, *more = step.script.splitlines()
    shown = "\n".join([f"  $ {first}", *(f"  > {line}" for line in more)])
    print(f"{BOLD}{step.title}{PLAIN}\n\n{shown}", flush=True)
    print(textwrap.indent(printed.result(), "    "), flush=True)
    if step.after:
        print(f"  {step.after}\n")


def environment(endpoint: str, directory: str) -> dict[str, str]:
    """Return the visitor's environment with alice's AWS identity, at the endpoint, and no other."""
    for name in list(os.environ):  # the STS here reads botocore's model, and so these settings
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    return {
        **os.environ,
        "HOME": directory,  # no ~/.aws, and nothing left behind
        "TMPDIR": directory,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": sts.BASE.access_key,
        "AWS_SECRET_ACCESS_KEY": sts.BASE.secret,
        # The commands shown are those of this Python's environment.
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
    }


def capture(script: str, env: Mapping[str, str]) -> str:
    """Return what a shell script prints; end the demonstration if it fails."""
    done = subprocess.run(
        ["sh", "-c", script],
        env=env,
        cwd=HERE.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"the demonstration failed: {script!r}: {done.stdout}")
    return done.stdout


def compare(before: Mapping[str, str], printed: str) -> None:
    """Print the variables that differ from `before` in what `env -0` printed."""
    after = dict(pair.split("=", 1) for pair in printed.split("\0") if pair)
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if name not in SHELLS_OWN and old != new:
            print(f"    {name:<28} {mask(name, old):<22} -> {mask(name, new)}")
    print()


def mask(name: str, value: str | None) -> str:
    if value is None:
        return "(unset)"
    return "(secret)" if name in SECRETS else value


if __name__ == "__main__":
    main()
