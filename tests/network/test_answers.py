"""Whatever way an answer is framed, it is read once, or told as what it is."""

import gzip
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

from aws_role_exec.errors import Fault
from aws_role_exec.network import exchange
from aws_role_exec.network.exchange import LARGEST_ANSWER_BYTES
from aws_role_exec.network.wire import Wire
from network.conftest import Raw
from servers.certificates import Authority

BODY = b"<AssumeRoleResponse/>"
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)
PACKED = gzip.compress(BODY)

UNDERSTOOD = {
    "length": OK + LENGTH + BODY,
    "length, and the connection stays open": OK + b"Connection: keep-alive\r\n" + LENGTH + BODY,
    "more than the length": OK + LENGTH + BODY + b"and more",
    "two equal lengths": OK + b"Content-Length: %d\r\n" % len(BODY) + LENGTH + BODY,
    "lines that end in LF alone": (OK + LENGTH).replace(b"\r", b"") + BODY,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "no reason phrase": b"HTTP/1.1 200\r\n" + LENGTH + BODY,
    "closed at the end": OK + b"\r\n" + BODY,
    "chunked": OK
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"5\r\n<Assu\r\n10;x=y\r\nmeRoleResponse/>\r\n0\r\nTrailer: x\r\n\r\n",
    "chunked in capitals": OK
    + b"TRANSFER-ENCODING: Chunked\r\n\r\n"
    + b"15\r\n" + BODY + b"\r\n0\r\n\r\n",
    "100 Continue": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LENGTH + BODY,
    "early hints (which http.client takes for the answer)": (
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + LENGTH + BODY
    ),
    "gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED,
}  # fmt: skip
NOT_UNDERSTOOD = {
    "nothing": (b"", "dropped"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not HTTP"),
    "no status": (b"HTTP/1.1 OK\r\n\r\n", "not HTTP"),
    "a status of four digits": (b"HTTP/1.1 2000 OK\r\n\r\n", "not HTTP"),
    "HTTP/2": (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\r\n\r\n", "not HTTP"),
    "half a header": (OK + b"Content-Le", "dropped"),
    "half a body": (OK + b"Content-Length: 5000\r\n\r\n" + BODY, "dropped"),
    "half a chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n50\r\n" + BODY, "dropped"),
    "a chunk without size": (OK + b"Transfer-Encoding: chunked\r\n\r\nx\r\n", "not HTTP"),
    "two different lengths": (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "not HTTP"),
    "a length of words": (OK + b"Content-Length: some\r\n\r\n" + BODY, "not HTTP"),
    "a negative length": (OK + b"Content-Length: -1\r\n\r\n" + BODY, "not HTTP"),
    "a length with too many digits": (
        OK + b"Content-Length: " + b"9" * 9000 + b"\r\n\r\n",
        "too large",
    ),
    "a chunk with too many digits": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"F" * 9000 + b"\r\n",
        "too large",
    ),
    "a strange encoding": (OK + b"Content-Encoding: br\r\n" + LENGTH + BODY, "not HTTP"),
    "a strange framing": (OK + b"Transfer-Encoding: gzip\r\n\r\n" + BODY, "not HTTP"),
    "a header without end": (OK + b"X: " + b"x" * 100_000, "not HTTP"),
    "interim answers for ever": (b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, "not HTTP"),
}
# What http.client makes of it instead: another fault, or an answer that nobody will understand.
BY_BOTOCORE = {
    "a status of four digits": "not HTTP",
    "half a header": None,
    "a length of words": None,
    "a negative length": None,
    "a length with too many digits": None,
    "a chunk with too many digits": "dropped",
    "a chunk without size": "dropped",
    "a strange encoding": None,
    "a strange framing": None,
    "interim answers for ever": "dropped",
}
TOO_LARGE = {
    "by its length": OK + b"Content-Length: %d\r\n\r\n" % (LARGEST_ANSWER_BYTES + 1),
    "closed at the end": OK + b"\r\n" + b"x" * (2 * LARGEST_ANSWER_BYTES),
    "chunked": OK
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"10000\r\n" * 1 + (b"x" * 65536 + b"\r\n10000\r\n") * 40,
    "in its header": OK + b"X: y\r\n" * 400_000,
    "packed": OK
    + b"Content-Encoding: gzip\r\n"
    + b"Content-Length: %d\r\n\r\n" % len(gzip.compress(b"x" * 10 * LARGEST_ANSWER_BYTES))
    + gzip.compress(b"x" * 10 * LARGEST_ANSWER_BYTES),
}  # fmt: skip


