"""The shape of an answer's head, as one pattern: what a server says each time alike.

A server answers for one document as for the next: with the same fields in the same order,
and another value in some of them. So of a head that was read in full a pattern is made. It
reads the next head of this shape in one match, which takes a tenth of the time.

It takes nothing that `fildes.wire.http1` would not: names stand in it as they were read, and
a value is what may be one. Fields on which it depends where the body ends, or what it is,
stand in it with their values. Only those that tell a size are read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: As in `fildes.wire.http1`, of bytes.
_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"
_SIZE = rb"[0-9]{1,18}"

#: Of each of these there has to be one, and what it says: 18 digits are below 2**63 - 1.
LENGTH: Final = {b"content-length": rb" (?P<length>%b)" % _SIZE}
RANGE: Final = {b"content-range": rb" bytes 0-(?P<last>%b)/(?P<total>%b)" % (_SIZE, _SIZE)}

CHUNKS: Final = {b"transfer-encoding": rb" (?i:chunked)"}

#: What begins so has one of these. A whole document is also a part that is all of it.
KINDS: Final = (
    (b"HTTP/1.1 200 ", CHUNKS),
    (b"HTTP/1.[01] 200 ", LENGTH),
    (b"HTTP/1.[01] 206 ", LENGTH | RANGE),
)

#: Where a kind has none of these, they are in none of its heads.
FRAMING: Final = frozenset({*LENGTH, *CHUNKS})

#: These mean the same only if they say the same.
FIXED: Final = frozenset({b"connection", b"content-encoding"})

MAX_FIELDS = 64  # arbitrary; what it takes to make a pattern grows with them


#: Stands for the size of a document that comes in chunks.
IN_CHUNKS: Final = -1


class Shape:
    """The shape of the heads of whole documents.

    Attributes:
      partial: they come as a part, so others can be asked for.
      chunked: they come in chunks, which tell where they end.
    """

    def __init__(self, source: bytes, *, partial: bool, chunked: bool) -> None:
        self.match: Callable[[bytes], re.Match[bytes] | None] = re.compile(source).match
        self.partial = partial
        self.chunked = chunked

    def find(self, data: bytes) -> tuple[int, int] | None:
        """Return where the body begins in *data*, and its size; None for another shape."""
        match = self.match(data)
        if match is None:
            return None
        if self.chunked:
            return match.end(), IN_CHUNKS
        if not self.partial:
            return match.end(), int(match["length"])
        length, last, total = match.group("length", "last", "total")
        size = int(length)
        return (match.end(), size) if total == length and int(last) + 1 == size else None


def shape_of(head: bytes) -> Shape | None:
    """Return the shape of *head*, which is one that was read; None if it has none."""
    status, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    parts = [line.partition(b":") for line in lines]
    names = [name.lower() for name, _, _ in parts]
    fields = kind_of(status, names)
    if fields is None or len(lines) > MAX_FIELDS:
        return None
    shown = [
        re.escape(name) + b":" + (re.escape(value) if lower in FIXED else fields.get(lower, _TEXT))
        for lower, (name, _, value) in zip(names, parts, strict=True)
    ]
    source = rb"\r\n".join([re.escape(status), *shown, rb"\r\n"])
    return Shape(source, partial=fields.keys() >= RANGE.keys(), chunked=fields is CHUNKS)


def kind_of(status: bytes, names: list[bytes]) -> Mapping[bytes, bytes] | None:
    """Return the fields of a head that tell its body, one each; None where there is a doubt."""
    for begin, fields in KINDS:
        once = all(names.count(name) == 1 for name in fields)
        if once and FRAMING.intersection(names) <= fields.keys() and re.match(begin, status + b" "):
            return fields
    return None
