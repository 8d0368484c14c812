"""Holds a program to the cases beside this file: `python tests/compliance/world.py PROGRAM`.

A case is a piece of POSIX sh under a heading that says what a user gets (`### ...`); it holds if
it exits with 0. Its world is a strict STS on loopback, source credentials in the environment, and
an empty directory. The program may be any that has this command line: nothing else is known of it.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from servers import sts
from servers.sts import Asked, Behaviour, Conversation, Sts

HERE = Path(__file__).resolve().parent
SECONDS = 120
"""For which a case may run: against what hangs, not what is slow."""
ONCE: dict[str, Behaviour] = {
    "throttles once": sts.THROTTLING,
    "fails once": sts.INTERNAL_FAILURE,
    "drops the connection once": sts.drop,
}
ALWAYS: dict[str, Behaviour] = {
    "refuses": sts.ACCESS_DENIED,
    "is silent": sts.hang,
    "drips": sts.drip,
    "answers with a web page": sts.GARBAGE,
    "answers half": sts.drop_after_headers,
    "says that the token has expired": sts.EXPIRED_TOKEN,
}


@dataclass(frozen=True)
class Case:
    """One thing that a user gets, and the script that shows it."""

    topic: str
    says: str
    sts: str | None
    script: str


def cases() -> list[Case]:
    """Return all cases, by file and in their order."""
    return [
        case
        for file in sorted(HERE.glob("*.sh"))
        if file.name != "prelude.sh"
        for case in _cases_of(file)
    ]


def _cases_of(file: Path) -> Iterator[Case]:
    for text in re.split(r"(?m)^### ", file.read_text())[1:]:
        says, _, script = text.partition("\n")
        found = re.match(r"## sts: (.*)\n", script)
        yield Case(file.stem, says, found[1] if found else None, script)


class World(Sts):
    """An STS that keeps what it was asked and what it issued where a script finds it."""

    def __init__(self, place: Path, how: str | None) -> None:
        super().__init__()
        self.place = place
        if how in ONCE:
            self.script(ONCE[how])
        elif how is not None:
            self.always(ALWAYS[how])

    def receive(self, conversation: Conversation, body: bytes) -> tuple[Asked, Behaviour | None]:
        """Keep the request's parameters, a line each."""
        asked, problem = super().receive(conversation, body)
        lines = "".join(f"{name}={value}\n" for name, value in asked.params.items())
        self._keep(str(len(self.asked)), lines)
        return asked, problem

    def assume_role(self, asked: Asked) -> str:
        """Keep the credentials that are issued."""
        answer = super().assume_role(asked)
        names = "AccessKeyId|SecretAccessKey|SessionToken|Expiration"
        found = re.findall(f"<({names})>(.*?)</", answer)
        self._keep("issued", "".join(f"{name}={value}\n" for name, value in found))
        return answer

    def _keep(self, name: str, text: str) -> None:
        unfinished = self.place / f".{name}"
        unfinished.write_text(text)
        unfinished.rename(self.place / name)


def hold(case: Case, program: str) -> str | None:
    """Run a case; return what its script says against the program, None if it holds."""
    with tempfile.TemporaryDirectory(prefix="case-") as scratch:
        here = {name: Path(scratch) / name for name in ("bin", "home", "world", "work")}
        for directory in here.values():
            directory.mkdir()
        (here["bin"] / "aws-role-exec").symlink_to(Path(program).absolute())
        with World(here["world"], case.sts) as server:
            done = subprocess.run(
                ["sh", "-euc", f". '{HERE}/prelude.sh'\n{case.script}"],
                cwd=here["work"],
                env={
                    "PATH": f"{here['bin']}:/usr/local/bin:/usr/bin:/bin",
                    "HOME": str(here["home"]),
                    "USER": "alice",
                    "WORLD": str(here["world"]),
                    "PYTHON": sys.executable,
                    "ROLE": "arn:aws:iam::123456789012:role/my-role",
                    "AWS_ACCESS_KEY_ID": sts.BASE.access_key,
                    "AWS_SECRET_ACCESS_KEY": sts.BASE.secret,
                    "AWS_REGION": "us-east-1",
                    "AWS_ENDPOINT_URL_STS": server.url,
                    "AWS_EC2_METADATA_DISABLED": "true",
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="backslashreplace",
                timeout=SECONDS,
                start_new_session=True,
            )
    if done.returncode == 0:
        return None
    return (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]


def main() -> None:
    """Tell which cases hold for a program."""
    (program,) = sys.argv[1:]
    all_cases, held = cases(), 0
    for case in all_cases:
        problem = hold(case, program)
        held += problem is None
        print(f"{'holds' if problem is None else 'FAILS'}  {case.topic}: {case.says}", flush=True)
        if problem is not None:
            print(f"       {problem}", flush=True)
    print(f"{held} of {len(all_cases)} cases hold for {os.path.basename(program)}")
    sys.exit(held != len(all_cases))


if __name__ == "__main__":
    main()