class TestFraming:
    @pytest.mark.parametrize("name", UNDERSTOOD)
    @pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
    def test_of_every_usual_kind_is_understood(
        self,
        says: Callable[..., Raw],
        wire: Callable[..., Wire],
        transport: str,
        name: str,
        at_once: bool,
    ) -> None:
        """And asked for once."""

        def answer(stream: Any) -> None:
            for byte in [UNDERSTOOD[name]] if at_once else _bytes(UNDERSTOOD[name]):
                stream.sendall(byte)

        server = says(answer)
        found = wire().send("POST", server.url, {"x-a": "b"}, b"Action=AssumeRole")
        if transport == "by botocore" and "http.client" in name:
            assert found.status == 103
        else:
            assert (found.status, found.body) == (200, BODY)
        (request,) = server.requests
        assert request.endswith(b"\r\n\r\nAction=AssumeRole")
        assert b"\r\nx-a: b\r\n" in request

    @pytest.mark.parametrize("name", NOT_UNDERSTOOD)
    def test_that_is_none_is_told(
        self, says: Callable[..., Raw], wire: Callable[..., Wire], transport: str, name: str
    ) -> None:
        answer, fault = NOT_UNDERSTOOD[name]
        expected = BY_BOTOCORE.get(name, fault) if transport == "by botocore" else fault
        found = None
        try:
            wire().send("GET", says(answer).url, {}, b"")
        except Fault as caught:
            found = caught.name
        assert found == expected

    @pytest.mark.parametrize("name", TOO_LARGE)
    def test_without_end_is_not_read_to_the_end(
        self, says: Callable[..., Raw], wire: Callable[..., Wire], transport: str, name: str
    ) -> None:
        """At most 1 MiB is read of any answer."""
        with pytest.raises(Fault) as caught:
            wire().send("GET", says(TOO_LARGE[name]).url, {}, b"")
        assert caught.value.name in ("too large", "not HTTP")

    @pytest.mark.parametrize("how", ["closed", "reset"])
    @pytest.mark.parametrize("framing", ["length", "chunked"])
    def test_that_breaks_off_at_any_byte_is_no_answer(
        self,
        says: Callable[..., Raw],
        wire: Callable[..., Wire],
        transport: str,
        framing: str,
        how: str,
    ) -> None:
        """http.client may make an empty one of half a head, and asks for no end after the last
        chunk.
        """
        whole = UNDERSTOOD[framing]
        cuts = iter(range(len(whole)))

        def answer(stream: Any) -> None:
            stream.sendall(whole[: next(cuts)])
            if how == "reset":
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        server = says(answer)
        for cut in range(len(whole)):
            if transport == "directly":
                with pytest.raises(Fault, match="dropped"):
                    wire().send("GET", server.url, {}, b"")
                continue
            try:
                found = wire().send("GET", server.url, {}, b"")
            except Fault:
                continue
            assert found.body == b"" or (found.body == BODY and b"\r\n0" in whole[:cut]), cut

    def test_that_breaks_off_is_no_shorter_answer(
        self, says: Callable[..., Raw], wire: Callable[..., Wire], transport: str
    ) -> None:
        """Where closing is the end, a reset is none."""

        def answer(stream: Any) -> None:
            stream.sendall(UNDERSTOOD["closed at the end"][:-5])
            time.sleep(0.1)  # a reset takes with it what was not read yet
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        with pytest.raises(Fault) as caught:
            wire().send("GET", says(answer).url, {}, b"")
        assert caught.value.name == "dropped"

    def test_nothing_with_a_line_break_in_it_is_ever_sent(
        self, says: Callable[..., Raw], wire: Callable[..., Wire], transport: str
    ) -> None:
        server = says(UNDERSTOOD["length"])
        for url, headers in (
            (server.url, {"Authorization": "a\r\nX: b"}),
            (server.url + "x\ny", {}),
            (server.url + "x y", {}),
            (server.url + "x\u00a0y", {}),
            (server.url, {"a\n": "b"}),
            (server.url, {"a b": "c"}),
            (server.url, {"a": "\u2028"}),
        ):
            with pytest.raises(Fault) as caught:
                wire().send("GET", url, headers, b"")
            assert caught.value.name == "not sent"
        assert not server.requests


