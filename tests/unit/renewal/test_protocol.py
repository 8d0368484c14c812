"""The container credentials protocol, byte by byte."""

import json

import pytest

from aws_role_exec.credentials import Credentials
from aws_role_exec.renewal import protocol

TOKEN = "f" * 64
CREDENTIALS = Credentials(
    "ASIAEXAMPLE",
    "Secret/+example",
    'Token//"\\==',
    "2026-03-21T20:00:00Z",
    "arn:aws:sts::123456789012:assumed-role/r/s",
)


def request(
    method: str = "GET", path: str = "/credentials", *headers: str, version: str = "HTTP/1.1"
) -> bytes:
    lines = (f"{method} {path} {version}", "Host: 127.0.0.1", *headers)
    return "\r\n".join((*lines, "", "")).encode()


RIGHT = f"Authorization: {TOKEN}"


def status(answer: bytes | None) -> int | None:
    return None if answer is None else int(answer.split(b" ")[1])


@pytest.mark.parametrize(
    "received",
    [
        request("GET", "/credentials", RIGHT),
        request("GET", "/credentials?x=1", RIGHT),
        request("GET", "/credentials", f"authorization:{TOKEN}  "),
        request("GET", "/credentials", f"AUTHORIZATION: \t{TOKEN}", "Accept: */*"),
        request("GET", "/credentials", RIGHT, version="HTTP/1.0"),
        request("GET", "/credentials", RIGHT).replace(b"\r\n", b"\n"),
    ],
)
def test_whoever_has_the_token_gets_credentials(received: bytes) -> None:
    assert protocol.is_whole(received)
    assert protocol.refusal(received, TOKEN) is None


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (request(), 401),
        (request("GET", "/credentials", "Authorization: "), 401),
        (request("GET", "/credentials", f"Authorization: {TOKEN[:-1]}"), 401),
        (request("GET", "/credentials", f"Authorization: {TOKEN}f"), 401),
        (request("GET", "/credentials", f"Authorization: {TOKEN.upper()}"), 401),
        (request("GET", "/credentials", f"Authorization: Bearer {TOKEN}"), 401),
        (request("GET", "/credentials", RIGHT, RIGHT), 401),
        (request("GET", "/credentials", f"X-Authorization: {TOKEN}"), 401),
        (request("POST", "/credentials"), 401),
        (request("POST", "/credentials", RIGHT), 405),
        (request("HEAD", "/credentials", RIGHT), 405),
        (request("PUT", "/credentials", RIGHT), 405),
        (request("GET", "/", RIGHT), 404),
        (request("GET", "/credentials/", RIGHT), 404),
        (request("GET", "http://127.0.0.1/credentials", RIGHT), 404),
        (b"GET /credentials\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\n\n", 400),
        (b"\r\n\r\n", 400),
        (request("GET", "/credentials", RIGHT, version="HTTP/2"), 400),
        (request("GET", "/" + "x" * protocol.MOST_BYTES, RIGHT), 431),
    ],
)
def test_anybody_else_gets_none(received: bytes, expected: int) -> None:
    answer = protocol.refusal(received, TOKEN)
    assert status(answer) == expected
    assert TOKEN.encode() not in (answer or b"")


def test_a_request_is_read_to_its_end_and_no_further_than_it_may_be() -> None:
    whole = request("GET", "/credentials", RIGHT)
    assert not any(protocol.is_whole(whole[:length]) for length in range(len(whole)))
    assert protocol.is_whole(b"x" * (protocol.MOST_BYTES + 1))


def test_the_answer_is_what_sdks_read() -> None:
    head, _, body = protocol.success(CREDENTIALS).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body) == {
        "RoleArn": CREDENTIALS.assumed_role_arn,
        "AccessKeyId": CREDENTIALS.access_key_id,
        "SecretAccessKey": CREDENTIALS.secret_access_key,
        "Token": CREDENTIALS.session_token,
        "Expiration": CREDENTIALS.expiration,
    }


def test_a_failure_tells_why_in_json() -> None:
    head, _, body = protocol.failure(500, "RenewalFailed", 'a "word"\nand ünïcode').partition(
        b"\r\n\r\n"
    )
    assert head.startswith(b"HTTP/1.1 500 ")
    assert json.loads(body) == {"code": "RenewalFailed", "message": 'a "word"\nand ünïcode'}
