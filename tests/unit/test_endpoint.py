"""STS is asked where botocore would ask it."""

from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import botocore.exceptions
import botocore.session
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

from aws_role_exec.configuration import by_botocore
from aws_role_exec.errors import Doubt, UsageError
from aws_role_exec.sts.endpoint import Endpoint, check_url, resolve

SESSION = botocore.session.Session()
PARTITIONS: Any = SESSION.get_component("data_loader").load_data("partitions")
REGIONS = [region for partition in PARTITIONS["partitions"] for region in partition["regions"]]
KEYS: Any = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "none"}


class Sent(Exception):  # noqa: N818 - what happened, and no error
    """Raised in place of sending, with the request."""


def ask_botocore(region: str, url: str | None = None, **settings: Any) -> Endpoint:
    """Return where botocore's client sends a request, and for what it signs it."""
    config = Config(retries={"total_max_attempts": 1}, **settings)
    client: Any = SESSION.create_client(
        "sts", region_name=region, endpoint_url=url, config=config, **KEYS
    )

    def stop(request: Any, **_: object) -> None:
        raise Sent(request)

    client.meta.events.register("before-send.sts", stop)
    with pytest.raises(Sent) as caught:
        client.get_caller_identity()
    request = caught.value.args[0]
    scope = request.headers["Authorization"].decode().split("Credential=")[1].split("/")
    auth: Any = botocore.auth
    signer = auth.SigV4Auth(Credentials("a", "b"), "sts", region)
    path = signer._normalize_url_path(urlsplit(request.url).path)
    return Endpoint(request.url, auth._host_from_url(request.url), path, scope[2])


class TestEveryRegion:
    @pytest.mark.parametrize("is_fips", [False, True])
    @pytest.mark.parametrize("is_dual_stack", [False, True])
    def test_is_asked_where_botocore_asks(self, is_dual_stack: bool, is_fips: bool) -> None:
        """Or handled by botocore: the pseudo-regions, and where it knows no dual stack."""
        left = []
        for region in REGIONS:
            try:
                found = resolve(region, None, is_fips, is_dual_stack, False)
            except Doubt:
                left.append(region)
                continue
            settings: Any = {"use_fips_endpoint": is_fips, "use_dualstack_endpoint": is_dual_stack}
            assert found == ask_botocore(region, **settings)
        assert len(REGIONS) > 50
        isolated = ["eu-isoe-west-1", "us-isof-east-1", "us-isof-south-1"] if is_dual_stack else []
        assert [region for region in left if not region.endswith("-global")] == isolated

    def test_of_old_is_asked_at_the_global_endpoint_for_those_who_want_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
        old = 0
        for region in REGIONS:
            if not region.endswith("-global"):
                found = resolve(region, None, False, False, True)
                assert found == ask_botocore(region)
                old += found.host == "sts.amazonaws.com"
        assert old == 15

    @pytest.mark.parametrize(
        "region", ["aws-global", "moon-1", "us-east1", "us-east-1a", "mars-a-b-1"]
    )
    def test_of_another_form_is_left_to_botocore(self, region: str) -> None:
        with pytest.raises(Doubt):
            resolve(region, None, False, False, False)
        try:
            expected = ask_botocore(region)
        except botocore.exceptions.BotoCoreError:
            with pytest.raises(UsageError, match="--region"):
                by_botocore.resolve(region, False, False, False)
        else:
            assert by_botocore.resolve(region, False, False, False) == expected

    @pytest.mark.parametrize("region", ["fips-us-east-1", "us-west-2-fips", "fips-us-gov-west-1"])
    def test_of_old_with_fips_in_its_name_is_asked_where_botocore_asks(self, region: str) -> None:
        assert resolve(region, None, False, False, True) == ask_botocore(region)

    def test_without_dual_stack_is_refused_in_botocores_words(self) -> None:
        with pytest.raises(UsageError, match="dualstack"):
            by_botocore.resolve("us-isof-east-1", False, True, False)


class TestAnOverride:
    @pytest.mark.parametrize(
        "url",
        [
            *("http://127.0.0.1:4566", "http://localhost", "http://LOCALHOST:8080", "HTTP://h:1"),
            *("https://sts.example.com:443", "http://h:80", "https://h:80", "http://h:443/"),
            *(
                "http://[::1]:4566",
                "http://[FE80::1]",
                "http://h:",
                "http://h:0080",
                "https://a.b.",
            ),
            *("http://h/a", "http://h/a/", "http://h//a//b/", "http://h/A-b_c~d.e", "http://1.2"),
        ],
    )
    def test_is_asked_and_signed_as_by_botocore(self, url: str) -> None:
        expected = ask_botocore("eu-west-1", url)
        found = resolve("eu-west-1", check_url(url), False, False, False)
        assert (found.host, found.path) == (expected.host, expected.path)
        assert found.signing_region == expected.signing_region
        ours, theirs = urlsplit(found.url), urlsplit(expected.url)
        assert (ours.scheme, ours.hostname, ours.path) == (
            theirs.scheme,
            theirs.hostname,
            theirs.path,
        )
        default = {"http": 80, "https": 443}[ours.scheme]
        assert (ours.port or default) == (theirs.port or default)

    @pytest.mark.parametrize(
        "url",
        [
            *("localhost:4566", "localhost", "//h", "/x", "http:/h", "http://", "http:///x", "x"),
            *(" http://h:1 ", "http://h:1\n", "http://h h", "\thttp://h", "http://h\x7f"),
            *("http://h:99999", "http://h:abc", "http://h:-1", "http://h:1:2", "http://h:٣"),
            *("http://[::1", "http://[]", "http://[x]", "http://[1.2.3.4]", "http://[::1]x"),
            *("http://::1", "ftp://h", "file:///x", "htp://h", "socks5://h", "http://a_b"),
            *("http://-a", "http://a-", "http://a..b", "http://.a", "http://" + "a" * 64),
            *("http://h/?x", "http://h#x", "http://h\\x", "http://h/a%20b", "http://h/../x"),
            *("http://${HOST}", "http://é", "http://" + "a." * 130),
        ],
    )
    def test_that_is_none_is_refused_without_showing_it(self, url: str) -> None:
        with pytest.raises(UsageError) as caught:
            check_url(url)
        assert url.strip() not in str(caught.value)

    def test_with_a_password_is_asked_without_it(self) -> None:
        assert check_url("http://user:p@ss@h:9/") == "http://h:9/"

    @pytest.mark.parametrize("region", ["eu-west-1", "fips-us-east-1", "us-gov-west-1"])
    def test_counts_before_fips_and_dual_stack(self, region: str) -> None:
        for is_fips, is_dual_stack in ((True, False), (False, True), (True, True)):
            settings: Any = {"use_fips_endpoint": is_fips, "use_dualstack_endpoint": is_dual_stack}
            found = resolve(region, "http://h/", is_fips, is_dual_stack, True)
            assert found == ask_botocore(region, "http://h/", **settings)
