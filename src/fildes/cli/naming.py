"""The names that received files get: never one that leads out of the folder, or astray."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fildes.cli.errors import UsageError

if TYPE_CHECKING:
    from fildes.address import Address

#: What a part of a file, and the record about it, are called besides the file's name.
PART_SUFFIX = ".fildes-part"
RECORD_SUFFIX = ".fildes-part.json"

#: Bytes of a name, so that it can have such a suffix as well; NAME_MAX of limits.h is 255.
MAX_NAME_SIZE = 255 - len(RECORD_SUFFIX)

#: What a shell, or a program, takes for something else at the beginning of a name.
MISREAD = (".", "-", "~")

#: Names of files by the scheme that cuts them out of others.
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "gif": ".gif", "webp": ".webp"}


def name_of(address: Address) -> str:
    """Return a name in the current folder for what *address* holds.

    Raises:
      UsageError: the address has no name, or one that a peer should not choose.
    """
    layers = [layer for layer in address.layers() if not layer.opaque]
    at = next((at for at, layer in enumerate(layers) if layer.path.strip("/")), 0)
    path = layers[at].path if layers else ""
    name = "" if path.endswith("/") else path.rpartition("/")[2]
    if layers and layers[at].host:  # encoded as on the wire
        from urllib.parse import unquote

        name = unquote(name, errors="surrogateescape")
    name = name_outside(name, layers[:at], address.scheme)
    if not is_good(name):
        raise UsageError(
            f"{address.display()} ends in no good name for a file: say one with -o FILE,"
            " or out=NAME in a list"
        )
    return name


def name_outside(name: str, layers: list[Address], scheme: str) -> str:
    """Return what a file called *name* is called after *layers*; *scheme* is the outermost."""
    for layer in reversed(layers):
        name = decompressed_name(name, layer.scheme)
    suffix = SUFFIXES.get(scheme, "")
    return name if not name or name.endswith(suffix) else os.path.splitext(name)[0] + suffix


def decompressed_name(name: str, scheme: str) -> str:
    """Return *name* without the suffix of the compression that *scheme* undoes."""
    from fildes.compression.inferring import SCHEMES

    root, suffix = os.path.splitext(name)
    if not root or SCHEMES.get(suffix.lower()) != scheme:
        return name
    return f"{root}.tar" if suffix[1] == "t" else root  # .tgz is .tar.gz


def is_good(name: str) -> bool:
    """Tell whether a file may be called *name*: in the folder, not hidden, as it reads.

    Nor may it be what `fildes.cli.partial` leaves: a peer could give the beginning of a
    file that comes from another one.
    """
    return (
        bool(name)
        and name.isprintable()
        and "/" not in name
        and len(os.fsencode(name)) <= MAX_NAME_SIZE
        and not name.startswith(MISREAD)
        and not name.endswith((PART_SUFFIX, RECORD_SUFFIX))
    )


def suggested_name(source: Any, address: Address) -> str | None:
    """Return the name that the server of *source* suggests, None for none that is good."""
    from fildes.wire.content_disposition import filename_of

    if source.response is None:
        return None
    name = filename_of(source.response.headers.get("content-disposition", ""))
    layers = list(address.layers())
    outside = layers[: next((at for at, each in enumerate(layers) if each.host), 0)]
    name = name_outside(name or "", outside, address.scheme)
    return name if is_good(name) else None
