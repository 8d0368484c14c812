"""The tables of modules, frozen and built in, read out of an executable that has no symbols left.

A table is an array of C structures that begin with two pointers, to a module's name and to what it
is made by. The row of a module that is surely there has such rows before and behind it.

    struct _frozen   { const char *name; const unsigned char *code; int size; int is_package; }
    struct _inittab  { const char *name; PyObject *(*initfunc)(void); }

(CPython, Include/cpython/import.h.)
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lief

FROZEN, BUILT_IN = struct.Struct("<QQii"), struct.Struct("<QQ")
MODULE_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_.]*(?=\0)")


class Image:
    """The parts of an executable by the address that they are loaded at."""

    def __init__(self, executable: Path) -> None:
        parsed = lief.parse(str(executable))
        assert isinstance(parsed, (lief.ELF.Binary, lief.MachO.Binary))
        self.parts = [(part.virtual_address, bytes(part.content)) for part in parsed.segments]

    def rest_at(self, address: int) -> tuple[bytes, int] | None:
        """The part that an address lies in, and where in it; None if nothing is loaded there."""
        for start, content in self.parts:
            if start <= address < start + len(content):
                return content, address - start
        return None

    def bytes_at(self, address: int, size: int) -> bytes:
        """What lies at an address."""
        found = self.rest_at(address)
        assert found is not None, f"nothing is loaded at {address:#x}"
        content, place = found
        return content[place : place + size]

    def name_at(self, address: int) -> str | None:
        """The module's name that lies at an address, if one does."""
        found = self.rest_at(address)
        name = MODULE_NAME.match(*found) if found else None
        return name[0].decode() if name else None

    def places_of(self, wanted: bytes) -> Iterator[int]:
        """Every address at which these bytes lie."""
        for start, content in self.parts:
            for found in re.finditer(re.escape(wanted), content):
                yield start + found.start()

    def table(self, row: struct.Struct, known: str) -> dict[str, tuple[Any, ...]]:
        """The fields behind the name, of all rows of the table that has `known`."""
        (place,) = (
            place
            for name in self.places_of(b"\0" + known.encode() + b"\0")
            for place in self.places_of(struct.pack("<Q", name + 1))
            if self.is_row(place - row.size) and self.is_row(place + row.size)
        )
        while self.is_row(place - row.size):
            place -= row.size
        rows = {}
        while self.is_row(place):
            name, *fields = row.unpack(self.bytes_at(place, row.size))
            rows[self.name_at(name) or ""] = tuple(fields)
            place += row.size
        return rows

    def is_row(self, place: int) -> bool:
        """Tell whether a row begins there: with a name, and what is no name (another list)."""
        found = self.rest_at(place)
        if found is None:
            return False
        name, maker = struct.unpack_from("<QQ", *found)
        return self.name_at(name) is not None and self.name_at(maker) is None


def modules(executable: Path) -> dict[str, tuple[bytes, bool]]:
    """Bytecode, and whether it is a package, of each module of the program's table."""
    image = Image(executable)
    return {
        name: (image.bytes_at(code, size), bool(package))
        for name, (code, size, package) in image.table(FROZEN, "aws_role_exec.cli").items()
    }


def built_in(executable: Path) -> frozenset[str]:
    """The names of the modules that the interpreter has in C."""
    return frozenset(Image(executable).table(BUILT_IN, "_hashlib"))
