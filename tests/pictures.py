"""PNG files to look for, made by Pillow and by hand."""

from __future__ import annotations

import functools
import io
import struct
import zlib

from fildes.wire.png import SIGNATURE


def chunk(name: bytes, data: bytes = b"") -> bytes:
    """Return one sound chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(*, width: int = 1, height: int = 1, tail: bytes = b"\x08\0\0\0\0") -> bytes:
    """Return an IHDR chunk; *tail* is depth, colour, compression, filter, interlace."""
    return chunk(b"IHDR", struct.pack(">II", width, height) + tail)


def dot(*before_data: bytes) -> bytes:
    """Return a picture of one grey pixel, with extra chunks."""
    data = chunk(b"IDAT", zlib.compress(b"\0\x80"))
    return b"".join([SIGNATURE, header(), *before_data, data, chunk(b"IEND")])


@functools.cache
def pillow(mode: str, size: int = 9, **options: object) -> bytes:
    """Return a picture that Pillow wrote."""
    image = __import__("pytest").importorskip("PIL.Image", reason="Pillow is not installed")
    file = io.BytesIO()
    image.linear_gradient("L").resize((size, size)).convert(mode).save(file, "PNG", **options)
    return file.getvalue()
