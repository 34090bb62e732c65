"""Tar archives, as the standard library makes them."""

from __future__ import annotations

import io
import tarfile
from typing import Any

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)

MEMBERS = {
    "a/b.txt": b"hello " * 999,
    "a/empty": b"",
    "noise": bytes(range(256)) * 3,
    "../../evil": b"only a name",
    "/etc/passwd": b"so is this",
    "é☃": b"not ascii",
    "long/" * 30 + "name": b"in a prefix or an extension",
}


def archive(members: dict[str, bytes] = MEMBERS, format: int = tarfile.GNU_FORMAT) -> bytes:
    """Return a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as writer:
        for name, content in members.items():
            writer.addfile(info(name, size=len(content)), io.BytesIO(content))
    return buffer.getvalue()


def info(name: str, **fields: Any) -> tarfile.TarInfo:
    """Return the header of a member."""
    header = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(header, field, value)
    return header


def special(*headers: tarfile.TarInfo) -> bytes:
    """Return an archive of members without data."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as writer:
        for header in headers:
            writer.addfile(header)
    return buffer.getvalue()
