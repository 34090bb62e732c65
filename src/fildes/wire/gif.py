"""One GIF file, its structure verified as its bytes go by.

https://www.w3.org/Graphics/GIF/spec-gif89a.txt, from the header to the trailer. The
format has no checksum; its blocks and their sizes are verified.
"""

from __future__ import annotations

import re
from typing import Final

from fildes.wire.structure import Skip, Structure, StructureReader

SIGNATURE: Final = b"GIF8"

#: Header and logical screen descriptor, sections 17 and 18. Seven characters of text
#: where the latter should be are a text about such files.
_SCREEN = re.compile(rb"GIF8[79]a(?![\t\n\r -~]{7})(?!\0\0|..\0\0).{7}", re.DOTALL)
_SCREEN_SIZE = 13

_EXTENSION, _IMAGE, _TRAILER = b"\x21", b"\x2c", b"\x3b"
_PLACES = {_EXTENSION: "extension", _IMAGE: "image"}

#: The first block: an extension (application, comment, graphic control, plain text, with
#: the size of its first sub-block) or an image descriptor.
_FIRST_BLOCK = re.compile(rb"\x21(?:\xff\x0b|\xfe.|\xf9\x04|\x01\x0c)|\x2c..", re.DOTALL)
_FIRST_BLOCK_SIZE = 3
_EXTENSION_LABELS = frozenset({0x01, 0xF9, 0xFE, 0xFF})

#: What `begins_gif` may need: a colour table of 256 colours lies before the first block.
HEADER_SIZE: Final = _SCREEN_SIZE + 3 * 256 + _FIRST_BLOCK_SIZE

_CODE_SIZES = range(1, 12)  # of LZW; 2 to 8 by the standard's appendix F, 12 bits at most


def begins_gif(prefix: bytes) -> bool | None:
    """Return whether a GIF file begins with *prefix*; None when it is too short to tell."""
    if len(prefix) < _SCREEN_SIZE:
        return None if SIGNATURE.startswith(prefix[: len(SIGNATURE)]) else False
    if not _SCREEN.match(prefix):
        return False
    first = _SCREEN_SIZE + _table_size(prefix[10])
    if len(prefix) < first + _FIRST_BLOCK_SIZE:
        return None
    return _FIRST_BLOCK.match(prefix, first) is not None


class GifReader(StructureReader):
    """Verifies a file that `begins_gif`."""

    title = "GIF file"

    def structure(self) -> Structure:
        """Read blocks up to the trailer; appendix B of the standard."""
        screen = yield _SCREEN_SIZE
        yield Skip(_table_size(screen[10]))
        pictures = 0
        while (block := (yield 1)) != _TRAILER:
            if block not in _PLACES:
                raise self.corrupt(f"{block.hex().upper()} begins no block")
            self.enter(_PLACES[block], before=1)
            if block == _IMAGE:
                yield from self._image()
                pictures += 1
            else:
                yield from self._extension()
        if not pictures:
            raise self.corrupt("it has no picture")

    def _image(self) -> Structure:
        """Read an image descriptor, its colours and its data; sections 20 to 22."""
        descriptor = yield 9
        yield Skip(_table_size(descriptor[8]))
        code_size = (yield 1)[0]
        if code_size not in _CODE_SIZES:
            raise self.corrupt(f"LZW codes of {code_size} bits")
        yield from self._sub_blocks()

    def _extension(self) -> Structure:
        label = (yield 1)[0]
        if label not in _EXTENSION_LABELS:
            raise self.corrupt(f"{label:02X} is no extension")
        yield from self._sub_blocks()

    def _sub_blocks(self) -> Structure:
        """Pass over sub-blocks up to the empty one; sections 15 and 16."""
        while size := (yield 1)[0]:
            yield Skip(size)


def _table_size(packed: int) -> int:
    """Return the bytes of the colour table that *packed* fields announce; section 18."""
    return 3 * 2 ** ((packed & 7) + 1) if packed & 0x80 else 0
