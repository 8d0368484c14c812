"""Stands in for ctypes while PyInstaller runs on our static Python.

PyInstaller asks ctypes.util for shared libraries to collect. A static Python has no ctypes
and nothing to collect. Only the build sees this; the spec keeps ctypes out of the product.
"""
