"""Whatever goes wrong on the way has one name, whichever transport meets it."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aws_role_exec.errors import Fault
from aws_role_exec.network import exchange
from aws_role_exec.network.deadline import Deadline
from aws_role_exec.network.wire import Wire
from network.conftest import Raw
from network.test_answers import UNDERSTOOD
from servers.certificates import Authority

ALERT = b"\x15\x03\x01\x00\x02\x02\x28"  # of TLS: handshake failure


def _fault(wire: Wire, url: str, **options: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        wire.send("GET", url, {}, b"", **options)
    return caught.value


class TestOnTheWay:
    def test_a_host_name_that_nobody_knows(
        self, wire: Callable[..., Wire], transport: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unknown(*_: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        monkeypatch.setattr("_socket.getaddrinfo", unknown)
        fault = _fault(wire(), "http://sts.example/")
        assert (fault.name, fault.detail) == (
            "no such host",
            "sts.example: Name or service not known",
        )

    def test_a_port_where_nobody_listens(
        self, wire: Callable[..., Wire], transport: str, closed: str
    ) -> None:
        fault = _fault(wire(), f"http://{closed}/")
        assert (fault.name, fault.detail) == ("unreachable", f"{closed}: Connection refused")

    def test_a_server_that_takes_no_connection(
        self, wire: Callable[..., Wire], transport: str, full: str
    ) -> None:
        assert _fault(wire(), f"http://{full}/", connect_seconds=0.3).name == "connect timeout"

    @pytest.mark.parametrize(
        ("words", "name"),
        [
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not TLS"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "not TLS"),
            (ALERT, "TLS"),
            (b"", "dropped"),
        ],
    )
    def test_a_port_that_speaks_something_else_than_tls(
        self,
        wire: Callable[..., Wire],
        transport: str,
        blurts: Callable[[bytes], str],
        authority: Authority,
        words: bytes,
        name: str,
    ) -> None:
        found = wire(ca_bundle=str(authority.bundle))
        assert _fault(found, f"https://{blurts(words)}/").name == name

    @pytest.mark.parametrize("content", [None, "", "no PEM\n"])
    def test_authorities_that_are_none(
        self,
        wire: Callable[..., Wire],
        transport: str,
        says: Callable[..., Raw],
        authority: Authority,
        tmp_path: Path,
        content: str | None,
    ) -> None:
        """The file that was named is told."""
        bundle = tmp_path / "mine.pem"
        if content is not None:
            bundle.write_text(content)
        server = says(UNDERSTOOD["length"], authority.context())
        fault = _fault(wire(ca_bundle=str(bundle)), server.url)
        assert (fault.name, fault.detail) == ("no authorities", str(bundle))

    def test_words_in_an_address_are_no_reason(
        self, wire: Callable[..., Wire], transport: str, closed: str
    ) -> None:
        """A fault is told by what happened, not by what stands in the URL."""
        for words in ("407", "certificate-expired", "wrong_version_number", "timed-out"):
            assert _fault(wire(), f"http://{closed}/{words}").name == "unreachable"


class TestAddresses:
    def test_a_literal_of_ipv6_is_asked(
        self, wire: Callable[..., Wire], says: Callable[..., Raw], transport: str
    ) -> None:
        try:
            server = says(UNDERSTOOD["length"], host="::1")
        except OSError:
            pytest.skip("no IPv6 here")
        assert wire().send("GET", server.url, {}, b"").status == 200
        port = server.url.rpartition(":")[2].strip("/")
        assert f"\r\nhost: [::1]:{port}\r\n" in server.requests[0].decode().lower()

    def test_the_next_address_is_asked_where_one_cannot_be(
        self, wire: Callable[..., Wire], says: Callable[..., Raw], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A kernel without IPv6, or a route that is missing for one of a host's addresses."""
        server = says(UNDERSTOOD["length"])
        port = int(server.url.rpartition(":")[2].strip("/"))
        found = [(family, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for family in (99, 2)]
        found[1:1] = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))]
        monkeypatch.setattr(Deadline, "resolve", lambda *_: found)
        assert wire().send("GET", f"http://sts.example:{port}/", {}, b"").status == 200

    def test_host_names_are_sent_in_small_letters(
        self, wire: Callable[..., Wire], says: Callable[..., Raw], transport: str
    ) -> None:
        """As they are signed."""
        server = says(UNDERSTOOD["length"])
        port = server.url.rpartition(":")[2].strip("/")
        assert wire().send("GET", f"http://LocalHost:{port}", {}, b"").status == 200
        assert f"\r\nhost: localhost:{port}\r\n" in server.requests[0].decode().lower()
        assert "LocalHost" not in server.requests[0].decode()

    def test_the_schemes_own_port_is_not_told(self) -> None:
        place = exchange.address.parse("HTTPS://STS.example:443")
        assert (place.authority, place.target, place.port) == ("sts.example", "/", 443)
