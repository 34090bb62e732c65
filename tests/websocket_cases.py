"""What RFC 6455 says of frames, as cases: frames that a peer sends, and what comes of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from websocket_script import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

NORMAL, PROTOCOL, TEXTLESS = 1000, 1002, 1007  # section 7.4.1


class Sent(NamedTuple):
    """A frame of the peer's."""

    opcode: int
    data: bytes = b""
    last: bool = True
    rsv: int = 0

    def encoded(self, mask: bytes) -> bytes:
        return frame(self.opcode, self.data, last=self.last, mask=mask, rsv=self.rsv)


class Case(NamedTuple):
    """What comes of some frames.

    Attributes:
      section: of RFC 6455.
      messages: those that are received whole, before any end.
      pong: what the last ping is answered with; None for no answer.
      code: of the Close that the peer is told; 0 if it is told nothing.
    """

    section: str
    name: str
    frames: tuple[Sent, ...]
    messages: tuple[bytes, ...] = ()
    pong: bytes | None = None
    code: int = 0


def close(code: int, reason: bytes = b"") -> Sent:
    return Sent(CLOSE, struct.pack("!H", code) + reason)


END = close(NORMAL, b"bye")
HELLO = Sent(TEXT, b"hello")


def framing() -> Iterator[Case]:
    """Messages of every form of their length."""
    for size in (0, 1, 125, 126, 127, 128, 65535, 65536, 70_001):
        for opcode in (TEXT, BINARY):
            data = b"*" * size
            name = f"{size} bytes of {opcode}"
            yield Case("5.2", name, (Sent(opcode, data), END), (data,), code=NORMAL)
    yield Case("5.6", "any bytes", (Sent(BINARY, bytes(range(256))), END), (bytes(range(256)),),
               code=NORMAL)  # fmt: skip


def controls() -> Iterator[Case]:
    """Pings and pongs."""
    for data in (b"", b"hello", b"\x00\xff\xfe", b"\xfe" * 125):
        yield Case("5.5.2", f"ping of {len(data)}", (Sent(PING, data), END), (), data, NORMAL)
    many = tuple(Sent(PING, b"%d" % number) for number in range(10))
    yield Case("5.5.3", "many pings: the last one counts", (*many, END), (), b"9", NORMAL)
    for data in (b"", b"unasked", b"x" * 125):
        yield Case("5.5.3", f"pong of {len(data)}, unasked", (Sent(PONG, data), HELLO, END),
                   (b"hello",), None, NORMAL)  # fmt: skip
    yield Case("5.5.3", "pong, then ping", (Sent(PONG, b"x"), Sent(PING, b"y"), END), (), b"y",
               NORMAL)  # fmt: skip
    for opcode in (PING, PONG, CLOSE):
        large = Sent(opcode, b"\x03\xe8" + b"x" * 124)
        yield Case("5.5", f"control {opcode} of 126 bytes", (large,), code=PROTOCOL)
        part = Sent(opcode, b"\x03\xe8", last=False)
        yield Case("5.5", f"control {opcode} in parts", (part,), code=PROTOCOL)


def reserved() -> Iterator[Case]:
    """Bits and opcodes that mean nothing yet."""
    for bits in range(1, 8):
        for opcode in (TEXT, BINARY, PING, PONG, CLOSE):
            bad = Sent(opcode, b"\x03\xe8", rsv=bits)
            yield Case("5.2", f"bits {bits} of {opcode}", (HELLO, bad), (b"hello",), None, PROTOCOL)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        for data in (b"", b"hello"):
            yield Case("5.2", f"opcode {opcode} with {len(data)}", (HELLO, Sent(opcode, data)),
                       (b"hello",), None, PROTOCOL)  # fmt: skip


def fragments() -> Iterator[Case]:
    """Messages in parts."""
    for opcode in (TEXT, BINARY):
        first, last = Sent(opcode, b"frag", last=False), Sent(CONTINUATION, b"ment")
        whole, between = (b"fragment",), Sent(CONTINUATION, b"-", last=False)
        yield Case("5.4", f"two of {opcode}", (first, last, END), whole, None, NORMAL)
        yield Case("5.4", f"three of {opcode}", (first, between, last, END), (b"frag-ment",),
                   None, NORMAL)  # fmt: skip
        yield Case("5.4", f"ping between, {opcode}", (first, Sent(PING, b"p"), last, END), whole,
                   b"p", NORMAL)  # fmt: skip
        empty = Sent(opcode, b"", last=False), Sent(CONTINUATION, b"", last=False)
        yield Case("5.4", f"empty parts, {opcode}", (*empty, last, END), (b"ment",), None, NORMAL)
        yield Case("5.4", f"all empty, {opcode}", (*empty, Sent(CONTINUATION), END), (b"",), None,
                   NORMAL)  # fmt: skip
        for second in (TEXT, BINARY):
            another = Sent(second, b"another")
            yield Case("5.4", f"{second} within {opcode}", (first, another), (), None, PROTOCOL)
        yield Case("5.4", f"continued behind {opcode}", (first, last, last), whole, None, PROTOCOL)
    for whole_part in (True, False):
        lone = Sent(CONTINUATION, b"lone", last=whole_part)
        yield Case("5.4", f"nothing to continue, {whole_part}", (HELLO, lone), (b"hello",), None,
                   PROTOCOL)  # fmt: skip
    pieces = tuple(Sent(CONTINUATION, b"%d" % number, last=False) for number in range(9))
    pinged = tuple(each for piece in pieces for each in (piece, Sent(PING, piece.data)))
    yield Case("5.5", "a ping behind each part", (Sent(BINARY, b"", last=False), *pinged,
               Sent(CONTINUATION), END), (b"012345678",), b"8", NORMAL)  # fmt: skip


