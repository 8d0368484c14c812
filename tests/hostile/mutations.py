"""Something good, with a little of it made bad: seeded, so that a case can be had again."""

import random
from collections.abc import Iterator

from .amount import SEED, TIMES

ODD = (
    *(
        b"\0",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b" ",
        b"\xff",
        b"\xef\xbb\xbf",
        b"<",
        b">",
        b"&",
        b"&#0;",
    ),
    *(
        b"]]>",
        b"<!DOCTYPE x>",
        b"<?x?>",
        b"<a>",
        b"</a>",
        b"{",
        b"}",
        b"[",
        b'"',
        b"\\",
        b"\\u0000",
    ),
    *(
        b"\\ud800",
        b"null",
        b"1e999",
        b"NaN",
        b"-1",
        b"99999999999999999999",
        b":",
        b"=",
        b",",
        b"#",
    ),
    *(b"$(touch CANARY)", b"`touch CANARY`", b"; touch CANARY;", b"%s%n", b"x" * 3000, b"[" * 3000),
)


def mutations(good: bytes, count: int) -> Iterator[bytes]:
    """Yield what becomes of it when a few pieces are changed, lost, repeated or put in between."""
    chance = random.Random(SEED + len(good))
    for _ in range(count * TIMES):
        text = bytearray(good)
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            at, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
            end = min(end, at + chance.choice((1, 1, 4, 30)))
            piece = bytes(text[at:end])
            kind = chance.randrange(5)
            if kind == 0:
                text[at:end] = b""
            elif kind == 1:
                text[at:at] = chance.choice(ODD)
            elif kind == 2:
                text[at:end] = chance.choice(ODD)
            elif kind == 3:
                text[at:at] = piece
            else:
                text[at:end] = bytes(byte ^ (1 << chance.randrange(8)) for byte in piece)
            if not text:
                break
        yield bytes(text)
