"""Stands in for urllib3's HTTP/2 support, which only starts to ask for the package it needs.

Nothing here speaks HTTP/2, and the asking (importlib.metadata, email, zipfile) takes longer than
a request to STS.
"""
