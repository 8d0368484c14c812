"""Faults of botocore's, in our words. What STS answers is in tests/identity/test_hints.py."""

import botocore.exceptions as bc
import pytest

from aws_role_exec import redaction
from aws_role_exec.sts import diagnose, refusals


class TestFault:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("certificate verify failed: Hostname mismatch", "host name"),
            ("certificate has expired", "expired certificate"),
            ("self-signed certificate in certificate chain", "untrusted"),
            ("[SSL: WRONG_VERSION_NUMBER]", "not TLS"),
            ("something new", "TLS"),
        ],
    )
    def test_of_tls_is_told_by_its_kind(self, text, name):
        error = bc.SSLError(endpoint_url="https://sts", error=text)
        why, hint = diagnose.fault(error)
        assert hint == refusals.FAULTS[name].hint
        assert why.startswith(refusals.FAULTS[name].why.partition("{")[0])


class TestIdentityError:
    @pytest.mark.parametrize(
        ("error", "name"),
        [
            (bc.UnauthorizedSSOTokenError(), "sso"),
            (bc.SSOTokenLoadError(error_msg="none"), "sso"),
            (bc.TokenRetrievalError(provider="sso", error_msg="none"), "sso"),
            (bc.LoginTokenLoadError(error_msg="none"), "login"),
            (bc.MissingDependencyException(msg="awscrt"), "no crt"),
            (bc.PartialCredentialsError(provider="env", cred_var="x"), "partial"),
            (RuntimeError("Credentials were refreshed, but are still expired."), "expired"),
        ],
    )
    def test_has_the_hint_of_its_kind(self, error, name, monkeypatch):
        monkeypatch.delenv("AWS_CREDENTIAL_EXPIRATION", raising=False)
        assert diagnose.identity_error(error, "us-east-1").hint == refusals.IDENTITY_HINTS[name]

    def test_does_not_quote_what_may_be_a_secret(self):
        error = diagnose.identity_error(ValueError("Secret/Key"), "us-east-1")
        assert "Secret/Key" not in str(error)


class TestRedact:
    def test_a_secret_is_not_cut_before_it_is_found(self, monkeypatch):
        monkeypatch.setattr(redaction, "_secrets", set())
        redaction.keep_secret("s3cr3t" * 100, "short")
        text = str(diagnose.identity_error(bc.SSOError(msg="x" + "s3cr3t" * 100), "us-east-1"))
        assert "s3cr3t" not in text
        assert redaction.redact("a short text") == "a short text"


class TestClockSkew:
    @pytest.mark.parametrize("headers", [{}, {"date": "soon"}, {"date": None}])
    def test_is_not_known_without_a_date(self, headers):
        answer = {"ResponseMetadata": {"HTTPHeaders": headers}}
        assert diagnose.clock_skew_seconds(answer) is None

    def test_of_a_date_without_a_zone_counts_in_utc(self):
        answer = {"ResponseMetadata": {"HTTPHeaders": {"date": "Thu, 01 Jan 2026 00:00:00 -0000"}}}
        assert diagnose.clock_skew_seconds(answer) > 0
