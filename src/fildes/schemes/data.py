"""data: a document that its address holds; RFC 2397."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="data",
    shape=Shape.OPAQUE,
    summary="a document that its address holds",
    mode="rb",
    confined=True,
    examples=(
        Example("data:,hello", "five bytes of text"),
        Example("data:image/gif;base64,R0lGODlhAQABAAAAACw=", "the beginning of a picture"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Put the document into memory that has a descriptor: memfd_create(2), Linux only."""
    from fildes.streams.kernel import DescriptorStream
    from fildes.wire.data_uri import parse_data_uri

    _, data = parse_data_uri(address.path)
    with opening.step("decode", f"data, {len(data)} bytes"):
        return DescriptorStream(memory_file(data))


def memory_file(data: bytes) -> int:
    """Return a descriptor of a file with *data*, which nobody who gets it can change."""
    import fcntl

    fd = os.memfd_create("fildes-data", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        while data:
            data = data[os.write(fd, data) :]
        os.lseek(fd, 0, os.SEEK_SET)
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    except BaseException:
        os.close(fd)
        raise
    return fd