def _bytes(text: bytes) -> list[bytes]:
    return [text[i : i + 1] for i in range(len(text))]


class TestTls:
    @pytest.mark.parametrize(
        ("options", "fault"),
        [
            ({}, None),
            ({"names": ("sts.wrong.example",)}, "host name"),
            ({"expired": True}, "expired certificate"),
            ({"not_yet": True}, "certificate not yet valid"),
        ],
    )
    def test_a_certificate_is_told_by_what_is_wrong_with_it(
        self,
        says: Callable[..., Raw],
        wire: Callable[..., Wire],
        authority: Authority,
        transport: str,
        options: dict[str, Any],
        fault: str | None,
    ) -> None:
        """Both transports alike."""
        names = options.pop("names", ()) if "names" in options else ()
        server = says(UNDERSTOOD["length"], authority.context(*names, **options))
        options["names"] = names  # parametrized values are shared
        if not names:
            del options["names"]
        found = wire(ca_bundle=str(authority.bundle))
        if fault is None:
            assert found.send("GET", server.url, {}, b"").body == BODY
            return
        with pytest.raises(Fault) as caught:
            found.send("GET", server.url, {}, b"")
        assert caught.value.name == fault
        assert not server.requests

    def test_nobody_is_trusted_whom_nobody_knows(
        self,
        says: Callable[..., Raw],
        wire: Callable[..., Wire],
        authority: Authority,
        transport: str,
    ) -> None:
        server = says(UNDERSTOOD["length"], authority.context())
        with pytest.raises(Fault) as caught:
            wire().send("GET", server.url, {}, b"")
        assert caught.value.name == "untrusted"

    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_an_authority_can_be_named_by_a_variable(
        self,
        says: Callable[..., Raw],
        wire: Callable[..., Wire],
        authority: Authority,
        transport: str,
        variable: str,
    ) -> None:
        server = says(UNDERSTOOD["length"], authority.context())
        found = wire(**{variable: str(authority.bundle)})
        assert found.send("GET", server.url, {}, b"").body == BODY

    def test_a_certificate_for_anything_is_for_nothing(
        self,
        says: Callable[..., Raw],
        wire: Callable[..., Wire],
        authority: Authority,
        transport: str,
    ) -> None:
        server = says(UNDERSTOOD["length"], authority.context_for_anything())
        with pytest.raises(Fault) as caught:
            wire(ca_bundle=str(authority.bundle)).send("GET", server.url, {}, b"")
        assert caught.value.name == "host name"


class TestWaiting:
    def test_for_an_answer_is_bounded(
        self, says: Callable[..., Raw], wire: Callable[..., Wire], transport: str
    ) -> None:
        server = says(lambda _: time.sleep(3))
        with pytest.raises(Fault) as caught:
            wire().send("GET", server.url, {}, b"", answer_seconds=0.2)
        assert caught.value.name == "read timeout"

    def test_small_packets_are_not_held_back(
        self, says: Callable[..., Raw], wire: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nagle's algorithm would wait for an acknowledgement between handshake and request."""
        options: list[int] = []

        class Watched(exchange._Socket):
            def close(self) -> None:
                options.append(self.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                super().close()

        monkeypatch.setattr(exchange, "_Socket", Watched)
        wire().send("GET", says(UNDERSTOOD["length"]).url, {}, b"")
        assert options == [1]
