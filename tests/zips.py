"""Zip archives, as the standard library makes them, and how a test reads them."""

from __future__ import annotations

import contextlib
import io
import os
import zipfile
from collections.abc import Iterator

import fildes
from fildes.schemes.data import memory_file

NOISE = bytes(range(256)) * 300
MEMBERS = {
    "a/b.txt": b"hello " * 999,
    "a/empty": b"",
    "noise": NOISE,
    "../../evil": b"only a name",
    "/etc/passwd": b"so is this",
    "é☃": b"not ascii",
}


def archive(
    members: dict[str, bytes] = MEMBERS, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b""
) -> bytes:
    """Return a zip archive as the standard library makes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as writer:
        for name, content in members.items():
            writer.writestr(name, content)
        writer.comment = comment
    return buffer.getvalue()


@contextlib.contextmanager
def held(content: bytes) -> Iterator[str]:
    """Yield the address of *content*, a file in memory."""
    fd = memory_file(content)
    try:
        yield f"fd:{fd}"
    finally:
        os.close(fd)


def member(content: bytes, name: str = "a/b.txt", options: str = "") -> bytes:
    """Return what the member called *name* of an archive holds."""
    with held(content) as place, fildes.open(f"zip:{name}{options}::{place}") as file:
        return file.read()
