"""sudo for AWS roles: assume a role, become the command."""

__version__ = "0.1.0"
__commit__ = ""
"""What a release was built from, written there by the build."""
