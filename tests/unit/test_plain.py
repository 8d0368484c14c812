"""The plain case: what is sent without botocore is what botocore would send."""

import os
import urllib.parse
from types import SimpleNamespace

import botocore.config
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from aws_role_exec.network import exchange, plain
from aws_role_exec.network.deadline import Deadline

ROLE = "arn:aws:iam::123456789012:role/reader"
HOME = "/nonexistent"
POLICY = '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"é & /?"}}'

REQUEST = SimpleNamespace(
    role_arns=(ROLE,),
    session_name="job=1,@x",
    duration_seconds=3600,
    policy=POLICY,
    session_parameters={"Policy": POLICY},
    region="eu-west-1",
)


def regions():
    session = botocore.session.Session()
    return sorted(
        (region, partition)
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("sts", partition, allow_non_regional=True)
    )


@pytest.fixture(scope="module")
def sent():
    """What botocore's full client would send for a region: a function that returns the request."""
    session = botocore.session.Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "secret", "token/+=")

    def send(region):
        caught = []
        config = botocore.config.Config(connect_timeout=1, retries={"total_max_attempts": 1})
        client = session.create_client("sts", region_name=region, config=config)
        client.meta.events.register(
            "before-send.sts", lambda request, **_: caught.append(request) or wire_answer()
        )
        client.assume_role(
            RoleArn=ROLE,
            RoleSessionName=REQUEST.session_name,
            DurationSeconds=3600,
            Policy=REQUEST.policy,
        )
        return caught[0]

    def wire_answer():
        body = b"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"
        raw = type("Raw", (), {"stream": lambda *_, **__: iter([body])})()
        return botocore.awsrequest.AWSResponse("https://x", 200, {}, raw)

    return send


class TestSameAsBotocore:
    @pytest.mark.parametrize(("region", "partition"), regions())
    def test_host_scope_and_parameters(self, sent, region, partition):
        """For every region of every partition: the very same, or left to botocore."""
        theirs = sent(region)
        try:
            host, url = plain._endpoint(region, {})
        except plain._NotPlain:
            assert partition not in ("aws", "aws-cn", "aws-us-gov") or region.endswith(
                ("global", "fips")
            )
            return
        assert url + "/" == theirs.url
        ours = plain._form(
            {"Action": "AssumeRole", "Version": "2011-06-15", **plain.parameters(REQUEST)}
        )
        parse = urllib.parse.parse_qs
        assert parse(ours.decode(), strict_parsing=True) == parse(theirs.body, strict_parsing=True)
        keys = plain.Keys("AKIAIOSFODNN7EXAMPLE", "secret", "token/+=", "")
        headers = plain.sign(ours, host, region, keys, 0)
        scope = f"/{region}/sts/aws4_request,"
        assert scope in headers["authorization"]
        assert scope in theirs.headers["Authorization"].decode()

    @given(
        st.text(max_size=50),
        st.sampled_from(["", "token/+="]),
        st.text("abcdefghijklmnopqrstuvwxyz/+=0123456789", min_size=1, max_size=60),
        st.integers(0, 2**32),
    )
    def test_the_signature_is_botocores(self, policy, token, secret, now):
        body = plain._form({"Action": "AssumeRole", "Policy": policy})
        keys = plain.Keys("AKIAIOSFODNN7EXAMPLE", secret, token, "")
        headers = plain.sign(body, "sts.eu-west-1.amazonaws.com", "eu-west-1", keys, now)
        request = AWSRequest(
            "POST",
            "https://sts.eu-west-1.amazonaws.com/",
            headers={"content-type": headers["content-type"]},
            data=body,
        )
        request.headers["x-amz-date"] = request.context["timestamp"] = headers["x-amz-date"]
        if token:
            request.headers["x-amz-security-token"] = token
        auth = SigV4Auth(BotocoreCredentials(keys.access_key_id, secret, token), "sts", "eu-west-1")
        canonical = auth.canonical_request(request)
        signature = auth.signature(auth.string_to_sign(request, canonical), request)
        assert headers["authorization"].endswith(f"Signature={signature}")


