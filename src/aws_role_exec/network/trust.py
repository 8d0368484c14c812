"""Which certificate authorities to trust when no setting says so: the system's, by look-up."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# One PEM file each, from the distributions' own layouts. Looking up beats asking OpenSSL,
# whose compiled-in default fits one distribution only.
SYSTEM_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # RHEL 7 to 9, Fedora, Amazon Linux
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # RHEL 10
    "/var/lib/ca-certificates/ca-bundle.pem",  # SUSE
    "/etc/ssl/ca-bundle.pem",  # SUSE, older
    "/etc/ssl/cert.pem",  # macOS, Alpine, the BSDs
)


def find_trust_store(environ: Mapping[str, str]) -> str | None:
    """Return the PEM file of trusted authorities to verify STS with, None for the bundled ones.

    SSL_CERT_FILE goes first, as for every program that uses OpenSSL. A file that is not
    there, cannot be read or is empty is passed over. AWS_CA_BUNDLE and a profile's
    `ca_bundle` come before all of this and are botocore's matter.
    """
    for path in (environ.get("SSL_CERT_FILE", ""), *SYSTEM_STORES):
        if path and os.access(path, os.R_OK) and os.path.isfile(path) and os.path.getsize(path):
            return path
    return None


# Directories of links named by the hash of what they link to (openssl-rehash(1)): a handshake
# reads the one authority that it needs, where a file of all takes 6 to 20 ms to parse.
HASHED_DIRECTORIES = ("/etc/ssl/certs", "/etc/pki/ca-trust/extracted/pem/directory-hash")


def find_hashed_directory(environ: Mapping[str, str]) -> str | None:
    """Return a hashed directory of the same authorities as the system's file, if there is one."""
    if environ.get("SSL_CERT_FILE"):
        return None
    for directory in HASHED_DIRECTORIES:
        try:
            if any(name.endswith(".0") for name in os.listdir(directory)):
                return directory
        except OSError:
            continue
    return None
