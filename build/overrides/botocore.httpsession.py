# Appended to botocore/httpsession.py when it is frozen: the certificates that botocore brings
# along, the last resort of trust, are in the executable and not in a file.


class SSLContext(SSLContext):
    """Takes the name of botocore's file of certificates for the certificates themselves."""

    def load_verify_locations(self, cafile=None, capath=None, cadata=None):
        if cafile == DEFAULT_CA_BUNDLE:
            import frozen_data.certificates

            cafile, cadata = None, frozen_data.certificates.DER
        super().load_verify_locations(cafile, capath, cadata)
