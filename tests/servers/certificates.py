"""A certificate authority of our own and the certificates that servers get wrong."""

import datetime
import ssl
from pathlib import Path

import trustme


class Authority:
    """Issues for loopback and for what the real endpoints are called; `bundle` is its PEM."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        self.bundle = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.bundle))

    def context(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """A server's TLS context for `names`; without any, for loopback and AWS's endpoints."""
        now = datetime.datetime.now(datetime.UTC)
        names = names or ("localhost", "127.0.0.1", *AWS_NAMES)
        certificate = self._ca.issue_cert(
            *names,
            not_before=now - datetime.timedelta(days=30),
            not_after=now + datetime.timedelta(days=-1 if expired else 30),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context


AWS_NAMES = (
    "sts.amazonaws.com",
    "*.amazonaws.com",
    "*.us-east-1.amazonaws.com",
    "*.eu-west-1.amazonaws.com",
    "*.ap-southeast-2.amazonaws.com",
    "*.cn-north-1.amazonaws.com.cn",
    "*.us-gov-west-1.amazonaws.com",
    "*.us-east-1.api.aws",
    "*.eu-west-1.api.aws",
)
