"""What PyInstaller imports of ctypes.util."""


def find_library(name: str) -> None:  # noqa: ARG001
    """Find no shared library: a static program has none."""
