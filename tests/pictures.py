"""Picture files to look for, made by Pillow and by hand."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from typing import Any

import pytest

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
def pillow(mode: str, size: int = 9, file_format: str = "PNG", **options: Any) -> bytes:
    """Return a picture that Pillow wrote."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    file = io.BytesIO()
    picture = image.linear_gradient("L").resize((size, size)).convert(mode)
    picture.save(file, file_format, **options)
    return file.getvalue()


@functools.cache
def animated(file_format: str, size: int = 9) -> bytes:
    """Return three pictures, one after the other, in one file that Pillow wrote."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    gradient = image.linear_gradient("L").resize((size, size))
    first, *others = [gradient.rotate(90 * turn).convert("RGB") for turn in range(3)]
    file = io.BytesIO()
    first.save(file, file_format, save_all=True, append_images=others)
    return file.getvalue()


def photograph(thumbnail: bytes = b"") -> bytes:
    """Return a JPEG file as a camera writes it, with a small one in its Exif."""
    exif = b"Exif\0\0II*\0" + thumbnail
    plain = pillow("RGB", 16, "JPEG")
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]


def each_kind() -> list[bytes]:
    """Return one small picture of every kind and way of writing it that Pillow has."""
    return [
        pillow("RGB", 9, "PNG"),
        pillow("L", 9, "JPEG"),
        pillow("RGB", 40, "JPEG", progressive=True, comment=b"two"),
        pillow("CMYK", 9, "JPEG"),
        pillow("RGB", 40, "JPEG", restart_marker_blocks=1),
        photograph(pillow("L", 9, "JPEG")),
        pillow("P", 9, "GIF"),
        pillow("L", 9, "GIF", comment=b"a comment"),
        animated("GIF"),
        pillow("RGB", 9, "WEBP"),
        pillow("RGBA", 9, "WEBP", lossless=True),
        pillow("RGBA", 9, "WEBP", quality=50),
        animated("WEBP"),
    ]
