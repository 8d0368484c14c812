"""Credentials written out: in which format, and to which place."""
