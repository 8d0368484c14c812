"""Become a program with an environment as no shell makes one: `raw_exec.py FILE PROGRAM ARGS...`.

FILE holds its entries, each ended by a null byte.
"""

import ctypes
import sys
from pathlib import Path

file, *words = sys.argv[1:]
entries = Path(file).read_bytes().split(b"\0")[:-1]
arguments = [word.encode("utf-8", "surrogateescape") for word in words]
library = ctypes.CDLL(None, use_errno=True)
library.execve(
    arguments[0],
    (ctypes.c_char_p * (len(arguments) + 1))(*arguments, None),
    (ctypes.c_char_p * (len(entries) + 1))(*entries, None),
)
sys.exit(f"execve: {ctypes.get_errno()}")
