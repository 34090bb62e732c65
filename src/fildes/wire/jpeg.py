"""One JPEG file, its structure verified as its bytes go by.

ITU-T T.81 annex B: markers and segments, from SOI to EOI. What is inside a segment,
such as the small picture that cameras put into Exif, is a part of the file. The
entropy-coded data has no checksum, so of its content only the markers are verified.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Final

from fildes.wire.structure import Skip, SkipPast, Structure, StructureReader, Wanted

SIGNATURE: Final = b"\xff\xd8\xff"  # SOI, and the first byte of the marker that follows

#: SOI and the beginning of a segment that files begin with. Three bytes come by chance
#: in every 16 MiB; with what a known segment begins with, they do not.
HEADER: Final = re.compile(
    rb"\xff\xd8\xff(?:"
    rb"\xe0..(?:JF(?:IF|XX)\0|AVI1)"  # JFIF, https://www.w3.org/Graphics/JPEG/jfif3.pdf; AVI
    rb"|\xe1..(?:Exif\0|http:)"  # Exif 2.3 section 4.5.4; XMP
    rb"|\xe2..(?:ICC_P|MPF\0.)"  # ICC.1 annex B.4; CIPA DC-007
    rb"|\xe8..SPIFF|\xec..Ducky|\xed..(?:Photo|Adobe)|\xee..Adobe"  # T.84 annex F; Photoshop
    rb"|\xdb(?:(?:\0[\x43\x84\xc5]|\x01\x06)[\0-\x03]|\0\x83[\x10-\x13])."  # DQT: tables
    rb"|\xc4..[\0-\x03\x10-\x13]."  # DHT: class and identifier
    rb"|[\xc0-\xc2]\0[\x0b\x0e\x11\x14][\x08\x0c]."  # SOF of 1 to 4 components
    rb"|\xdd\0\x04..\xff|\xfe(?!\0[\0\x01])...."  # DRI; COM
    rb")",
    re.DOTALL,
)
HEADER_SIZE: Final = 11

_EOI, _SOS = 0xD9, 0xDA
_DHT, _DQT = 0xC4, 0xDB
_TABLES = frozenset({_DHT, _DQT})

#: Frame headers: SOF0 to SOF15, less DHT, JPG and DAC; table B.1.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

#: All markers with a segment: those, tables (DHT to DAC, DQT to EXP), APPn, JPGn, COM.
_SEGMENTS = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xFF)})

#: In entropy-coded data 0xFF is followed by a stuffed zero or by RSTn; section B.1.1.5.
_IN_SCAN = frozenset({0x00, *range(0xD0, 0xD8)})


def begins_jpeg(prefix: bytes) -> bool | None:
    """Return whether a JPEG file begins with *prefix*; None when it is too short to tell."""
    if len(prefix) >= HEADER_SIZE:
        return HEADER.match(prefix) is not None
    return None if SIGNATURE.startswith(prefix[: len(SIGNATURE)]) else False


class JpegReader(StructureReader):
    """Verifies a file that is known to begin with a `HEADER`."""

    title = "JPEG file"

    def structure(self) -> Structure:
        """Read markers and their segments up to EOI; figure B.2 of the standard."""
        yield 2  # SOI
        self._framed = self._scanned = False
        marker = (yield 2)[1]
        while marker != _EOI:
            if marker not in _SEGMENTS:
                raise self.corrupt(f"{marker:02X} is no marker of a segment")
            self.enter(f"segment {marker:02X}", before=2)
            yield from self._segment(marker)
            if marker == _SOS:
                self.enter("scan")
                marker = yield from self._scan()
            else:
                marker = yield from self._marker()
        if not self._scanned:
            raise self.corrupt("it has no picture")

    def _segment(self, marker: int) -> Structure:
        size = int.from_bytes((yield 2), "big")
        if size < 2:  # the length counts itself; section B.1.1.4
            raise self.corrupt(f"segment {marker:02X} of {size} bytes")
        if marker in _FRAMES:
            yield from self._frame(size)
        elif marker == _SOS:
            yield from self._scan_header(size)
        elif marker in _TABLES and size > 2:
            if not _is_whole(marker, (yield size - 2)):
                raise self.corrupt(f"segment {marker:02X} does not hold whole tables")
        else:
            yield Skip(size - 2)

    def _frame(self, size: int) -> Structure:
        """Read a frame header; section B.2.2."""
        head = yield 6  # precision, height, width, number of components
        if size != 8 + 3 * head[5] or not head[5] or not any(head[3:5]):
            raise self.corrupt("its frame header makes no sense")
        self._framed = True
        yield Skip(3 * head[5])

    def _scan_header(self, size: int) -> Structure:
        """Read a scan header; section B.2.3."""
        count = (yield 1)[0]
        if size != 6 + 2 * count or not 1 <= count <= 4 or not self._framed:
            raise self.corrupt("its scan header makes no sense")
        self._scanned = True
        yield Skip(size - 3)

    def _scan(self) -> Generator[Wanted, bytes, int]:
        """Pass over entropy-coded data; return the marker that ends it."""
        while True:
            yield SkipPast(b"\xff")
            marker = yield from self._after_ff()
            if marker not in _IN_SCAN:
                return marker

    def _marker(self) -> Generator[Wanted, bytes, int]:
        if (yield 1) != b"\xff":
            raise self.corrupt(f"no marker behind its {self.place}")
        return (yield from self._after_ff())

    def _after_ff(self) -> Generator[Wanted, bytes, int]:
        """Return the next byte that does not fill; section B.1.1.2."""
        while (code := (yield 1)[0]) == 0xFF:
            pass
        return code


def _is_whole(marker: int, data: bytes) -> bool:
    """Tell whether *data* is a sequence of tables; sections B.2.4.1 and B.2.4.2."""
    offset = 0
    while offset < len(data):
        kind, identifier = divmod(data[offset], 16)  # class, or precision, and destination
        if kind > 1 or identifier > 3:
            return False
        if marker == _DQT:
            offset += 1 + 64 * (kind + 1)
        else:
            offset += 17 + sum(data[offset + 1 : offset + 17])
    return offset == len(data)
