"""Which proxy a request goes to: as botocore decides, that is as Python's urllib.request does."""

import urllib.parse
import urllib.request
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_role_exec.errors import UsageError
from aws_role_exec.network.wire import Wire, find_proxy

NAMES = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
ENTRIES = st.sampled_from(
    ["*", "example.org", ".example.org", "sts.example.org", "example.org:8443", "rg", "127.0.0.1",
     " EXAMPLE.org ", "", "localhost", "sts.example.org:443", "::1", "org"]
)  # fmt: skip


class TestFindProxy:
    @given(
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["", "http://p:1", "http://q:2"])),
        st.lists(ENTRIES, max_size=3),
        st.sampled_from(["no_proxy", "NO_PROXY"]),
        st.sampled_from(
            ["https://sts.example.org", "http://sts.example.org:8443/x", "http://127.0.0.1:80",
             "https://example.org:8443", "http://localhost", "https://STS.Example.ORG/"]
        ),
    )  # fmt: skip
    def test_is_pythons_choice(
        self, environ: dict[str, str], entries: list[str], no_proxy: str, url: str
    ) -> None:
        environ = {**environ, no_proxy: ",".join(entries)}
        with pytest.MonkeyPatch.context() as patch:
            for name in (*NAMES, "no_proxy", "NO_PROXY", "REQUEST_METHOD"):
                patch.delenv(name, raising=False)
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
        ],
    )
    def test_a_variable_that_holds_no_address_is_named(self, value: str) -> None:
        """And no password of it is shown."""
        value = value.replace("//h", "//user:pass-word@h")
        with pytest.raises(UsageError, match="HTTPS_PROXY") as caught:
            find_proxy("https://sts.example.org", {"HTTPS_PROXY": value})
        assert "pass-word" not in f"{caught.value} {caught.value.hint}"

    def test_is_not_asked_where_that_is_out_of_the_question(
        self, says: Callable[..., object], wire: Callable[..., Wire]
    ) -> None:
        """Instance metadata and container credentials are of this machine."""
        server = says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        found = wire(HTTP_PROXY="http://127.0.0.1:9")
        assert found.send("GET", server.url, {}, b"", proxied=False).body == b"ok"  # type: ignore[attr-defined]
