"""In the place of the module that reads macOS's system-wide proxy settings.

The real one needs one of Apple's frameworks. urllib.request, which botocore uses, imports it on
macOS without asking; it learns here that nothing is set, and the variables decide, as on Linux.
"""


def _get_proxies() -> dict[str, str]:
    """Return the proxy for each scheme: none."""
    return {}


def _get_proxy_settings() -> dict[str, bool]:
    """Return the hosts that are exempt from a proxy: none, nor are plain names."""
    return {"exclude_simple": False}
