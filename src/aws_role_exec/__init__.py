"""sudo for AWS roles: assume a role, become the command."""

__version__ = "0.1.0"
