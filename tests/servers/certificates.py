"""A certificate authority of our own and the certificates that servers get wrong."""

import datetime
import ssl
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Authority:
    """Issues for loopback and for what the real endpoints are called; `bundle` is its PEM."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        self.bundle = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.bundle))

    def context(self, *names: str, expired: bool = False, not_yet: bool = False) -> ssl.SSLContext:
        """A server's TLS context for `names`; without any, for loopback and AWS's endpoints."""
        now = datetime.datetime.now(datetime.UTC)
        names = names or ("localhost", "127.0.0.1", *AWS_NAMES)
        certificate = self._ca.issue_cert(
            *names,
            not_before=now + datetime.timedelta(days=1 if not_yet else -30),
            not_after=now + datetime.timedelta(days=-1 if expired else 30),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context

    def context_for_anything(self) -> ssl.SSLContext:
        """A server's TLS context with a certificate for `*`, which no client should take."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        issuer = x509.load_pem_x509_certificate(self.bundle.read_bytes())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "*")]))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("*")]), critical=False)
            .sign(
                serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), None),
                hashes.SHA256(),
            )
        )
        pem = self.bundle.with_name("anything.pem")
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
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
