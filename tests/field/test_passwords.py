"""Passwords in URLs, and what was hidden though it is none.

TeamHG-Memex/scrapy-rotating-proxies#30 and erebe/wstunnel#520: a proxy's password in a log.
"""

import pytest

from aws_role_exec import redaction
from runner import ROLE, Runner

PASSWORD = "hunter2!"


@pytest.mark.parametrize(
    "env",
    [
        {"AWS_ENDPOINT_URL": f"http://user:{PASSWORD}@127.0.0.1:9"},
        {"AWS_ENDPOINT_URL_STS": f"http://user:{PASSWORD}@127.0.0.1:9/x"},
        {"AWS_ENDPOINT_URL_STS": f"http://user:{PASSWORD}@127.0.0.1:99999"},
        {"AWS_ENDPOINT_URL_STS": f"user:{PASSWORD}@127.0.0.1:9"},
        {"HTTP_PROXY": f"http://user:{PASSWORD}@127.0.0.1:9"},
        {"HTTP_PROXY": f"http://user:{PASSWORD}@h:abc"},
        {"http_proxy": f"user:{PASSWORD}@127.0.0.1:9"},
        {"HTTP_PROXY": f"socks5://user:{PASSWORD}@127.0.0.1:9"},
    ],
    ids=lambda env: " ".join(f"{k}={v}" for k, v in env.items()),
)
@pytest.mark.parametrize("debug", [False, True])
def test_are_never_printed(run: Runner, env: dict[str, str], debug: bool) -> None:
    """On stderr, with -v and in debug output."""
    if "AWS_ENDPOINT_URL" in env:
        env = {**env, "AWS_ENDPOINT_URL_STS": None}
    more = {"AWS_ROLE_EXEC_DEBUG": "1"} if debug else {}
    result = run.assume(
        "-v", "--sts-timeout", "300ms", "--", "true", env={**env, **more}, debug=debug
    )
    assert result.code != 0
    assert PASSWORD not in result.err
    explained = run.assume("--explain", "--sts-timeout", "300ms", env=env)
    assert PASSWORD not in explained.err + explained.out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:pass@h:9", "http://***@h:9"),
        (
            "no answer from https://u:p%40w@h/x: timed out",
            "no answer from https://***@h/x: timed out",
        ),
        ("http://u:p/w@h:9", "http://***@h:9"),
        ("'http://u:p@h@i/'", "'http://***@i/'"),
        ("socks5h://token@h and http://a:b@c", "socks5h://***@h and http://***@c"),
        ("http://h:80/a@b", "http://h:80/a@b"),
        ("http://h/?mail=a@b", "http://h/?mail=a@b"),
        ("arn:aws:iam::123456789012:user/a@b", "arn:aws:iam::123456789012:user/a@b"),
        ("http:// a@b", "http:// a@b"),
    ],
)
def test_of_a_url_only_the_user_and_password_are_hidden(text: str, shown: str) -> None:
    assert redaction.hide_passwords(text) == shown


@pytest.mark.parametrize(
    "env",
    [
        {"MY_TOKEN_ROLE": ROLE},
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "tokens/of/this-very-job"},
        {"SECRET_PATH": "/nonexistent/very/long/path"},
        {"CI_SECRET_NAME": "nosuchcommand-of-some-length"},
    ],
)
def test_what_is_no_secret_is_shown(run: Runner, env: dict[str, str]) -> None:
    """A role's ARN, and where a token is: errors showed `***` there."""
    (value,) = env.values()
    result = run("--role-arn", ROLE, "--", value if "very" not in value else "./" + value, env=env)
    assert "***" not in result.err
    (name,) = env
    if name != "MY_TOKEN_ROLE":
        assert value in result.err


def test_what_is_one_is_hidden(run: Runner) -> None:
    """Whatever quotes it."""
    token = "xoxb-0123456789-abcdef"
    result = run.assume("--", token, env={"SLACK_TOKEN": token})
    assert token not in result.err
