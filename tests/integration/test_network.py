"""Over TLS, through proxies, to the right endpoint in the right region."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import ROLE, WHOAMI, Runner, wait_for
from servers.certificates import Authority
from servers.moto import Moto
from servers.proxy import Proxy
from servers.sts import Sts

Env = dict[str, str | bytes | None]


@pytest.mark.usefixtures("both_transports")
class TestTls:
    def test_with_a_ca_of_ones_own(self, run: Runner, moto_tls: Moto, authority: Authority) -> None:
        """AWS_CA_BUNDLE is obeyed, and stays for the command, whose SDK needs it too."""
        env = {"AWS_ENDPOINT_URL_STS": moto_tls.url, "AWS_CA_BUNDLE": str(authority.bundle)}
        result = run.assume("--session-name", "me", "--", *WHOAMI, env=env).ok()
        assert result.out.strip() == "arn:aws:sts::123456789012:assumed-role/my-role/me"

    def test_with_the_systems_trust_store(
        self,
        run: Runner,
        sts_servers: Callable[..., Sts],
        authority: Authority,
        needs: Callable[..., str],
    ) -> None:
        """An authority that the administrator installed needs no setting."""
        store = "/etc/ssl/certs/ca-certificates.crt"
        if os.geteuid() != 0 or not os.path.exists(store):
            pytest.skip(f"SKIPPED: needs root and {store}")
        server = sts_servers(authority.context())
        # In a mount namespace of its own, so that no other process sees the change.
        script = 'mount --bind "$0" "$1" && shift && exec "$@"'
        prefix = (needs("unshare", "util-linux"), "--mount", "sh", "-c", script)
        run.assume(
            "--",
            "true",
            prefix=(*prefix, str(authority.bundle), store),
            env={"AWS_ENDPOINT_URL_STS": server.url},
        ).ok()
        assert len(server.asked) == 1

    def test_with_openssls_own_variable(
        self, run: Runner, sts_servers: Callable[..., Sts], authority: Authority
    ) -> None:
        """SSL_CERT_FILE, as for every program that uses OpenSSL."""
        server = sts_servers(authority.context())
        env = {"AWS_ENDPOINT_URL_STS": server.url, "SSL_CERT_FILE": str(authority.bundle)}
        run.assume("--", "true", env=env).ok()

    def test_with_a_ca_bundle_in_the_profile(
        self, run: Runner, sts_servers: Callable[..., Sts], authority: Authority
    ) -> None:
        """`ca_bundle` in ~/.aws/config."""
        (run.home / ".aws").mkdir()
        (run.home / ".aws" / "config").write_text(f"[default]\nca_bundle = {authority.bundle}\n")
        server = sts_servers(authority.context())
        run.assume("--", "true", env={"AWS_ENDPOINT_URL_STS": server.url}).ok()
        assert len(server.asked) == 1

    @pytest.mark.parametrize("kind", ["unknown authority", "wrong host", "expired"])
    def test_refuses_what_it_cannot_verify(
        self, run: Runner, sts_servers: Callable[..., Sts], authority: Authority, kind: str
    ) -> None:
        """No request, no signature leaves for a server that is not STS; the hint says why."""
        context = {
            "unknown authority": authority.context,
            "wrong host": lambda: authority.context("sts.wrong.example"),
            "expired": lambda: authority.context(expired=True),
        }[kind]()
        server = sts_servers(context)
        env: Env = {"AWS_ENDPOINT_URL_STS": server.url}
        if kind != "unknown authority":
            env["AWS_CA_BUNDLE"] = str(authority.bundle)
        result = run.assume("--sts-timeout", "20s", "--", "true", env=env)
        failure = result.failure(125)
        assert "certificate" in failure.text
        assert failure.hint
        assert not server.asked
        # The system's authorities are looked up by name, then all of them read.
        at_most = 2 if kind == "unknown authority" else 1
        assert server.accepted <= at_most, "a certificate does not get better by waiting"

    @pytest.mark.parametrize("content", [None, "", "not a certificate"])
    def test_a_ca_bundle_that_is_none_is_named(
        self,
        run: Runner,
        sts_servers: Callable[..., Sts],
        authority: Authority,
        tmp_path: Path,
        content: str | None,
    ) -> None:
        """A typo in AWS_CA_BUNDLE is an error, not a fall back to no verification."""
        bundle = tmp_path / "bundle.pem"
        if content is not None:
            bundle.write_text(content)
        server = sts_servers(authority.context())
        env = {"AWS_ENDPOINT_URL_STS": server.url, "AWS_CA_BUNDLE": str(bundle)}
        result = run.assume("--sts-timeout", "10s", "--", "true", env=env)
        assert result.code in (2, 125)
        assert "bundle.pem" in result.failure(result.code).text
        assert not server.asked

    def test_a_server_that_speaks_no_tls(self, run: Runner, sts: Sts) -> None:
        """https:// to an http port is a failure in words."""
        env = {"AWS_ENDPOINT_URL_STS": sts.url.replace("http:", "https:")}
        run.assume("--sts-timeout", "3s", "--", "true", env=env).failure(125)

    def test_without_tls_where_tls_is_spoken(
        self, run: Runner, sts_servers: Callable[..., Sts], authority: Authority
    ) -> None:
        """And the other way round."""
        server = sts_servers(authority.context())
        env = {"AWS_ENDPOINT_URL_STS": server.url.replace("https:", "http:")}
        run.assume("--sts-timeout", "3s", "--", "true", env=env).failure(125)


