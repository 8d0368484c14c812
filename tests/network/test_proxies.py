"""Which proxy a request goes to: as botocore decides, that is as Python's urllib.request does."""

import os
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from aws_role_exec.errors import Fault, UsageError
from aws_role_exec.network import trust
from aws_role_exec.network.wire import Wire, find_proxy
from network.conftest import Raw
from network.test_answers import BODY, UNDERSTOOD
from servers.certificates import Authority
from servers.proxy import Proxy

NAMES = [
    "http_proxy", "HTTP_PROXY", "Http_Proxy", "https_proxy", "HTTPS_PROXY", "HttpS_proxy",
    "all_proxy", "ALL_PROXY", "REQUEST_METHOD", "xhttps_proxy",
]  # fmt: skip
ENTRIES = st.sampled_from(
    ["*", "example.org", ".example.org", "sts.example.org", "example.org:8443", "rg", "127.0.0.1",
     " EXAMPLE.org ", "", "localhost", "sts.example.org:443", "::1", "org",
     ".", "..org", " * ", "[::1]", "[::1]:80"]
)  # fmt: skip


class TestFindProxy:
    @given(
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["", "http://p:1", "http://q:2"])),
        st.lists(ENTRIES, max_size=3),
        st.sampled_from(["no_proxy", "NO_PROXY", "No_proxy"]),
        st.sampled_from([{}, {"no_proxy": ""}, {"NO_PROXY": "org"}, {"no_proxy": "*"}]),
        st.sampled_from(
            ["https://sts.example.org", "http://sts.example.org:8443/x", "http://127.0.0.1:80",
             "https://example.org:8443", "http://localhost", "https://STS.Example.ORG/",
             "http://[::1]/", "https://[::1]:8443/", "http://[::1]:80/", "http://example.org."]
        ),
    )  # fmt: skip
    @settings(max_examples=1000)
    def test_is_pythons_choice(
        self,
        environ: dict[str, str],
        entries: list[str],
        no_proxy: str,
        more: dict[str, str],
        url: str,
    ) -> None:
        environ = {**environ, no_proxy: ",".join(entries), **more}
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
                patch.delenv(name)
            patch.delenv("REQUEST_METHOD", raising=False)
            for name, value in environ.items():
                patch.setenv(name, value)
            bypassed = urllib.request.proxy_bypass(urllib.parse.urlsplit(url).netloc)
            theirs = urllib.request.getproxies().get(url.partition(":")[0])
        assert find_proxy(url, environ) == (None if bypassed else theirs or None)

    @pytest.mark.parametrize(
        "value",
        [
            "http://h:abc",
            " http://h:1 ",
            "http://",
            "socks5://h:1",
            "http://h:99999",
            "http://h\n:1",
            "http://h:0",
            "http:h:1",
            "h:1:2",
            "http://h\u00e4:1",
        ],
    )
    def test_a_variable_that_holds_no_address_is_named(self, value: str) -> None:
        """And no password of it is shown."""
        value = value.replace("//h", "//user:pass-word@h")
        with pytest.raises(UsageError, match="HTTPS_PROXY") as caught:
            find_proxy("https://sts.example.org", {"HTTPS_PROXY": value})
        assert "pass-word" not in f"{caught.value} {caught.value.hint}"

    @pytest.mark.parametrize(
        "value", ["http://user:h%C3%A4sh-hush@h:1", "http://us\u00e9rhush@h:1"]
    )
    def test_a_password_that_cannot_be_carried_is_refused(self, value: str) -> None:
        with pytest.raises(UsageError, match="HTTPS_PROXY: only ASCII") as caught:
            find_proxy("https://sts.example.org", {"HTTPS_PROXY": value})
        assert "hush" not in f"{caught.value} {caught.value.hint}"

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("h", "http://h"),
            ("h:1", "http://h:1"),
            ("//h:1", "http://h:1"),
            ("HTTP://h:1/", "http://h:1/"),
            ("https://user:pass@[::1]:3128", "https://user:pass@[::1]:3128"),
        ],
    )
    def test_an_address_may_be_written_as_botocore_takes_it(
        self, value: str, expected: str
    ) -> None:
        assert find_proxy("https://sts.example.org", {"HTTPS_PROXY": value}) == expected

    @given(st.text(st.sampled_from("hH:/@.[]%1a \n\u00e4?#-_"), max_size=12))
    def test_what_is_taken_for_an_address_is_one_to_botocore(self, value: str) -> None:
        try:
            found = find_proxy("https://sts.example.org", {"HTTPS_PROXY": f"http://{value}"})
        except UsageError:
            return
        assert parse_url(found or "http://h").host

    def test_is_not_asked_where_that_is_out_of_the_question(
        self, says: Callable[..., object], wire: Callable[..., Wire]
    ) -> None:
        """Instance metadata and container credentials are of this machine."""
        server = says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        found = wire(HTTP_PROXY="http://127.0.0.1:9")
        assert found.send("GET", server.url, {}, b"", proxied=False).body == b"ok"  # type: ignore[attr-defined]


