"""One WebP file, its structure verified as its bytes go by.

RFC 9649 section 2: a RIFF header with the size of the whole, then chunks. The
format has no checksum; that the chunks fill the announced size exactly is verified.
"""

from __future__ import annotations

import re
from typing import Final

from fildes.wire.structure import Skip, Structure, StructureReader

SIGNATURE: Final = b"RIFF"

_CHUNK = re.compile(
    rb"RIFF....WEBPVP8(?: ....(?:...\x9d\x01\x2a)|L....\x2f.....|X\x0a\0\0\0......)",
    re.DOTALL,
)  # a lossy frame (RFC 6386 section 9.1), a lossless one (section 3.4), or the extended header
HEADER_SIZE: Final = 26
_FORM_SIZE = 16  # up to the name of the first chunk
_FORM = re.compile(rb"RIFF.{4}WEBPVP8[ LX]", re.DOTALL)

_HEAD_SIZE = 8  # of a chunk: name and size
_NAME = re.compile(rb"[ -~]{4}")
_PICTURES = frozenset({b"VP8 ", b"VP8L", b"ANMF"})  # sections 2.5, 2.6 and 2.7.1.1


def begins_webp(prefix: bytes) -> bool | None:
    """Return whether a WebP file begins with *prefix*; None when it is too short to tell."""
    if len(prefix) >= HEADER_SIZE:
        return _CHUNK.match(prefix) is not None
    if len(prefix) >= _FORM_SIZE:
        return None if _FORM.match(prefix) else False
    return None if SIGNATURE.startswith(prefix[: len(SIGNATURE)]) else False


class WebpReader(StructureReader):
    """Verifies a file that `begins_webp`."""

    title = "WebP file"

    def structure(self) -> Structure:
        """Read chunks up to the size that the header announces; section 2.3."""
        head = yield 12
        end = _HEAD_SIZE + int.from_bytes(head[4:8], "little")
        seen = set()
        while self.size < end:
            if end - self.size < _HEAD_SIZE:
                raise self.corrupt("its chunks do not fill it")
            head = yield _HEAD_SIZE
            name, size = head[:4], int.from_bytes(head[4:], "little")
            if not _NAME.fullmatch(name):
                raise self.corrupt(f"{name!r} is no name of a chunk")
            self.enter(f"{name.decode('ascii')} chunk", before=_HEAD_SIZE)
            if self.size + size > end:
                raise self.corrupt(f"its {self.place} is larger than the file")
            # Chunks are padded to even sizes; some writers leave out the very last one.
            yield Skip(min(size + size % 2, end - self.size))
            seen.add(name)
        if not seen & _PICTURES:
            raise self.corrupt("it has no picture")