#: Texts of RFC 3629, the last and the first of each length among them.
GOOD_TEXTS = ("κόσμε", "\x00", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd",
              "\ufffe", "\uffff", "\U00010000", "\U0001ffff", "\U0010ffff")  # fmt: skip

#: What is no UTF-8; RFC 3629 section 3.
BAD_TEXTS = (
    b"\x80", b"\xbf", b"\x80\xbf", b"\xc0\xaf", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\xaf",
    b"\xe0\x9f\xbf", b"\xf0\x80\x80\xaf", b"\xf0\x8f\xbf\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80", b"\xfe", b"\xff", b"\xfe\xfe\xff\xff", b"\xce\xba\xe1\xbd\xb9\xcf",
    b"\xc3", b"\xe1\x80", b"\xf0\x90\x80", b"\xc3x", b"\xe1\x80x",
)  # fmt: skip


def texts() -> Iterator[Case]:
    """UTF-8, of which characters may be in several parts, but not in several messages."""
    for text in GOOD_TEXTS:
        data = f"<{text}>".encode()
        yield Case("5.6", f"text {data!r}", (Sent(TEXT, data), END), (data,), None, NORMAL)
        parts = [Sent(CONTINUATION, bytes([byte]), last=False) for byte in data[1:]]
        parted = (Sent(TEXT, data[:1], last=False), *parts, Sent(CONTINUATION))
        yield Case("5.6", f"parted {data!r}", (*parted, END), (data,), None, NORMAL)
    for data in BAD_TEXTS:
        for message in (data, b"good" + data):
            name = f"no text {message!r}"
            yield Case("8.1", name, (HELLO, Sent(TEXT, message)), (b"hello",), None, TEXTLESS)
    # What can be no text any more fails before its message has ended.
    early = Sent(TEXT, b"\xce\xba\xf4\x90", last=False)
    yield Case("8.1", "no text, early", (early,), (), None, TEXTLESS)
    cut = Sent(TEXT, b"\xce\xba\xe1\xbd", last=False), Sent(CONTINUATION, b"")
    yield Case("8.1", "cut character", cut, (), None, TEXTLESS)


#: Codes that a peer may send: RFC 6455 section 7.4 and the registry of IANA.
GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000,
              4999)  # fmt: skip
BAD_CODES = (0, 1, 999, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


def closing() -> Iterator[Case]:
    """Close frames, which are answered with their own code."""
    yield Case("5.5.1", "hello and close", (HELLO, END), (b"hello",), None, NORMAL)
    yield Case("5.5.1", "close twice", (END, END), (), None, NORMAL)
    yield Case("5.5.1", "ping behind close", (END, Sent(PING, b"late")), (), None, NORMAL)
    yield Case("5.5.1", "text behind close", (END, HELLO), (), None, NORMAL)
    yield Case("7.1.5", "close without a code", (Sent(CLOSE),), (), None, NORMAL)
    yield Case("5.5.1", "close of one byte", (Sent(CLOSE, b"\x03"),), (), None, PROTOCOL)
    yield Case("5.5.1", "reason of 123 bytes", (close(1000, b"*" * 123),), (), None, NORMAL)
    for code in GOOD_CODES:
        for reason in (b"", "zwölf".encode()):
            name = f"code {code}, {len(reason)}"
            yield Case("7.4.1", name, (close(code, reason),), (), None, code)
    for code in BAD_CODES:
        for reason in (b"", b"why"):
            name = f"code {code}, {len(reason)}"
            yield Case("7.4.2", name, (HELLO, close(code, reason)), (b"hello",), None, PROTOCOL)
    for data in (b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80", b"\xff"):
        yield Case("8.1", f"reason {data!r}", (close(1000, data),), (), None, TEXTLESS)


CASES = [*framing(), *controls(), *reserved(), *fragments(), *texts(), *closing()]