class TestThroughAProxy:
    """Real ones, on this machine."""

    def test_the_answer_comes_through(
        self,
        says: Callable[..., Raw],
        wire: Callable[..., Wire],
        authority: Authority,
        scheme: str,
    ) -> None:
        server = says(UNDERSTOOD["chunked"], authority.context() if scheme == "https" else None)
        with Proxy(_Target(server), password="user:pass-word") as proxy:
            address = f"http://user:pass-word@127.0.0.1:{proxy.port}"
            found = wire(ca_bundle=str(authority.bundle), **{f"{scheme}_proxy": address})
            answer = found.send("POST", f"{scheme}://sts.amazonaws.com/", {"x-a": "b"}, b"body")
        assert (answer.status, answer.body) == (200, BODY)
        assert len(proxy.asked) == len(server.requests) == 1

    @pytest.mark.parametrize("password", ["", "user:wrong-word@"])
    def test_that_wants_another_password_is_asked_once(
        self, says: Callable[..., Raw], wire: Callable[..., Wire], scheme: str, password: str
    ) -> None:
        """And the password is not in the error."""
        with Proxy(_Target(says(UNDERSTOOD["length"])), password="user:pass-word") as proxy:
            address = f"http://{password}127.0.0.1:{proxy.port}"
            fault = _fault(wire(**{f"{scheme}_proxy": address}), scheme)
            assert fault.name == "proxy 407"
            assert len(proxy.asked) == 1
        assert "word" not in f"{fault!r} {fault.detail} {fault.__cause__!r}"

    @pytest.mark.parametrize(
        ("words", "detail"),
        [
            (
                b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
                ", to sts.amazonaws.com: HTTP 403 Forbidden",
            ),
            (
                b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>",
                ", to sts.amazonaws.com: HTTP 502 Bad Gateway",
            ),
            (b"<html>\r\n\r\n", ": its response is not HTTP"),
            (b"", ", to sts.amazonaws.com: it closed the connection"),
        ],
    )
    def test_that_does_not_lead_anywhere_says_why(
        self,
        wire: Callable[..., Wire],
        blurts: Callable[[bytes], str],
        words: bytes,
        detail: str,
    ) -> None:
        proxy = blurts(words)
        fault = _fault(wire(HTTPS_PROXY=f"http://user:hush-hush@{proxy}"), "https")
        assert (fault.name, fault.detail) == ("proxy", proxy + detail)

    def test_that_is_not_there_says_why(
        self, wire: Callable[..., Wire], scheme: str, closed: str
    ) -> None:
        fault = _fault(wire(**{f"{scheme}_proxy": f"http://{closed}"}), scheme)
        assert (fault.name, fault.detail) == ("proxy", f"{closed}: Connection refused")

    def test_that_takes_no_connection_says_why(
        self, wire: Callable[..., Wire], scheme: str, full: str
    ) -> None:
        found = wire(**{f"{scheme}_proxy": f"http://{full}"})
        fault = _fault(found, scheme, connect_seconds=0.3)
        assert (fault.name, fault.detail) == ("proxy", f"{full}: connecting timed out")

    def test_that_never_answers_says_so(
        self, wire: Callable[..., Wire], says: Callable[..., Raw]
    ) -> None:
        proxy = says(lambda _: time.sleep(2))
        fault = _fault(wire(HTTPS_PROXY=proxy.url), "https", connect_seconds=0.3)
        place = proxy.url.split("/")[2]
        assert (fault.name, fault.detail) == (
            "proxy",
            f"{place}, to sts.amazonaws.com: no response",
        )

    @pytest.mark.parametrize("setting", ["ca_bundle", "SSL_CERT_DIR"])
    def test_a_directory_of_authorities_counts_there_too(
        self,
        says: Callable[..., Raw],
        wire: Callable[..., Wire],
        authority: Authority,
        hashed: Path,
        setting: str,
    ) -> None:
        server = says(UNDERSTOOD["length"], authority.context())
        with Proxy(_Target(server)) as proxy:
            options = {setting: str(hashed), "https_proxy": proxy.url}
            answer = wire(**options).send("GET", "https://sts.amazonaws.com/", {}, b"")
        assert answer.body == BODY

    def test_the_systems_file_counts_beside_its_directory(
        self,
        says: Callable[..., Raw],
        wire: Callable[..., Wire],
        authority: Authority,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        transport: str,
    ) -> None:
        """Directly and through botocore: a container's administrator replaced the file alone."""
        (tmp_path / "00000000.0").write_text("")
        monkeypatch.setattr(trust, "HASHED_DIRECTORIES", (str(tmp_path),))
        monkeypatch.setattr(trust, "SYSTEM_STORES", (str(authority.bundle),))
        server = says(UNDERSTOOD["length"], authority.context())
        assert wire().send("GET", server.url, {}, b"").body == BODY

    def test_that_is_spoken_to_over_tls_is_verified(
        self, says: Callable[..., Raw], wire: Callable[..., Wire], authority: Authority, scheme: str
    ) -> None:
        """It would get the proxy's password."""
        proxy = says(UNDERSTOOD["length"], authority.context("other.example"))
        found = wire(ca_bundle=str(authority.bundle), **{f"{scheme}_proxy": proxy.url})
        fault = _fault(found, scheme)
        assert (fault.name, fault.detail) == ("proxy", f"{proxy.url.split('/')[2]}: host name")
        assert not proxy.requests


class _Target:
    """What a proxy leads to."""

    def __init__(self, server: Raw) -> None:
        self.port = int(server.url.rpartition(":")[2].strip("/"))


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def hashed(authority: Authority, tmp_path: Path) -> Path:
    """A directory as openssl-rehash(1) makes it."""
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(authority.bundle)]
    number = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / f"{number}.0").symlink_to(authority.bundle)
    return tmp_path


def _fault(found: Wire, scheme: str, **options: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        found.send("POST", f"{scheme}://sts.amazonaws.com/", {}, b"", **options)
    return caught.value
