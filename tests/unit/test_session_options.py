"""STS's limits, as its model in botocore has them."""

import re

import botocore.session
import pytest

from aws_role_exec.errors import UsageError
from aws_role_exec.identity import oidc
from aws_role_exec.sts import session_options


@pytest.fixture(scope="module")
def assume_role():
    model = botocore.session.Session().get_service_model("sts")
    return model.operation_model("AssumeRole").input_shape.members


class TestLimits:
    @pytest.mark.parametrize(
        ("limit", "path"),
        [
            (session_options.EXTERNAL_ID, "ExternalId"),
            (session_options.SOURCE_IDENTITY, "SourceIdentity"),
            (session_options.MFA_SERIAL, "SerialNumber"),
            (session_options.MFA_CODE, "TokenCode"),
            (session_options.TAG_KEY, "Tags.Key"),
            (session_options.TAG_VALUE, "Tags.Value"),
        ],
    )
    def test_are_those_of_the_model(self, assume_role, limit, path):
        name, _, member = path.partition(".")
        shape = assume_role[name].member.members[member] if member else assume_role[name]
        assert (limit.shortest, limit.longest) == (shape.metadata["min"], shape.metadata["max"])
        assert limit.pattern == shape.metadata["pattern"]

    def test_of_lists_and_policies_are_those_of_the_model(self, assume_role):
        assert assume_role["Tags"].metadata["max"] == session_options.TAGS_AT_MOST
        transitive = assume_role["TransitiveTagKeys"]
        assert transitive.metadata["max"] == session_options.TAGS_AT_MOST
        assert transitive.member.metadata["max"] == session_options.TAG_KEY.longest
        prose = assume_role["PolicyArns"].documentation
        assert f"up to {session_options.POLICY_ARNS_AT_MOST} managed policy ARNs" in prose
        sizes = re.findall(r"can't exceed ([0-9,]+) characters", prose)
        assert [int(s.replace(",", "")) for s in sizes] == [
            session_options.POLICY_CHARACTERS_AT_MOST
        ]

    def test_of_a_web_identity_token_are_those_of_the_model(self):
        model = botocore.session.Session().get_service_model("sts")
        operation = model.operation_model("AssumeRoleWithWebIdentity")
        limits = operation.input_shape.members["WebIdentityToken"].metadata
        assert (limits["min"], limits["max"]) == (oidc.SHORTEST, oidc.LONGEST)
        assert not {"Tags", "ExternalId", "SourceIdentity", "SerialNumber"} & set(
            operation.input_shape.members
        ), "STS takes it now: let --web-identity send it"


class TestTags:
    @pytest.mark.parametrize(
        ("text", "tag"),
        [
            ("k=v", ("k", "v")),
            ("k=", ("k", "")),
            ("k=a=b", ("k", "a=b")),
            ("cost center=a/b:c.d_e+f-g@h", ("cost center", "a/b:c.d_e+f-g@h")),
            ("naïve=日本 ½", ("naïve", "日本 ½")),
        ],
    )
    def test_are_split_at_the_first_equals_sign(self, text, tag):
        assert session_options.parse_tag(text) == tag

    @pytest.mark.parametrize("text", ["k=a\u200bb", "k=a*b", "k=\udcff", "k=a\x00b"])
    def test_have_the_characters_of_sts_only(self, text):
        with pytest.raises(UsageError):
            session_options.parse_tag(text)


class TestClaims:
    @pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.e30.c", "a.W10.c", "....", "a.!!.c"])
    def test_of_what_says_nothing_are_none(self, token):
        assert oidc.claims(token) == {}

    def test_are_who_issued_it_for_whom(self):
        # {"iss": "i", "sub": "s", "aud": ["a", "b"], "exp": 1}
        payload = "eyJpc3MiOiAiaSIsICJzdWIiOiAicyIsICJhdWQiOiBbImEiLCAiYiJdLCAiZXhwIjogMX0"
        assert oidc.claims(f"x.{payload}.y") == {"iss": "i", "sub": "s", "aud": "a b"}
