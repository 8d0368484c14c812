"""Keys in the environment: which are used, and what is said of bad ones."""

import pytest
from botocore.credentials import EnvProvider

from aws_role_exec.errors import Doubt, IdentityError
from aws_role_exec.identity import environment
from unit.identity.conftest import Surround

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE000000000", "AWS_SECRET_ACCESS_KEY": "Secret/Kd83+x"}
SESSION = {"AWS_SESSION_TOKEN": "session//token=="}
LEGACY = {"AWS_SECURITY_TOKEN": "security//token=="}


class TestSameAsBotocore:
    @pytest.mark.parametrize(
        "environ",
        [
            {},
            KEYS,
            {**KEYS, **SESSION},
            {**KEYS, **LEGACY},
            {**KEYS, **SESSION, **LEGACY},
            {**KEYS, **SESSION, "AWS_SECURITY_TOKEN": ""},
            {**KEYS, "AWS_SESSION_TOKEN": ""},
            {**KEYS, "AWS_CREDENTIAL_EXPIRATION": ""},
            {**KEYS, "AWS_CREDENTIAL_EXPIRATION": "2999-01-01T00:00:00Z"},
            {**KEYS, "AWS_CREDENTIAL_EXPIRATION": "2999-01-01T00:00:00+02:00"},
            {**KEYS, "AWS_ACCESS_KEY_ID": ""},
            {"AWS_SECRET_ACCESS_KEY": "x"},
        ],
    )
    def test_the_keys_are_those_that_botocore_uses(
        self, surround: Surround, environ: dict[str, str]
    ) -> None:
        """Set and empty, the legacy name of the token, half of a pair."""
        theirs = EnvProvider(environ).load()
        ours = environment.find(surround(environ))
        if theirs is None:
            assert ours is None
        else:
            frozen = theirs.get_frozen_credentials()
            assert (ours.keys.access_key_id, ours.keys.secret_access_key) == frozen[:2]
            assert ours.keys.session_token == (frozen.token or "")
            assert ours.source == "the environment"


class TestRefused:
    @pytest.mark.parametrize("name", [*KEYS, "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"])
    @pytest.mark.parametrize("bad", ["x\r", '"x"', "x y", "${X}"])
    def test_a_bad_value_is_told_by_the_name_of_its_variable(
        self, surround: Surround, name: str, bad: str
    ) -> None:
        with pytest.raises(IdentityError, match=f"{name} ") as refusal:
            environment.find(surround({**KEYS, name: bad}))
        assert refusal.value.hint

    def test_a_key_without_its_secret_is_an_error(self, surround: Surround) -> None:
        with pytest.raises(IdentityError, match="AWS_SECRET_ACCESS_KEY is not"):
            environment.find(surround({**KEYS, "AWS_SECRET_ACCESS_KEY": ""}))

    def test_keys_that_have_expired_are_not_sent(self, surround: Surround) -> None:
        with pytest.raises(IdentityError, match=r"expired at 2001-") as refusal:
            environment.find(
                surround({**KEYS, "AWS_CREDENTIAL_EXPIRATION": "2001-01-01T00:00:00Z"})
            )
        assert "AWS_CREDENTIAL_EXPIRATION" in str(refusal.value.hint)

    def test_a_time_of_another_form_is_left_to_botocore(self, surround: Surround) -> None:
        with pytest.raises(Doubt):
            environment.find(surround({**KEYS, "AWS_CREDENTIAL_EXPIRATION": "1 Jan 2999 GMT"}))


def test_a_token_with_blanks_around_it_is_used_without_them(surround: Surround) -> None:
    """As botocore signs it: with the blanks STS would not find the signature right."""
    found = environment.find(surround({**KEYS, "AWS_SESSION_TOKEN": "  token== "}))
    assert found.keys.session_token == "token=="
