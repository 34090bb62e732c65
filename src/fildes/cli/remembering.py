"""Which version of a document a file holds, for `fildes get --if-changed`.

It is kept in an extended attribute (xattr(7)) of the file. Where there is none the
file's time has to do, which is why it is set to that of the document.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.response import Headers

ATTRIBUTE = "user.fildes.version"


def remember(sink: int, address: Address, headers: Headers) -> None:
    """Keep with the file at the descriptor *sink*, which is complete, what it is."""
    import json

    modified = headers.get("Last-Modified")
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        from email.utils import parsedate_to_datetime

        seconds = int(parsedate_to_datetime(modified or "").timestamp())
        os.utime(sink, ns=(seconds * 10**9, seconds * 10**9))
    status = os.fstat(sink)
    known = {
        "address": address.display(),
        "etag": headers.get("ETag"),
        "modified": modified,
        "size": status.st_size,
        "mtime": status.st_mtime_ns,
    }
    with contextlib.suppress(OSError):  # a file system without, or with no room for it
        os.setxattr(sink, ATTRIBUTE, json.dumps(known).encode())


def conditions(place: str, address: Address) -> dict[str, str]:
    """Return the options that ask for what is at *address* only if *place* holds another version.

    Nothing, if there is no file, or one that was changed since.
    """
    try:
        status = os.stat(place)
    except FileNotFoundError:
        return {}
    known = attribute_of(place)
    if known is None:
        from email.utils import formatdate

        return {"if_modified_since": formatdate(status.st_mtime, usegmt=True)}
    if (known.get("size"), known.get("mtime")) != (status.st_size, status.st_mtime_ns):
        return {}
    if known.get("address") != address.display():
        return {}
    given = {"if_none_match": known.get("etag"), "if_modified_since": known.get("modified")}
    return next(({name: str(value)} for name, value in given.items() if value), {})


def attribute_of(place: str) -> dict[str, Any] | None:
    """Return what is kept with the file at *place*, None without it."""
    import json

    try:
        known = json.loads(os.getxattr(place, ATTRIBUTE))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None