class TestEndpoints:
    """Without an endpoint of ours: a proxy sees where the program wants to go."""

    @pytest.mark.parametrize(
        ("role", "env", "options", "host", "region"),
        [
            (ROLE, {}, (), "sts.amazonaws.com|sts.us-east-1.amazonaws.com", "us-east-1"),
            (ROLE, {}, ("--region", "eu-west-1"), "sts.eu-west-1.amazonaws.com", "eu-west-1"),
            (
                ROLE,
                {"AWS_DEFAULT_REGION": "eu-west-1"},
                (),
                "sts.eu-west-1.amazonaws.com",
                "eu-west-1",
            ),
            (ROLE, {"AWS_REGION": "eu-west-1"}, (), "sts.eu-west-1.amazonaws.com", "eu-west-1"),
            (
                ROLE.replace("aws:", "aws-cn:"),
                {},
                (),
                "sts.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
            ),
            (
                ROLE.replace("aws:", "aws-us-gov:"),
                {},
                (),
                "sts.us-gov-west-1.amazonaws.com|sts.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
            ),
            (
                ROLE,
                {"AWS_USE_FIPS_ENDPOINT": "true"},
                ("--region", "us-east-1"),
                "sts-fips.us-east-1.amazonaws.com",
                "us-east-1",
            ),
            (
                ROLE,
                {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
                ("--region", "eu-west-1"),
                "sts.eu-west-1.api.aws",
                "eu-west-1",
            ),
        ],
        ids=[
            "default", "--region", "AWS_DEFAULT_REGION", "AWS_REGION", "China", "GovCloud",
            "FIPS", "dual stack",
        ],
    )  # fmt: skip
    def test_are_aws_own(
        self,
        run: Runner,
        sts_servers: Callable[..., Sts],
        authority: Authority,
        role: str,
        env: Env,
        options: tuple[str, ...],
        host: str,
        region: str,
    ) -> None:
        """Regional STS, FIPS, dual stack and partitions as in botocore, over verified TLS."""
        target = sts_servers(authority.context())
        with Proxy(target) as proxy:
            run(
                "--role-arn", role, *options, "--", "true",
                env={
                    "AWS_ENDPOINT_URL_STS": None,
                    "HTTPS_PROXY": proxy.url,
                    "AWS_CA_BUNDLE": str(authority.bundle),
                    **env,
                },
            ).ok()  # fmt: skip
            (asked,) = proxy.asked
        assert asked in [f"CONNECT {name}:443" for name in host.split("|")]
        assert target.asked[0].region == region

    def test_from_aws_endpoint_url(self, run: Runner, sts: Sts) -> None:
        """The global override."""
        run.assume(
            "--", "true", env={"AWS_ENDPOINT_URL_STS": None, "AWS_ENDPOINT_URL": sts.url}
        ).ok()
        assert len(sts.asked) == 1

    def test_the_services_own_override_wins(self, run: Runner, sts: Sts) -> None:
        """AWS_ENDPOINT_URL_STS over AWS_ENDPOINT_URL; the command keeps both."""
        seen = run.become(env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
        assert len(sts.asked) == 1
        assert seen.env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
        assert seen.env["AWS_ENDPOINT_URL_STS"] == sts.url

    @pytest.mark.parametrize(
        "config",
        [
            "[default]\nendpoint_url = {}\n",
            "[default]\nservices = here\n[services here]\nsts =\n  endpoint_url = {}\n",
        ],
        ids=["endpoint_url", "services section"],
    )
    def test_from_the_profile(self, run: Runner, sts: Sts, config: str) -> None:
        """`endpoint_url` in ~/.aws/config."""
        (run.home / ".aws").mkdir()
        (run.home / ".aws" / "config").write_text(config.format(sts.url))
        run.assume("--", "true", env={"AWS_ENDPOINT_URL_STS": None}).ok()
        assert len(sts.asked) == 1

    def test_configured_overrides_can_be_ignored(self, run: Runner) -> None:
        """AWS_IGNORE_CONFIGURED_ENDPOINT_URLS as in botocore."""
        with Proxy(Sts()) as proxy:
            env = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "HTTPS_PROXY": proxy.url}
            with run.start("--role-arn", ROLE, "--", "true", env=env):
                wait_for(lambda: proxy.asked)
            assert proxy.asked[0].startswith("CONNECT sts.")

    @pytest.mark.parametrize(
        "url", ["", "not a url", "127.0.0.1:1", "ftp://127.0.0.1", "http://", "http://[::1", "//x"]
    )
    def test_a_wrong_override_is_a_clear_error(self, run: Runner, sts: Sts, url: str) -> None:
        """One line, whatever stands in the variable."""
        env = {"AWS_ENDPOINT_URL_STS": url, "HTTPS_PROXY": "http://127.0.0.1:9"}
        result = run.assume("--sts-timeout", "2s", "--", "true", env=env)
        assert result.code in (2, 125)
        result.failure(result.code)

    def test_with_a_path(self, run: Runner, sts: Sts) -> None:
        """A gateway that serves STS below a path."""
        run.assume("--", "true", env={"AWS_ENDPOINT_URL_STS": sts.url + "/gateway/"}).ok()
        assert sts.asked[0].path.startswith("/gateway")


class TestRegion:
    def test_precedence(self, run: Runner, sts: Sts) -> None:
        """--region, AWS_DEFAULT_REGION, AWS_REGION, the profile's, the partition's."""
        (run.home / ".aws").mkdir()
        (run.home / ".aws" / "config").write_text("[default]\nregion = ap-southeast-2\n")
        env: Env = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "us-west-2"}
        for options, expected in (
            (("--region", "eu-north-1"), "eu-north-1"),
            ((), "eu-west-1"),
        ):
            seen = run.become(*options, env=env)
            assert seen.env["AWS_REGION"] == seen.env["AWS_DEFAULT_REGION"] == expected
        assert run.become(env={"AWS_REGION": "us-west-2"}).env["AWS_REGION"] == "us-west-2"
        assert run.become().env["AWS_REGION"] == "ap-southeast-2"
        (run.home / ".aws" / "config").unlink()
        assert run.become().env["AWS_REGION"] == "us-east-1"
        assert [asked.region for asked in sts.asked] == [
            "eu-north-1", "eu-west-1", "us-west-2", "ap-southeast-2", "us-east-1",
        ]  # fmt: skip

    def test_that_is_new_to_botocore_works(self, run: Runner, sts: Sts) -> None:
        """A region opened after our release."""
        run.assume("--region", "xx-newplace-7", "--", "true").ok()
        assert sts.asked[0].region == "xx-newplace-7"


