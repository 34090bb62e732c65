"""Documents that a server compresses for the journey; RFC 9110 section 8.4.

Only on request: a compressed document has no positions, and 10 kB of it may be 10 GB.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from fildes.compression.codec import decompress
from fildes.errors import ProtocolError
from fildes.http.body import HttpStream
from fildes.http.fetching import Fetch
from fildes.http.response import printable
from fildes.opening import registry
from fildes.wire.inflate import Inflate
from fildes.wire.members import Format

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.response import Response
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

MAX_CODINGS = 5  # arbitrary; more than one is hardly ever seen

#: Schemes by the names that their format has in HTTP; RFC 9110 section 8.4.1, RFC 8878.
SCHEMES: Final = {"gzip": "gzip", "x-gzip": "gzip", "br": "br", "zstd": "zstd"}

#: What is offered, if it is installed, besides deflate; an x-name is only understood.
OFFERED: Final = ("gzip", "br", "zstd")

#: First bytes of RFC 1950: method 8, and a window of any size.
ZLIB_STARTS = tuple(bytes((window << 4 | 8,)) for window in range(8))


async def fetch_decoded(opening: Opening, address: Address) -> Stream:
    """Return the document at *address*, which may travel compressed, as it is meant.

    Raises:
      ProtocolError: it came in a coding that was not offered, or in too many.
      OSError: as `fetch`.
    """
    fetch = Fetch(opening, address, opening.pool)
    if not fetch.request.says("accept-encoding"):
        own = (*fetch.request.own, ("Accept-Encoding", accepted()))
        fetch.request = fetch.request._replace(own=own)
    _, answer = await fetch.travel()
    body = HttpStream(answer, opening.pool)
    try:
        with opening.blame("decode"):
            formats = formats_of(answer.response)
    except BaseException:
        body.abort()
        raise
    stream: Stream = body
    if body.body.done:  # of nothing there is no compressed form
        return stream
    for format in formats:
        stream = await decompress(opening, stream, format, opening.option(address, "max_size"))
    return stream


def accepted() -> str:
    """Return the value of Accept-Encoding: the codings that can be decoded here."""
    names = [name for name in OFFERED if format_of(name) is not None]
    return ", ".join((*names, "deflate"))


def formats_of(response: Response) -> list[Format]:
    """Return the formats to decode, the outermost first.

    Raises:
      ProtocolError: there are too many, or one that is not known here.
    """
    fields = response.headers.get_all("Content-Encoding")
    names = [name.strip(" \t").lower() for field in fields for name in field.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > MAX_CODINGS:
        raise ProtocolError(f"encoded {len(names)} times; at most {MAX_CODINGS} are undone")
    formats = [format_of(name) for name in reversed(names)]
    known = [format for format in formats if format is not None]
    if len(known) < len(names):
        shown = printable(", ".join(names))
        raise ProtocolError(f"the server sent Content-Encoding {shown}, which it was not offered")
    return known


def format_of(name: str) -> Format | None:
    """Return the format that a coding's *name* stands for; None if it cannot be decoded here."""
    if name == "deflate":
        import zlib

        return Format("deflate", ZLIB_STARTS, lambda: Inflate(zlib.MAX_WBITS), (zlib.error,))
    if name not in SCHEMES:
        return None
    try:
        found: Format = registry.find_module(SCHEMES[name]).codec().format
    except OSError as error:
        if error.errno != errno.ENOPKG:  # not installed
            raise
        return None
    return found
