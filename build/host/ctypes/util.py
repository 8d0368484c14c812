"""What PyInstaller imports of ctypes.util."""


def find_library(name: str) -> None:
    """Find no shared library: a static program has none."""
