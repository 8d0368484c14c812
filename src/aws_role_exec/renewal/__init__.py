"""Credentials that renew themselves while the command runs: the helper beside it, `--renew`."""