class TestProxies:
    @pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
    def test_https_goes_through_connect(
        self,
        run: Runner,
        sts_servers: Callable[..., Sts],
        authority: Authority,
        variable: str,
    ) -> None:
        """TLS is end to end: the proxy sees a host name only."""
        target = sts_servers(authority.context())
        with Proxy(target) as proxy:
            env: Env = {
                "AWS_ENDPOINT_URL_STS": None,
                variable: proxy.url,
                "AWS_CA_BUNDLE": str(authority.bundle),
            }
            run.assume("--region", "eu-west-1", "--", "true", env=env).ok()
            assert proxy.asked == ["CONNECT sts.eu-west-1.amazonaws.com:443"]
        assert target.asked[0].signature_valid

    def test_http_goes_through_too(self, run: Runner, sts: Sts) -> None:
        """For an endpoint without TLS."""
        with Proxy(sts) as proxy:
            env = {"AWS_ENDPOINT_URL_STS": "http://sts.internal", "HTTP_PROXY": proxy.url}
            run.assume("--", "true", env=env).ok()
            assert proxy.asked == ["POST http://sts.internal/"]

    def test_what_could_be_reached_directly_goes_through_too(self, run: Runner, sts: Sts) -> None:
        """A proxy that is set is used, for it may be the only thing that is allowed."""
        with Proxy(sts) as proxy:
            run.assume("--", "true", env={"HTTP_PROXY": proxy.url}).ok()
            assert proxy.asked == [f"POST {sts.url}/"]

    def test_no_proxy_is_obeyed(self, run: Runner, sts: Sts) -> None:
        """Hosts in NO_PROXY are asked directly."""
        with Proxy(sts) as proxy:
            run.assume("--", "true", env={"HTTP_PROXY": proxy.url, "NO_PROXY": "127.0.0.1"}).ok()
            assert not proxy.asked

    def test_with_a_password(
        self, run: Runner, sts_servers: Callable[..., Sts], authority: Authority
    ) -> None:
        """user:password@ in the URL is sent to the proxy and shown to nobody."""
        target = sts_servers(authority.context())
        with Proxy(target, password="user:proxy-password") as proxy:
            url = proxy.url.replace("//", "//user:proxy-password@")
            env: Env = {
                "AWS_ENDPOINT_URL_STS": None,
                "HTTPS_PROXY": url,
                "AWS_CA_BUNDLE": str(authority.bundle),
            }
            run.assume("-v", "--", "true", env=env).ok()
            env["HTTPS_PROXY"] = proxy.url
            refused = run.assume("--sts-timeout", "60s", "--", "true", env=env)
            assert "proxy" in refused.failure(125).text
            env["HTTPS_PROXY"] = url.replace("proxy-password", "wrong-password")
            env["AWS_ROLE_EXEC_DEBUG"] = "1"
            wrong = run.assume("-v", "--sts-timeout", "60s", "--", "true", env=env, debug=True)
            assert wrong.code == 125
            assert "wrong-password" not in wrong.err

    def test_that_is_down_is_named(self, run: Runner) -> None:
        """It is the proxy that is unreachable, not AWS."""
        env = {"AWS_ENDPOINT_URL_STS": None, "HTTPS_PROXY": "http://127.0.0.1:9"}
        failure = run.assume("--sts-timeout", "60s", "--", "true", env=env).failure(125)
        assert "proxy" in failure.text
        assert failure.hint
