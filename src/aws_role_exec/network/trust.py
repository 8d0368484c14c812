"""Which certificate authorities to trust: the setting's, else the system's, by look-up."""

from __future__ import annotations

import os

from aws_role_exec.records import record

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
# Directories of links named by the hash of what they link to (openssl-rehash(1)): a handshake
# reads the one authority that it needs, where a file of all takes 6 to 20 ms to parse.
HASHED_DIRECTORIES = ("/etc/ssl/certs", "/etc/pki/ca-trust/extracted/pem/directory-hash")


@record
class Trust:
    """A PEM file of authorities, or a hashed directory of them, or both.

    `second_file` is the system's file beside its hashed directory: an administrator of a container
    may have replaced that alone, so it is read when the directory does not know an authority.
    """

    file: str | None
    directory: str | None
    second_file: str | None = None


def find(ca_bundle: str | None, environ: Mapping[str, str]) -> Trust | None:
    """Return the authorities to verify servers with, None for the ones that botocore brings.

    `ca_bundle` is the AWS setting, from AWS_CA_BUNDLE or a profile; as in botocore, where it is
    missing REQUESTS_CA_BUNDLE counts. Then come OpenSSL's own variables, SSL_CERT_FILE and
    SSL_CERT_DIR, then the system's store. A setting of AWS's counts even if there is no such
    file, and then nothing can be verified; a file of the system's that is not there, cannot be
    read or is empty is passed over.
    """
    setting = ca_bundle or environ.get("REQUESTS_CA_BUNDLE")
    if setting:
        return Trust(None, setting) if os.path.isdir(setting) else Trust(setting, None)
    file = environ.get("SSL_CERT_FILE") or None
    directory = environ.get("SSL_CERT_DIR") or None
    if file and not _is_usable(file):
        file = None
    if file or directory:
        return Trust(file, directory)
    directory = find_hashed_directory()
    if directory is not None:
        return Trust(None, directory, find_store())
    file = find_store()
    return None if file is None else Trust(file, None)


def find_store() -> str | None:
    """Return the system's file of authorities, None where there is none."""
    return next((path for path in SYSTEM_STORES if _is_usable(path)), None)


def find_hashed_directory() -> str | None:
    """Return a hashed directory of the system's authorities, if there is one."""
    for directory in HASHED_DIRECTORIES:
        try:
            with os.scandir(directory) as entries:
                if any(entry.name.endswith(".0") for entry in entries):
                    return directory
        except OSError:
            continue
    return None


def _is_usable(path: str) -> bool:
    return os.access(path, os.R_OK) and os.path.isfile(path) and os.path.getsize(path) > 0
