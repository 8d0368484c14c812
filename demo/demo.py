"""What `make demo` runs: aws-role-exec against an STS on loopback, step by step.

moto stands in for AWS, so no account is needed and nothing leaves this machine. Every command
shown is really run, as shown; only the secrets in what they print are masked.
"""

import logging
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path

import botocore.session
from moto.server import ThreadedMotoServer

HERE = Path(__file__).parent
ROLE = "arn:aws:iam::123456789012:role/reader"
ASSUME = f"aws-role-exec --role-arn {ROLE}"
WHOAMI = "python demo/whoami.py"
SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
SHELLS_OWN = ("_", "OLDPWD", "PWD", "SHLVL")
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        with tempfile.TemporaryDirectory(prefix="aws-role-exec-demo-") as directory:
            port = server.get_host_and_port()[1]
            show(environment(f"http://127.0.0.1:{port}", directory))
    finally:
        server.stop()


def show(env: Mapping[str, str]) -> None:
    """Take the visitor through the three ways of using it, as the user alice of `env`."""
    print("\nAn STS on loopback stands in for AWS. You are alice, a user with keys of her own.\n")

    step("Who am I?")
    run(WHOAMI, env)

    step("Become a command that holds a role")
    run(f"{ASSUME} -- {WHOAMI}", env)
    say("This changed in the command's environment, and nothing else did:")
    compare(env, capture(f"{ASSUME} -- env -0", env))
    say("No wrapper stays behind. The command is the very process that was started:")
    run(f"echo before: pid $$\nexec {ASSUME} -- sh -c 'echo after: pid $$'", env)

    step("Put the role into the shell you are in")
    run(f'creds=$({ASSUME}) || exit\neval "$creds"\n{WHOAMI}', env)
    say("Had STS refused, the script would have ended there instead of going on as alice.\n")

    step("Write a credentials file, for programs that read nothing else")
    run(
        "creds=$(mktemp)\n"
        f'{ASSUME} --format credentials-file --output "$creds"\n'
        'ls -l "$creds" | cut -c 1-10\n'
        "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY\n"
        f'AWS_SHARED_CREDENTIALS_FILE="$creds" {WHOAMI}\n'
        'rm "$creds"',
        env,
    )

    step("Now against real AWS, with an identity of yours and a role that trusts it")
    program = os.path.relpath(Path(sys.executable).with_name("aws-role-exec"), HERE.parent)
    say(f"{program} --role-arn arn:aws:iam::ACCOUNT:role/ROLE -- aws sts get-caller-identity")


def environment(endpoint: str, directory: str) -> dict[str, str]:
    """Return the visitor's environment with alice's AWS identity, at the endpoint, and no other."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["HOME"] = os.environ["TMPDIR"] = directory  # no ~/.aws, and nothing left behind
    os.environ["AWS_ENDPOINT_URL"] = endpoint
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    # The commands shown are those of this Python's environment.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    iam = botocore.session.Session().create_client(
        "iam",
        aws_access_key_id="AKIAADMINISTRATOR",
        aws_secret_access_key="not-a-secret",
    )
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    return {
        **os.environ,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


def step(title: str) -> None:
    print(f"{BOLD}{title}{PLAIN}\n")


def say(text: str) -> None:
    print(f"  {text}")


def run(script: str, env: Mapping[str, str]) -> None:
    """Show a shell script and run it; what it prints is indented below."""
    first, *more = script.splitlines()
    shown = "\n".join([f"  $ {first}", *(f"  > {line}" for line in more)])
    print(f"{BOLD}{shown}{PLAIN}", flush=True)
    print(textwrap.indent(capture(script, env), "    "), flush=True)


def capture(script: str, env: Mapping[str, str]) -> str:
    """Return what a shell script prints; end the demonstration if it fails."""
    done = subprocess.run(
        ["sh", "-c", script],
        env=env,
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"the demonstration failed: {script!r} exited {done.returncode}")
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
