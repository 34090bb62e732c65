"""The host names that a certificate is for, out of its DER; RFC 5280.

OpenSSL tells a program only of certificates that it has verified. A server wants to
know what its own are for, so this reads as much of the structure as leads there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fildes.errors import ProtocolError

OBJECT = 0x06
EXTENSIONS = 0xA3  #: [3] of TBSCertificate; RFC 5280 section 4.1
DNS_NAME = 0x82  #: [2] of GeneralName; section 4.2.1.6
SUBJECT_ALT_NAME = bytes.fromhex("551d11")  #: 2.5.29.17

#: Bytes of a length that are still a size in memory; X.690 section 8.1.3.5.
MAX_LENGTH_SIZE = 4


class Element(NamedTuple):
    """One element of DER: its tag, and what it holds."""

    tag: int
    content: bytes


def dns_names(certificate: bytes) -> list[str]:
    """Return the names of hosts in a certificate, in small letters.

    Raises:
      ProtocolError: it is no certificate.
    """
    body = first(first(certificate))
    names: list[str] = []
    for extensions in inside(body, EXTENSIONS):
        for extension in elements(first(extensions.content)):
            names += names_in(extension)
    return names


def names_in(extension: Element) -> Iterator[str]:
    """Yield the names of hosts in one extension; none, if it holds something else."""
    parts = list(elements(extension.content))
    if parts and parts[0] == (OBJECT, SUBJECT_ALT_NAME):
        # What lies between is whether the extension is critical.
        for names in elements(parts[-1].content):
            for name in inside(names.content, DNS_NAME):
                yield name.content.decode("ascii", "replace").lower()


def inside(data: bytes, tag: int) -> Iterator[Element]:
    """Yield those elements of *data* that are tagged *tag*."""
    return (each for each in elements(data) if each.tag == tag)


def first(data: bytes) -> bytes:
    """Return the content of the first element of *data*."""
    element = next(elements(data), None)
    if element is None:
        raise ProtocolError("no certificate: something in it is empty")
    return element.content


def elements(data: bytes) -> Iterator[Element]:
    """Yield the elements that *data* is a row of."""
    at = 0
    while at < len(data):
        tag, start, end = bounds(data, at)
        yield Element(tag, data[start:end])
        at = end


def bounds(data: bytes, at: int) -> tuple[int, int, int]:
    """Return tag, start and end of the content of the element at *at*; X.690 section 8.1."""
    start = at + 2
    length = data[at + 1] if start <= len(data) else -1
    if length & 0x80 and length > 0:
        size = length & 0x7F
        if not 0 < size <= MAX_LENGTH_SIZE:
            raise ProtocolError("no certificate: a length in it is not DER")
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if length < 0 or start + length > len(data):
        raise ProtocolError("no certificate: it ends too soon")
    return data[at], start, start + length
