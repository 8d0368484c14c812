"""Answers of STS, containers, instances and HTTP itself, with a little of them made bad.

What is read of one is what is in it, or it is refused by an error of ours: never another
exception, and never something that nobody said.
"""

import contextlib
import json
import random
import socket
import threading
from collections.abc import Iterator
from xml.dom import Node, expatbuilder

from aws_role_exec.errors import AwsRoleExecError, Fault, Refusal
from aws_role_exec.identity import answers
from aws_role_exec.network.deadline import Deadline
from aws_role_exec.network.exchange import Answer
from aws_role_exec.network.wire import Wire
from aws_role_exec.sts import protocol

from .amount import SEED
from .mutations import mutations

GRANTED = (
    b'<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n  <AssumeRoleResult>'
    b"<AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:me</AssumedRoleId>"
    b"<Arn>arn:aws:sts::123456789012:assumed-role/my-role/me</Arn></AssumedRoleUser><Credentials>"
    b"<AccessKeyId>ASIAISSUEDEXAMPLE000</AccessKeyId><SecretAccessKey>a/b+c=</SecretAccessKey>"
    b"<SessionToken>dG9r&amp;ZW4=</SessionToken><Expiration>2036-01-01T00:00:00Z</Expiration>"
    b"</Credentials></AssumeRoleResult>\n</AssumeRoleResponse>\n"
)
REFUSED = (
    b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: x is not "
    b"authorized</Message></Error><RequestId>1</RequestId></ErrorResponse>"
)
KEYS = json.dumps(
    {
        "Code": "Success",
        "AccessKeyId": "ASIANODEEXAMPLE00000",
        "SecretAccessKey": "a/b+c=",
        "Token": "dG9rZW4=",
        "Expiration": "2036-01-01T00:00:00Z",
    }
).encode()
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"
)
TEXT = (Node.TEXT_NODE, Node.CDATA_SECTION_NODE)
NAMES = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Arn")


def test_an_answer_of_sts_is_what_an_xml_library_reads_too() -> None:
    """Or it is refused."""
    granted = 0
    for body in mutations(GRANTED, 3000):
        try:
            found = protocol.credentials(protocol.read("AssumeRole", "u", 200, {}, body), "u")
        except (Fault, Refusal, AwsRoleExecError):
            continue
        granted += 1
        document = expatbuilder.parseString(body, namespaces=False)
        told = {
            element.tagName.rpartition(":")[2]: "".join(
                node.data for node in element.childNodes if node.nodeType in TEXT
            ).strip()
            for element in document.getElementsByTagName("*")
        }
        assert found.values()[:3] == tuple(told[name] for name in NAMES[:3]), body
        assert found.assumed_role_arn == told["Arn"], body
    assert granted > 100, "the answers are too bad to tell anything"


def test_a_refusal_of_sts_stays_one() -> None:
    """Whatever its status and its text; it is never taken for credentials."""
    chance = random.Random(SEED)
    for body in mutations(REFUSED, 2000):
        status = chance.choice((400, 403, 429, 500, 503))
        with contextlib.suppress(Fault, Refusal):
            raise AssertionError(protocol.read("AssumeRole", "u", status, {}, body))


def test_keys_as_json_are_what_a_json_library_reads_too() -> None:
    """Of containers, instances and programs; or they are refused."""
    read = 0
    for body in mutations(KEYS, 3000):
        try:
            found = answers.read(Answer(200, {}, body))
            keys = answers.read_keys(
                found, ("AccessKeyId", "SecretAccessKey", "Token"), "the container"
            )
            answers.check_expiration(found.get("Expiration"), "the container", 0)
        except (ValueError, AwsRoleExecError):
            continue
        read += 1
        told = json.loads(body.decode("utf-8-sig"))
        assert keys.access_key_id == told["AccessKeyId"], body
        assert keys.secret_access_key == told["SecretAccessKey"], body
        assert (keys.session_token or "") == (told.get("Token") or "").strip(), body
    assert read > 100, "the answers are too bad to tell anything"


@contextlib.contextmanager
def says(bad: list[bytes]) -> Iterator[str]:
    """A server that says one of these, by the number in the path, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):  # the test is over
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError, ValueError, IndexError):
                        asked = connection.recv(65536)
                        connection.sendall(bad[int(asked.split(b" ")[1].strip(b"/"))])

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)


def test_http_of_any_kind_is_an_answer_or_a_fault() -> None:
    """What was read is the start of what was said; the server hangs up, so nothing waits."""
    bad = [*mutations(HTTP, 400), *mutations(CHUNKED, 400)]
    whole = 0
    with says(bad) as url:
        for number, text in enumerate(bad):
            wire = Wire({}, None, Deadline(60), lambda *_: None)
            try:
                answer = wire.send("GET", f"{url}{number}", {}, b"", proxied=False)
            except Fault:
                continue
            assert 100 <= answer.status <= 999, text
            assert len(answer.body) <= len(text)
            whole += answer.body == b"hello"
    assert whole > 50, "the answers are too bad to tell anything"
