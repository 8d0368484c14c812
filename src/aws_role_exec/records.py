"""Frozen records: what `dataclass(frozen=True)` gives, without importing `dataclasses`.

That module pulls in `inspect`, `re` and some thirty more, a third of the time that a whole run
takes. See docs/adr/0001-imports.md.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar, dataclass_transform

    T = TypeVar("T")

    @dataclass_transform(frozen_default=True)
    def record(cls: type[T]) -> type[T]:
        """Make the class a record of its annotated fields; a class attribute is a default."""

else:

    def record(cls):
        """Make the class a record of its annotated fields; a class attribute is a default."""
        fields = tuple(cls.__annotations__)
        defaults = {name: cls.__dict__[name] for name in fields if name in cls.__dict__}

        def __init__(self, *values, **named):  # noqa: N807
            named = {**defaults, **dict(zip(fields, values, strict=False)), **named}
            if len(values) > len(fields) or named.keys() != set(fields):
                raise TypeError(f"{cls.__name__} takes {', '.join(fields)}")
            self.__dict__.update(named)
            if hasattr(self, "__post_init__"):
                self.__post_init__()

        def __repr__(self):  # noqa: N807
            shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields)
            return f"{cls.__name__}({shown})"

        def __eq__(self, other):  # noqa: N807
            return type(other) is cls and other.__dict__ == self.__dict__

        def __setattr__(self, name, value):  # noqa: N807
            raise AttributeError(f"{cls.__name__}.{name} cannot be changed")

        cls.__init__, cls.__eq__, cls.__setattr__ = __init__, __eq__, __setattr__
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = __repr__
        cls.__hash__ = None
        cls.FIELDS = fields
        return cls
