"""The kinds of pictures that are known, and where one may begin.

Three ways of lying in something are known: as it is (in a mail, an archive, an HTTP
response, a part of multipart/x-mixed-replace, a core dump), as base64 in a ``data:``
URI (in HTML, CSS, SVG, JSON), and as base64 that an empty line precedes, which is
how MIME writes a part (RFC 2045 section 6.8).

Starts are looked for with bytes.find: a signature, the same in base64, or ``64,``,
the rarest part of ``data:...;base64,`` that has no case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from fildes.wire import gif, jpeg, png, webp
from fildes.wire.base64_text import Base64Text, skip_base64
from fildes.wire.structure import Reader


class Kind(NamedTuple):
    """What there is to know of a kind of picture.

    Attributes:
      name: as an address has it.
      title: as messages have it.
      signature: what every file begins with.
      written: how that begins in base64.
      begins: tells of a prefix whether a file begins with it; None for too short.
      header_size: how many bytes it needs for that, at most.
      telltale: how many are enough to miss the rest of.
      reader: makes what verifies a file.
      suffix: that files are named with.
    """

    name: str
    title: str
    signature: bytes
    written: bytes
    begins: Callable[[bytes], bool | None]
    header_size: int
    telltale: int
    reader: Callable[[], Reader]
    suffix: str


PNG: Final = Kind(
    "png", "PNG file", png.SIGNATURE, b"iVBORw0KGg", png.begins_png, png.HEADER_SIZE,
    8, png.PngReader, ".png",
)  # fmt: skip
JPEG: Final = Kind(
    "jpeg", "JPEG file", jpeg.SIGNATURE, b"/9j/", jpeg.begins_jpeg, jpeg.HEADER_SIZE,
    4, jpeg.JpegReader, ".jpg",
)  # fmt: skip
GIF: Final = Kind(
    "gif", "GIF file", gif.SIGNATURE, b"R0lGOD", gif.begins_gif, gif.HEADER_SIZE,
    13, gif.GifReader, ".gif",
)  # fmt: skip
WEBP: Final = Kind(
    "webp", "WebP file", webp.SIGNATURE, b"UklGR", webp.begins_webp, webp.HEADER_SIZE,
    16, webp.WebpReader, ".webp",
)  # fmt: skip

KINDS: Final = (PNG, JPEG, GIF, WEBP)

_URI_HEAD = re.compile(rb"data:[^,:\s\"'<>]*;base64,", re.IGNORECASE)  # RFC 2397 section 3
_ANCHOR = b"64,"
_EMPTY_LINES = (b"\n\n", b"\n\r\n")
_MAX_URI_HEAD = 128  # arbitrary; "data:image/png;base64," has 22
_MAX_WRITTEN_HEADER = 2048  # arbitrary; twice what the longest header takes in base64

#: How much of what precedes a start is needed to know it for one.
LOOK_BEHIND: Final = _MAX_URI_HEAD + len(_ANCHOR)

#: A start may lie in so many of the last bytes, too short to be found yet.
LOOK_AHEAD: Final = max(len(text) for kind in KINDS for text in (kind.signature, kind.written)) - 1


class Start(NamedTuple):
    """Where a picture may begin.

    Attributes:
      offset: of its first byte, or of the first letter of its base64.
      in_base64: it is written so.
      since: where what makes it a start begins, the head of a URI or an empty line.
    """

    offset: int
    in_base64: bool
    since: int


class Verdict(NamedTuple):
    """What is known of a start.

    Attributes:
      kind: what begins there; None if nothing does, or it cannot be told.
      possible: it cannot be told, since the header is not all there.
      final: no more of the header will come.
    """

    kind: Kind | None
    possible: bool
    final: bool


def find_starts(text: bytes, offset: int, kinds: Sequence[Kind]) -> list[Start]:
    """Return where pictures may begin in *text*, from *offset* on, in order."""
    starts = [Start(at, False, at) for kind in kinds for at in _find(text, kind.signature, offset)]
    for kind in kinds:
        for at in _find(text, kind.written, offset):
            starts += [
                Start(at, True, at - len(line))
                for line in _EMPTY_LINES
                if text.endswith(line, 0, at)
            ]
    return sorted([*starts, *_find_uris(text, offset)])


def _find(text: bytes, needle: bytes, offset: int) -> Iterator[int]:
    while (offset := text.find(needle, offset)) >= 0:
        yield offset
        offset += len(needle)


def _find_uris(text: bytes, offset: int) -> Iterator[Start]:
    for anchor in _find(text, _ANCHOR, max(0, offset - len(_ANCHOR))):
        end = anchor + len(_ANCHOR)
        colon = text.rfind(b":", max(0, end - _MAX_URI_HEAD), end)
        head = _URI_HEAD.match(text, max(0, colon - len(b"data")))
        if end >= offset and head is not None and head.end() == end:
            yield Start(end, True, head.start())


def judge(text: bytes, start: Start, kinds: Sequence[Kind]) -> Verdict:
    """Return which of *kinds* begins at *start*, if that can be told."""
    header, final = header_at(text, start)
    verdicts = [(kind.begins(header[: kind.header_size]), kind) for kind in kinds]
    kind = next((kind for verdict, kind in verdicts if verdict), None)
    possible = kind is None and any(verdict is None for verdict, _ in verdicts)
    return Verdict(kind, possible, final)


def header_at(text: bytes, start: Start) -> tuple[bytes, bool]:
    """Return what is there of the header at *start*, and whether no more can come."""
    if not start.in_base64:
        return text[start.offset : start.offset + gif.HEADER_SIZE], False  # the longest
    written = text[start.offset : start.offset + _MAX_WRITTEN_HEADER]
    data, _ = Base64Text().decode(written)
    _, ends = skip_base64(written)
    return data, ends or len(written) == _MAX_WRITTEN_HEADER


def missed(text: bytes, start: Start, kinds: Sequence[Kind]) -> Kind | None:
    """Return the kind of the picture that ends inside its header, at the end of *text*."""
    header, _ = header_at(text, start)
    for kind in kinds:
        if len(header) >= kind.telltale and kind.begins(header[: kind.header_size]) is None:
            return kind
    return None
