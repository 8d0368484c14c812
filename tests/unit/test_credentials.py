"""Keys, tokens and answers are checked for their form before they go anywhere."""

import pytest

from aws_role_exec.credentials import (
    Credentials,
    Keys,
    check_key,
    check_token,
    has_passed,
    is_time,
)
from aws_role_exec.errors import IdentityError, StsError

ARN = "arn:aws:sts::123456789012:assumed-role/r/s"
GOOD = ("ASIAEXAMPLE000000000", "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=", "IQoJb3JpZ2luX2VjE//w==")
BAD = {
    "AKIAEXAMPLE\r": "line break",
    "AKIA\nEXAMPLE": "line break",
    '"AKIAEXAMPLE"': "quotes",
    "'AKIAEXAMPLE'": "quotes",
    "AKIA EXAMPLE": "whitespace",
    " AKIAEXAMPLE": "whitespace",
    "AKIA\tEXAMPLE": "whitespace",
    "${AWS_KEY}": "unexpanded variable",
    "$AWS_KEY": "unexpanded variable",
    "$(cat key)": "unexpanded variable",
    "{{ secrets.KEY }}": "unexpanded variable",
    "%AWS_KEY%": "unexpanded variable",
    "AKIA\x00EXAMPLE": "cannot be part of a key",
    "AKIA\u200bEXAMPLE": "cannot be part of a key",
    "AKIA\u2013EXAMPLE": "cannot be part of a key",
    "AKIA\x7fEXAMPLE": "cannot be part of a key",
    "": "empty",
}


UNSENDABLE = [text for text in BAD if any(not "!" <= c <= "~" for c in text)]


class TestKeys:
    @pytest.mark.parametrize("text", BAD)
    def test_that_cannot_be_valid_are_refused_before_anything_is_sent(self, text: str) -> None:
        """With the place, the reason in words and a hint, and nothing of the value."""
        with pytest.raises(IdentityError, match=f"AWS_X .*{BAD[text]}") as refusal:
            check_key(text, "AWS_X")
        assert refusal.value.hint
        assert not text.strip() or text.strip() not in str(refusal.value)

    @pytest.mark.parametrize("place", [0, 1, 2])
    @pytest.mark.parametrize("text", UNSENDABLE)
    def test_that_no_header_may_hold_are_never_made(self, text: str, place: int) -> None:
        """Wherever they come from."""
        values = list(GOOD)
        values[place] = text
        with pytest.raises(IdentityError, match="not printable text"):
            Keys(*values)

    @pytest.mark.parametrize(
        "secret", ["minio$ecret-123", "a/b+c==", "p%40ss-w0rd", "$ecretPassword"]
    )
    def test_of_compatible_services_may_hold_other_signs(self, secret: str) -> None:
        assert Keys("minio", check_key(secret, "x"), "").secret_access_key == secret

    def test_show_no_secret(self) -> None:
        assert GOOD[1] not in repr(Keys(*GOOD))
        assert GOOD[2] not in repr(Keys(*GOOD))

    def test_a_token_is_signed_and_sent_without_blanks_around_it(self) -> None:
        assert check_token(" token\t", "AWS_SESSION_TOKEN") == "token"


class TestCredentials:
    def make(self, **changes: str) -> Credentials:
        names = ("access_key_id", "secret_access_key", "session_token")
        values = dict(zip(names, GOOD, strict=True))
        values |= {"expiration": "2026-03-21T20:00:00Z", "assumed_role_arn": ARN}
        return Credentials(**{**values, **changes})

    @pytest.mark.parametrize("name", ["access_key_id", "secret_access_key", "session_token"])
    @pytest.mark.parametrize("text", ["", *UNSENDABLE])
    def test_with_a_key_that_is_none_are_not_handed_over(self, name: str, text: str) -> None:
        with pytest.raises(StsError, match="not printable text"):
            self.make(**{name: text})

    @pytest.mark.parametrize(
        "expiration",
        [
            "1\nBASH_ENV=/tmp/x",
            "",
            "soon",
            "2026-03-21T20:00:00",
            "2026-03-21T20:00:00+01:00",
            "2026-03-21 20:00:00Z",
            "2026-13-21T20:00:00Z",
            "2026-03-21T25:00:00Z",
            "2026-03-21T20:00:00Z\n",
            "\u0662026-03-21T20:00:00Z",
            "٢٠٢٦-03-21T20:00:00Z",
            "2026-03-21T20:00:00.5Z",
        ],
    )
    def test_with_an_expiration_of_another_form_are_not_handed_over(self, expiration: str) -> None:
        """A line break in it would be a line of its own in a dotenv file."""
        with pytest.raises(StsError, match="Expiration"):
            self.make(expiration=expiration)

    @pytest.mark.parametrize(
        "arn", ["arn:x", "arn:aws:sts::1:r/s\nX=1", "arn:aws:sts::1:a b", "x" * 30, "arn:" * 600]
    )
    def test_with_an_arn_that_is_none_are_not_handed_over(self, arn: str) -> None:
        with pytest.raises(StsError, match="Arn"):
            self.make(assumed_role_arn=arn)

    def test_of_a_service_that_gives_no_arn_are_taken(self) -> None:
        assert self.make(assumed_role_arn="").keys() == Keys(*GOOD)

    def test_that_have_expired_already_are_an_error_in_plain_words(self) -> None:
        """A clock that is ahead is the likely reason: the hint says where to look."""
        fresh = self.make()
        fresh.check_not_expired(0)
        with pytest.raises(StsError, match="expired at 2026-03-21T20:00:00Z") as refusal:
            fresh.check_not_expired(2_000_000_000)
        assert "clock" in str(refusal.value.hint)


def test_a_time_passes_at_its_second() -> None:
    assert is_time("1970-01-01T00:00:10Z")
    assert not has_passed("1970-01-01T00:00:10Z", 9.9)
    assert has_passed("1970-01-01T00:00:10Z", 10)
