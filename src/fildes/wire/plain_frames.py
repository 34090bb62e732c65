"""Plain frames: whole binary messages without compression, which most are; RFC 6455 section 5.2.

They are written and read here, as each byte is copied once: wsproto does so four times, and
takes a small frame apart in three times the time. It gets the bytes of all others as they are.
"""

from __future__ import annotations

import functools
import struct
from typing import Final, NamedTuple

#: The first byte of a plain frame: it is the last of its message, binary, and nothing else.
PLAIN: Final = 0x82

MASKED: Final = 0x80  #: in the second byte

#: The least size that is written in so many further bytes: the shortest form is a must.
LEAST: Final = {2: 126, 8: 65536}


class Part(NamedTuple):
    """What comes next.

    Attributes:
      data: of a plain frame what it holds, unmasked; of any other its bytes.
      last: the frame ends with it.
    """

    plain: bool
    data: memoryview
    last: bool


class FrameSplitter:
    """Tells plain frames from others; bytes in, parts out, none of them empty.

    What is wrong with a frame is not found out here: it is none of ours then.

    Attributes:
      within: a message has begun in frames that are none of ours, so that none is plain.
    """

    def __init__(self, *, client: bool) -> None:
        self.mark = 0 if client else MASKED
        self.buffer = bytearray()
        self.at = 0
        self.left = 0  # bytes of the frame under way
        self.plain = False
        self.key = b""
        self.within = False

    def feed(self, data: memoryview) -> None:
        """Take *data*, of which nothing is kept; parts given out before stay as they are."""
        rest = self.buffer[self.at :] if self.at < len(self.buffer) else b""
        self.buffer = bytearray(data) if not rest else bytearray(rest) + data
        self.at = 0

    @property
    def rest(self) -> int:
        """How many bytes were taken, and not given out."""
        return len(self.buffer) - self.at

    def next_part(self) -> Part | None:
        """Return the next part; None if more bytes are needed."""
        if not self.left and not self.begin():
            return None
        start = self.at
        size = min(self.left, len(self.buffer) - start)
        if not size:
            return None
        self.at += size
        self.left -= size
        if self.plain and self.key:
            self.unmask(start, self.at)
        return Part(self.plain, memoryview(self.buffer)[start : self.at], not self.left)

    def begin(self) -> bool:
        """Look at the head of a frame; whether all of it is there."""
        buffer, at = self.buffer, self.at
        have = len(buffer) - at
        if have < 2:
            return False
        size, masked = buffer[at + 1] & 0x7F, buffer[at + 1] & MASKED
        more = 0 if size < 126 else 2 if size == 126 else 8
        head = 2 + more + (4 if masked else 0)
        if have < head:
            return False
        least = 1
        if more:
            size, least = int.from_bytes(buffer[at + 2 : at + 2 + more], "big"), LEAST[more]
        good = size >= least and not size >> 63 and masked == self.mark
        self.plain = good and buffer[at] == PLAIN and not self.within
        if self.plain:
            self.key = bytes(buffer[at + head - 4 : at + head]) if masked else b""
            self.at += head
            self.left = size
        else:
            self.left = head + size
        return True

    def unmask(self, start: int, stop: int) -> None:
        """Unmask what is in the buffer, in its place, and turn the key for what follows."""
        xor(self.buffer, start, stop, self.key)
        turn = (stop - start) % 4
        self.key = self.key[turn:] + self.key[:turn]


def message(opcode: int, data: memoryview | bytes, key: bytes = b"") -> bytes | bytearray:
    """Return a message of one frame.

    Args:
      key: four bytes that nobody can foretell, if a client sends; section 5.3.
    """
    size, masked = len(data), MASKED if key else 0
    if size < 126:
        head = bytes((0x80 | opcode, masked | size))
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, masked | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, masked | 127, size)
    if not key:
        return b"".join((head, data))
    frame = bytearray(head + key)
    start = len(frame)
    frame += data
    xor(frame, start, len(frame), key)
    return frame


def xor(data: bytearray, start: int, stop: int, key: bytes) -> None:
    """Mask or unmask *data* from *start* to *stop*, in its place.

    Every fourth byte has the same byte of the key: it takes a copy of those, a translation and
    a copy back, 1 ns a byte. By large integers it takes 2, the whole of it or in blocks.
    """
    # To put nothing into a bytearray is to resize it, which none of its views would allow.
    for place, byte in enumerate(key[: stop - start], start):
        data[place:stop:4] = data[place:stop:4].translate(xor_table(byte))


@functools.cache
def xor_table(key: int) -> bytes:
    """Return what `bytes.translate` needs to XOR each byte with *key*."""
    return bytes(byte ^ key for byte in range(256))
