"""Faults and refusals in our words. What STS itself answers is in tests/identity/test_hints.py."""

import email.utils
from types import SimpleNamespace
from typing import Any

import pytest

from aws_role_exec import redaction
from aws_role_exec.errors import Fault, Refusal
from aws_role_exec.sts import diagnose, refusals

URL = "https://sts.us-east-1.amazonaws.com"
QUESTION = diagnose.Question("arn:aws:iam::123456789012:role/r", "us-east-1", "the moon", "more")


class TestFault:
    @pytest.mark.parametrize("name", sorted(refusals.FAULTS))
    def test_has_its_words_and_its_hint(self, name: str) -> None:
        why, hint = diagnose.fault(Fault(name, URL, "detail"))
        assert why == refusals.FAULTS[name].why.format(error="detail")
        assert hint == refusals.FAULTS[name].hint

    @pytest.mark.parametrize("name", sorted(refusals.FAULTS))
    def test_is_asked_again_only_where_that_may_help(self, name: str) -> None:
        assert diagnose.passing(Fault(name, URL)) in (None, "fault", "unreachable", "garbled")
        certificates = ("host name", "expired certificate", "untrusted", "no authorities")
        if name in certificates:
            assert diagnose.passing(Fault(name, URL)) is None


class TestRefusal:
    @pytest.mark.parametrize(
        ("code", "status", "kind"),
        [
            ("Throttling", 400, "throttled"),
            ("SlowDown", 503, "throttled"),
            ("", 429, "throttled"),
            ("InternalFailure", 500, "fault"),
            ("IDPCommunicationError", 400, "fault"),
            ("", 502, "fault"),
            ("AccessDenied", 403, None),
            ("ValidationError", 400, None),
        ],
    )
    def test_passes_or_stays(self, code: str, status: int, kind: str | None) -> None:
        assert diagnose.passing(Refusal(code, "", status, {})) == kind

    def test_names_who_asked(self) -> None:
        message = "User: arn:aws:iam::1:user/a is not authorized to perform: sts:AssumeRole"
        assert (
            diagnose.who_asked(Refusal("AccessDenied", message, 403, {})) == "arn:aws:iam::1:user/a"
        )
        assert diagnose.who_asked(Refusal("AccessDenied", "no", 403, {})) is None
        assert diagnose.who_asked(Fault("dropped", URL)) is None

    def test_without_a_code_shows_the_status(self) -> None:
        error = diagnose.sts_error(Refusal("", "", 503, {}), QUESTION, 0)
        assert str(error) == f"assuming {QUESTION.role_arn}: HTTP 503"

    def test_quotes_no_secret_that_was_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor half of one, where a long message is cut."""
        monkeypatch.setattr(redaction, "_secrets", set())
        redaction.keep_secret("s3cr3t" * 100)
        for message in ("x" + "s3cr3t" * 100, "POST Signature=abcdef0123, and more"):
            error = diagnose.sts_error(Refusal("Code", message, 400, {}), QUESTION, 0)
            assert "s3cr3t" not in str(error)
            assert "abcdef0123" not in str(error)


class TestTimeout:
    @pytest.mark.parametrize(
        ("last", "answers", "words"),
        [
            (None, 0, "no response within 10s"),
            (Refusal("Throttling", "", 400, {}), 7, "7 responses within 10s, the last: Throttling"),
            (Refusal("", "", 503, {}), 1, "1 response within 10s, the last: HTTP 503"),
            (
                Fault("dropped", URL),
                3,
                "3 attempts within 10s failed, the last: the connection was dropped",
            ),
        ],
    )
    def test_says_what_came(self, last: Any, answers: int, words: str) -> None:
        deadline: Any = SimpleNamespace(
            seconds=10, last_error=last, answers=answers, waiting_for=URL
        )
        assert str(diagnose.timeout_error(deadline)) == f"{URL}: {words}"


class TestClockSkew:
    NOW = 1_800_000_000.0

    @pytest.mark.parametrize("headers", [{}, {"date": "soon"}])
    def test_is_not_known_without_a_date(self, headers: dict[str, str]) -> None:
        assert diagnose.clock_skew_seconds(headers, self.NOW) is None

    @pytest.mark.parametrize(("ahead", "words"), [(600, "10 minutes ahead"), (-600, "behind")])
    def test_comes_before_what_the_code_alone_would_say(self, ahead: float, words: str) -> None:
        headers = {"date": email.utils.formatdate(self.NOW - ahead, usegmt=True)}
        refusal = Refusal("SignatureDoesNotMatch", "Signature expired: x", 403, headers)
        assert words in (diagnose.sts_error(refusal, QUESTION, self.NOW).hint or "")

    def test_is_not_blamed_where_there_is_none(self) -> None:
        """Nor is the secret key: the request came late."""
        headers = {"date": email.utils.formatdate(self.NOW, usegmt=True)}
        refusal = Refusal("SignatureDoesNotMatch", "Signature expired: x", 403, headers)
        hint = diagnose.sts_error(refusal, QUESTION, self.NOW).hint or ""
        assert "arrived too late" in hint
