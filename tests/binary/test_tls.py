"""Whom the file trusts: whom the user says, else whom the system says, else its own set."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aws_role_exec.network.trust import SYSTEM_STORES
from runner import Runner
from servers.certificates import Authority
from servers.sts import Sts

from .conftest import needs_root
from .test_surroundings import with_mounts

TRUE = ("--sts-timeout", "10s", "--", "/bin/true")

#: A system with no trust store at all, whatever is installed on this one.
NO_STORE = "mount -t tmpfs tmpfs /etc/ssl; mkdir -p /etc/ssl/certs; for place in /etc/pki"
NO_STORE += " /var/lib/ca-certificates; do [ ! -d $place ] || mount -t tmpfs tmpfs $place; done"

StartSts = Callable[..., Sts]


class TestVerification:
    @pytest.fixture
    def trusting(self, run: Runner, authority: Authority) -> Runner:
        run.env["AWS_CA_BUNDLE"] = str(authority.bundle)
        return run

    def test_of_a_good_certificate(
        self, trusting: Runner, authority: Authority, sts_servers: StartSts
    ) -> None:
        server = sts_servers(authority.context())
        trusting.assume(*TRUE, env={"AWS_ENDPOINT_URL_STS": server.url}).ok()

    def test_of_the_profiles_ca_bundle(
        self, run: Runner, authority: Authority, sts_servers: StartSts
    ) -> None:
        server = sts_servers(authority.context())
        configuration = run.home / "config"
        configuration.write_text(f"[default]\nca_bundle = {authority.bundle}\n")
        env = {"AWS_ENDPOINT_URL_STS": server.url, "AWS_CONFIG_FILE": str(configuration)}
        run.assume(*TRUE, env=env).ok()

    def test_refuses_another_hosts_certificate(
        self, trusting: Runner, authority: Authority, sts_servers: StartSts
    ) -> None:
        server = sts_servers(authority.context("sts.example.com"))
        failure = trusting.assume(*TRUE, env={"AWS_ENDPOINT_URL_STS": server.url}).failure(125)
        assert "certificate" in failure.text
        assert not server.asked, "the request was sent all the same"

    def test_refuses_an_expired_certificate(
        self, trusting: Runner, authority: Authority, sts_servers: StartSts
    ) -> None:
        server = sts_servers(authority.context(expired=True))
        failure = trusting.assume(*TRUE, env={"AWS_ENDPOINT_URL_STS": server.url}).failure(125)
        assert "expired" in failure.text
        assert not server.asked

    def test_refuses_an_unknown_authority(
        self, run: Runner, authority: Authority, sts_servers: StartSts
    ) -> None:
        server = sts_servers(authority.context())
        failure = run.assume(*TRUE, env={"AWS_ENDPOINT_URL_STS": server.url}).failure(125)
        assert "certificate" in failure.text
        assert not server.asked


@needs_root
class TestTheSystemsStore:
    @pytest.mark.parametrize("place", SYSTEM_STORES)
    def test_is_found(
        self, run: Runner, authority: Authority, sts_servers: StartSts, place: str
    ) -> None:
        """Debian, RHEL 7 to 10, SUSE, Alpine: each layout, in turn the only one there."""
        server = sts_servers(authority.context())
        directory = str(Path(place).parent)
        top = next(top for top in ("/etc/ssl", "/etc/pki", "/var/lib") if place.startswith(top))
        top = top if Path(top).is_dir() else "/etc"  # a tmpfs needs a place to be mounted on
        mounts = f"{NO_STORE}; mount -t tmpfs tmpfs {top}; mkdir -p {directory}"
        mounts += f"; cat {authority.bundle} >{place}"
        env = {"AWS_ENDPOINT_URL_STS": server.url}
        run.assume(*TRUE, env=env, prefix=with_mounts(mounts)).ok()

    def test_can_be_named_as_for_openssl(
        self, run: Runner, authority: Authority, sts_servers: StartSts
    ) -> None:
        server = sts_servers(authority.context())
        env = {"AWS_ENDPOINT_URL_STS": server.url, "SSL_CERT_FILE": str(authority.bundle)}
        run.assume(*TRUE, env=env).ok()

    def test_is_replaced_by_the_bundled_set_where_there_is_none(
        self, run: Runner, authority: Authority, sts_servers: StartSts
    ) -> None:
        """Then our own authority is unknown, and nothing else is wrong: the set was loaded."""
        server = sts_servers(authority.context())
        env = {"AWS_ENDPOINT_URL_STS": server.url}
        failure = run.assume(*TRUE, env=env, prefix=with_mounts(NO_STORE)).failure(125)
        assert "not signed by a trusted authority" in failure.text
        assert not server.asked
