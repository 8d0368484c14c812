"""Files that an editor, a script or a copy spoilt: read where it can be, else said by line."""

import pytest

from identity.conftest import KEYLESS, WORK
from runner import Runner
from servers.sts import Sts

SECTION = (
    f"[default]\naws_access_key_id = {WORK.access_key}\naws_secret_access_key = {WORK.secret}\n"
)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_and_line_ends_are_read(
    run: Runner, sts: Sts, mark: str, end: str
) -> None:
    """aws/aws-cli#3419."""
    sts.know(WORK)
    (run.home / ".aws").mkdir()
    config = f"{mark}[default]\nregion = eu-north-1\n\n# a comment\ns3 =\n  max = 3\n"
    (run.home / ".aws/config").write_bytes(config.replace("\n", end).encode())
    content = (mark + SECTION).replace("\n", end).encode()
    (run.home / ".aws/credentials").write_bytes(content)
    seen = run.become(env={**KEYLESS, "AWS_REGION": None, "AWS_DEFAULT_REGION": None})
    assert sts.asked[0].access_key == WORK.access_key
    assert seen.env["AWS_REGION"] == "eu-north-1"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (SECTION + SECTION, 4),
        (SECTION + "region = a\nregion = b\n", 5),
        (SECTION.partition("\n")[2], 1),
        (SECTION.replace(" = ", " "), 2),
        (SECTION + "s3 =\n  " + WORK.secret.replace("=", "") + "\n", 4),
        (b"\xff\xfe" + SECTION.encode("utf-16-le"), 1),
        (SECTION.encode() + b"# caf\xe9\n", 4),
    ],
    ids=["twice", "key twice", "no section", "no equals", "block", "UTF-16", "Latin-1"],
)
@pytest.mark.parametrize("name", ["config", "credentials"])
def test_what_cannot_be_read_is_said_by_file_and_line(
    run: Runner, sts: Sts, name: str, content: str | bytes, line: int
) -> None:
    """And without a secret, wherever it stands."""
    (run.home / ".aws").mkdir()
    path = run.home / ".aws" / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    failure = run.assume("--", "true").failure(2)
    assert failure.line.startswith(f"aws-role-exec: configuration: {path}, line {line}: ")
    assert WORK.secret.lower() not in failure.text
    assert not sts.asked
