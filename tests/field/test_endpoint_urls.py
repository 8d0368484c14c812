"""An endpoint that is no URL (aws/aws-cli#899): said at once, with the place where it is set."""

import pytest

from runner import Runner
from servers.sts import Sts

WRONG = (
    "localhost:4566",
    "127.0.0.1",
    " http://127.0.0.1:1 ",
    "http://127.0.0.1:99999",
    "http://127.0.0.1:http",
    "http://[::1",
    "http://",
    "ftp://127.0.0.1",
    "http//127.0.0.1",
    "http://127.0.0.1:1?x=y",
    "${STS_URL}",
    "http://me:hunter2secret@127.0.0.1:port",
)


@pytest.mark.parametrize("url", WRONG)
def test_is_exit_2_with_its_place(run: Runner, sts: Sts, url: str) -> None:
    """And never shown, since it may hold a password."""
    (run.home / ".aws").mkdir()
    config = run.home / ".aws/config"
    unset = {"AWS_ENDPOINT_URL_STS": None}
    failures = [
        (run.assume("--", "true", env={**unset, name: url}).failure(2), name)
        for name in ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL")
    ]
    config.write_text(f"[default]\nendpoint_url = {url}\n")
    if url == url.strip():  # a file's values have none around them
        failure = run.assume("--", "true", env=unset).failure(2)
        failures.append((failure, "endpoint_url of profile default"))
        config.write_text(f"[default]\nservices = s\n[services s]\nsts =\n  endpoint_url = {url}\n")
        failure = run.assume("--", "true", env=unset).failure(2)
        failures.append((failure, "endpoint_url of services s"))
    for failure, place in failures:
        assert failure.line.startswith(f"aws-role-exec: {place}: ")
        assert "hunter2secret" not in failure.text
    assert not sts.asked


def test_in_capitals_or_with_a_password_is_asked_as_botocore_asks(run: Runner, sts: Sts) -> None:
    """The host is signed as it is sent: in lower case, without user and password."""
    rest = sts.url.partition("://")[2]
    port = rest.rpartition(":")[2].strip("/")
    for url in (f"HTTP://LOCALHOST:{port}", f"http://me:hunter2secret@{rest}", f"{sts.url}//"):
        run.assume("--", "true", env={"AWS_ENDPOINT_URL_STS": url}).ok()
    assert len(sts.asked) == 3
