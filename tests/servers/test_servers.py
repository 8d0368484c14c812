"""The stand-ins behave, towards a real SDK, as what they stand in for."""

import ssl
from collections.abc import Callable

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, SSLError

from servers.certificates import Authority
from servers.metadata import CONTAINER, INSTANCE, SSO, ContainerCredentials, InstanceMetadata
from servers.moto import Moto
from servers.proxy import Proxy
from servers.sts import BASE, REFUSALS, THROTTLING, Key, Sts

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ONCE = Config(retries={"total_max_attempts": 1})


def client(url: str | None, key: Key = BASE, **more: object) -> object:
    options: dict[str, object] = {"region_name": "eu-west-1", "config": ONCE, **more}
    return botocore.session.Session().create_client(
        "sts",
        endpoint_url=url,
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret,
        aws_session_token=key.token,
        **options,
    )


def assume(client: object, **more: object) -> Key:
    answer = client.assume_role(  # type: ignore[attr-defined]
        RoleArn="arn:aws:iam::123456789012:role/path/r", RoleSessionName="me", **more
    )
    keys = answer["Credentials"]
    return Key(
        keys["AccessKeyId"],
        keys["SecretAccessKey"],
        keys["SessionToken"],
        answer["AssumedRoleUser"]["Arn"],
    )


def test_sts_accepts_what_botocore_signs(sts: Sts) -> None:
    """A correctly signed request is answered, and its credentials are good for the next."""
    key = assume(client(sts.url), DurationSeconds=900, PolicyArns=[{"arn": READ_ONLY}])
    assert key.arn == "arn:aws:sts::123456789012:assumed-role/r/me"
    assert sts.asked[0].signature_valid
    assert (sts.asked[0].region, sts.asked[0].service) == ("eu-west-1", "sts")
    assert sts.asked[0].params["DurationSeconds"] == "900"
    assert sts.asked[0].params["PolicyArns.member.1.arn"] == READ_ONLY
    identity = client(sts.url, key).get_caller_identity()  # type: ignore[attr-defined]
    assert identity["Arn"] == key.arn


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (Key(BASE.access_key, "wrong"), "SignatureDoesNotMatch"),
        (Key("AKIAUNKNOWN", BASE.secret), "InvalidClientTokenId"),
        (Key(BASE.access_key, BASE.secret, "token"), "InvalidClientTokenId"),
    ],
)
def test_sts_refuses_a_wrong_signature(sts: Sts, key: Key, code: str) -> None:
    """A test cannot pass with a request that AWS would not accept."""
    with pytest.raises(ClientError) as error:
        assume(client(sts.url, key))
    assert error.value.response["Error"]["Code"] == code
    assert not sts.asked[0].signature_valid


@pytest.mark.parametrize("name", REFUSALS)
def test_sts_refuses_in_words_the_sdk_knows(sts: Sts, name: str) -> None:
    """The scripted refusals parse as STS's own."""
    sts.script(REFUSALS[name])
    with pytest.raises(ClientError) as error:
        assume(client(sts.url))
    assert error.value.response["Error"]["Code"] == name.split("-", maxsplit=1)[0]


def test_sts_follows_its_script(sts: Sts) -> None:
    """Scripted behaviours come first and once, then the standing one."""
    sts.script(THROTTLING)
    assume(client(sts.url, config=Config(retries={"total_max_attempts": 2})))
    assert len(sts.asked) == 2


def test_tls_is_verified_against_our_authority(
    authority: Authority, sts_servers: Callable[..., Sts]
) -> None:
    """The good certificate is good, the wrong and the expired one are not."""
    bundle = str(authority.bundle)
    assume(client(sts_servers(authority.context()).url, verify=bundle))
    for context in (authority.context("wrong.example"), authority.context(expired=True)):
        with pytest.raises(SSLError):
            assume(client(sts_servers(context).url, verify=bundle))
    assert isinstance(authority.context(), ssl.SSLContext)


def test_proxy_leads_to_loopback_only(
    authority: Authority, sts_servers: Callable[..., Sts]
) -> None:
    """A client that goes for AWS's own host name ends at our server."""
    target = sts_servers(authority.context())
    with Proxy(target) as proxy:
        config = Config(proxies={"https": proxy.url}, retries={"total_max_attempts": 1})
        assume(client(None, verify=str(authority.bundle), config=config))
        assert proxy.asked == ["CONNECT sts.eu-west-1.amazonaws.com:443"]
    assert target.asked[0].host == "sts.eu-west-1.amazonaws.com"


def test_metadata_servers_are_what_botocore_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """IMDSv2 and the container endpoint each give their own identity."""
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with InstanceMetadata() as server:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
        credentials = botocore.session.Session().get_credentials()
        assert credentials is not None
        assert credentials.access_key == INSTANCE.access_key
    with ContainerCredentials(token="Bearer t") as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url + "/get")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer t")
        credentials = botocore.session.Session().get_credentials()
        assert credentials is not None
        assert credentials.access_key == CONTAINER.access_key
    assert SSO.access_key != CONTAINER.access_key


def test_moto_answers_over_http_and_tls(moto: Moto, moto_tls: Moto, authority: Authority) -> None:
    """Both moto servers assume roles."""
    assert assume(client(moto.url)).access_key.startswith("ASIA")
    assert assume(client(moto_tls.url, verify=str(authority.bundle))).token
