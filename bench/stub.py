"""An STS that answers at once, instance metadata, and a relay that makes the way to STS long."""

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

SOON = "2099-01-01T00:00:00Z"
ARN = "arn:aws:sts::123456789012:assumed-role/bench/bench"
ANSWER = f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:bench</AssumedRoleId>
<Arn>{ARN}</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE00</AccessKeyId>
<SecretAccessKey>dummy+secret</SecretAccessKey><SessionToken>dummy-token</SessionToken>
<Expiration>{SOON}</Expiration></Credentials></AssumeRoleResult>
<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>
</AssumeRoleResponse>"""
IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/bench</Arn><UserId>AIDAEXAMPLE</UserId>
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""
KEYS = {
    "Code": "Success",
    "Type": "AWS-HMAC",
    "LastUpdated": "2026-01-01T00:00:00Z",
    "AccessKeyId": "ASIAINSTANCEEXAMPLE0",
    "SecretAccessKey": "dummy+secret",
    "Token": "dummy-token",
    "Expiration": SOON,
}
THREADS = 64

Answer = Callable[[bytes, bytes], tuple[str, str]]


def serve_sts(context: ssl.SSLContext, count: Any) -> None:
    """Answer on 127.0.0.1:443, counting in `count` the roles that are asked for."""

    def answer(head: bytes, body: bytes) -> tuple[str, str]:
        if b"Action=AssumeRole&" in body + b"&":
            with count.get_lock():
                count.value += 1
            return "text/xml", ANSWER
        return "text/xml", IDENTITY

    serve(443, context, answer)


def serve_metadata(port: int) -> None:
    """Answer as IMDSv2 does."""

    def answer(head: bytes, body: bytes) -> tuple[str, str]:
        path = head.split(b" ", 2)[1]
        if path == b"/latest/api/token":
            return "text/plain", "dummy-token"
        if path.endswith(b"/security-credentials/"):
            return "text/plain", "bench"
        return "application/json", json.dumps(KEYS)

    serve(port, None, answer)


def serve(port: int, context: ssl.SSLContext | None, answer: Answer) -> None:
    """Serve HTTP from threads that wait in accept, for good."""
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)

    def work() -> None:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                talk(connection, answer)
            except OSError:
                connection.close()

    for _ in range(THREADS - 1):
        threading.Thread(target=work, daemon=True).start()
    work()


def talk(connection: socket.socket, answer: Answer) -> None:
    """Answer the requests of one connection."""
    connection.settimeout(30)
    data = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in data:
                if not (more := connection.recv(65536)):
                    return
                data += more
            head, _, data = data.partition(b"\r\n\r\n")
            fields = head.lower().split(b"content-length:")
            length = int(fields[1].split(b"\r\n")[0]) if len(fields) > 1 else 0
            if b"\r\nexpect: 100-continue" in head.lower():
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            while len(data) < length:
                if not (more := connection.recv(65536)):
                    return
                data += more
            kind, text = answer(head, data[:length])
            data = data[length:]
            connection.sendall(
                f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n"
                f"X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600\r\n\r\n{text}".encode()
            )
            if b"\r\nconnection: close" in head.lower():
                return


async def relay(delay: float) -> None:
    """Pass 127.0.0.2:443 on to 127.0.0.1:443 as if `delay` seconds of round trip lay between.

    Every byte is half of it under way, and the first ones wait for the round trip of TCP's own
    handshake, which the kernel has answered for us.
    """

    async def carry(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, not_before: float
    ) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                when, data = await queue.get()
                await asyncio.sleep(when - time.monotonic())
                if not data:
                    writer.close()
                    return
                writer.write(data)

        delivery = asyncio.create_task(deliver())
        try:
            while data := await reader.read(65536):
                queue.put_nowait((max(time.monotonic(), not_before) + delay / 2, data))
        except OSError:
            pass
        queue.put_nowait((max(time.monotonic(), not_before) + delay / 2, b""))
        await delivery

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handshake = time.monotonic() + delay
        there, back = await asyncio.open_connection("127.0.0.1", 443)
        await asyncio.gather(carry(reader, back, handshake), carry(there, writer, 0.0))

    server = await asyncio.start_server(accept, "127.0.0.2", 443, backlog=1024)
    await server.serve_forever()