class TestIsPlain:
    @pytest.fixture
    def environ(self):
        return {
            "HOME": HOME,
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_BATCH_JOB_ID": "1",
            "PATH": "/bin",
            "no_proxy": "*",
        }

    def test_keys_from_the_environment_and_nothing_special(self, environ):
        assert plain._is_plain(REQUEST, environ)

    @pytest.mark.parametrize(
        "field",
        [
            {"session_parameters": {"ExternalId": "x"}},
            {"role_arns": (ROLE, ROLE)},
            {"invented_tomorrow": 1},
        ],
    )
    def test_anything_else_asked_of_sts_is_botocores(self, environ, field):
        assert not plain._is_plain(SimpleNamespace(**vars(REQUEST) | field), environ)

    @pytest.mark.parametrize(
        "name",
        [
            "AWS_PROFILE",
            "AWS_DEFAULT_PROFILE",
            "AWS_USE_FIPS_ENDPOINT",
            "AWS_USE_DUALSTACK_ENDPOINT",
            "AWS_STS_REGIONAL_ENDPOINTS",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "AWS_DATA_PATH",
            "AWS_SECURITY_TOKEN",
            "AWS_CREDENTIAL_FILE",
            "AWS_METADATA_SERVICE_TIMEOUT",
            "AWS_INVENTED_TOMORROW",
            "BOTOCORE_TCP_KEEPALIVE",
            "HTTPS_PROXY",
            "http_proxy",
            "ALL_PROXY",
        ],
    )
    def test_any_setting_that_it_does_not_know_is_botocores(self, environ, name):
        assert not plain._is_plain(REQUEST, environ | {name: "x"})

    def test_so_is_a_configuration_file(self, environ, tmp_path):
        (tmp_path / "config").touch()
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            assert not plain._is_plain(REQUEST, environ | {name: str(tmp_path / "config")})

    def test_every_variable_that_botocore_reads_begins_as_those_that_are_looked_at(self):
        """A new release of botocore may read more; none may be overlooked."""
        store = botocore.session.Session().get_component("config_store")
        read = set()
        for provider in store._mapping.values():
            for one in getattr(provider, "_providers", [provider]):
                names = getattr(one, "_name", None) or getattr(one, "_names", None) or ()
                if type(one).__name__ == "EnvironmentProvider":
                    read |= {names} if isinstance(names, str) else set(names)
        assert "AWS_CA_BUNDLE" in read
        assert {name for name in read if not name.startswith(("AWS_", "BOTO"))} == set()


class TestEndpoint:
    @pytest.mark.parametrize(
        ("override", "host"),
        [
            ("http://127.0.0.1:5000", "127.0.0.1:5000"),
            ("https://sts.example.org/", "sts.example.org"),
            ("https://sts.example.org:443", "sts.example.org"),
            ("http://sts.example.org:80", "sts.example.org"),
        ],
    )
    def test_an_override_is_obeyed(self, override, host):
        environ = {"AWS_ENDPOINT_URL": "http://other", "AWS_ENDPOINT_URL_STS": override}
        assert plain._endpoint("eu-west-1", environ) == (host, override.removesuffix("/"))

    @pytest.mark.parametrize(
        "override",
        ["sts.example.org", "ftp://x", "http://", "http://x/path", "http://u:p@x", "http://[::1]"],
    )
    def test_an_unusual_one_is_botocores(self, override):
        with pytest.raises(plain._NotPlain):
            plain._endpoint("eu-west-1", {"AWS_ENDPOINT_URL_STS": override})


class TestReadCredentials:
    ANSWER = (
        "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>arn:x</Arn></AssumedRoleUser>"
        "<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        "<SessionToken>t</SessionToken><Expiration>2026-03-21T20:00:00.123Z</Expiration>"
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )

    def read(self, text, status=200):
        return plain._read_credentials(exchange.Answer(status, {}, text.encode()))

    def test_the_usual_answer(self):
        found = self.read(self.ANSWER)
        assert (found.access_key_id, found.secret_access_key, found.session_token) == (
            "ASIA", "s", "t",
        )  # fmt: skip
        assert found.expiration == "2026-03-21T20:00:00Z"

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("<AccessKeyId>ASIA</AccessKeyId>", ""),
            ("<SessionToken>t<", "<SessionToken><"),
            ("<SessionToken>t<", "<SessionToken>a&amp;b<"),
            ("</AssumeRoleResult>", "<SessionToken>other</SessionToken></AssumeRoleResult>"),
            ("20:00:00.123Z", "20:00:00+01:00"),
            ("2026-03-21T20:00:00.123Z", "soon"),
        ],
    )
    def test_an_unusual_one_is_botocores(self, old, new):
        assert old in self.ANSWER
        assert self.read(self.ANSWER.replace(old, new)) is None

    def test_so_is_a_refusal(self):
        assert self.read(self.ANSWER, status=403) is None

    @given(st.text())
    def test_and_nonsense(self, text):
        assert self.read(text) is None


def test_no_repr_shows_a_secret():
    assert "secret" not in repr(plain.Keys("AKIA", "secret-key", "secret-token", "here"))


def test_whatever_goes_wrong_is_left_to_botocore():
    environ = {
        "HOME": HOME,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1",
    }
    assert os.path.expanduser("~")
    assert plain.obtain(REQUEST, environ, Deadline(5), lambda _: None) is None
