"""Receive what an address holds into a file.

The file is there only when it is complete: it is written beside its place and put
there at the end. A file that is there already stays, unless --force is given.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fildes import verbs
from fildes.cli.errors import UsageError
from fildes.cli.opening import open_for_reading, read_address
from fildes.cli.output import check_stdout, copy, write_out, writing
from fildes.cli.progress import Progress
from fildes.cli.status import Status

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from fildes.address import Address

USAGE = "[OPTIONS] ADDRESS [-o FILE]"
EXAMPLES = (
    ("fildes get https://example.com/site.zip", "into the file site.zip"),
    ("fildes get -o logo.png png::https://example.com/", "the first picture in a page"),
    ("fildes get -o - https://example.com/site.zip | bsdtar tf -", "into a pipe"),
)
TAKES_PROGRAM = False
OPENS = True

#: Names of files by the scheme that cuts them out of others.
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "gif": ".gif", "webp": ".webp"}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("address", metavar="ADDRESS", help="what to receive")
    parser.add_argument("-o", "--output", metavar="FILE",
        help="where to; - is standard output; default: the last name in the address,"
             " in the current folder")  # fmt: skip
    parser.add_argument("-f", "--force", action="store_true", help="replace FILE if it exists")


def run(arguments: Namespace) -> int:
    """Receive the address into the file."""
    address = read_address(arguments.address)
    if arguments.output == "-":
        check_stdout()
        with open_for_reading(address, arguments) as source:
            copy(source, write_out)
        return Status.COMPLETE
    place = arguments.output or name_of(address)
    check_place(place, force=arguments.force)
    with open_for_reading(address, arguments) as source, open_place(place, arguments) as sink:
        receive(source, sink, place)
    return Status.COMPLETE


def receive(source: Any, sink: Any, place: str) -> None:
    """Copy *source* to *sink*, and close both: only then is all well."""

    def write(data: memoryview) -> None:
        with writing(place):
            sink.write(data)
        progress.advance(len(data))

    with Progress(os.path.basename(place), size_of(source)) as progress:
        copy(source, write)
        source.close()
        with writing(place):
            sink.close()


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
    for layer in reversed(layers[:at]):
        name = decompressed_name(name, layer.scheme)
    if not name or name.startswith(".") or not name.isprintable() or "/" in name:
        raise UsageError("the address ends in no good name for a file: say one with -o FILE")
    suffix = SUFFIXES.get(address.scheme, "")
    return name if name.endswith(suffix) else os.path.splitext(name)[0] + suffix


def decompressed_name(name: str, scheme: str) -> str:
    """Return *name* without the suffix of the compression that *scheme* undoes."""
    from fildes.compression.inferring import SCHEMES

    root, suffix = os.path.splitext(name)
    if not root or SCHEMES.get(suffix.lower()) != scheme:
        return name
    return f"{root}.tar" if suffix[1] == "t" else root  # .tgz is .tar.gz


def check_place(place: str, *, force: bool) -> None:
    """Raise, before anything is opened, if *place* is taken."""
    if not force and os.path.lexists(place) and not is_device(place):
        raise UsageError(f"{place} exists: choose another name with -o, or --force to replace it")


def is_device(place: str) -> bool:
    """Tell whether bytes written to *place* go on to somewhere else, so that it stays."""
    try:
        mode = os.stat(place).st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode) or stat.S_ISBLK(mode)


@contextlib.contextmanager
def open_place(place: str, arguments: Namespace) -> Iterator[Any]:
    """Yield *place*, opened for writing; what was written counts once it is closed."""
    with writing(place):
        sink = verbs.open(Path(place), "wb" if arguments.force or is_device(place) else "xb", 0)
    with sink:
        yield sink


def size_of(source: Any) -> int | None:
    """Return how many bytes *source* has, if that is known beforehand."""
    response = getattr(source, "response", None)
    if response is not None and not hasattr(source.description.stream, "response"):
        return None  # of what it was cut out of, or decompressed from
    if response is not None:
        length = response.headers.get("content-length", "")
        return int(length) if length.isdecimal() else None
    try:
        size: int = source.seek(0, os.SEEK_END)
        source.seek(0)
    except OSError:  # it has no positions, or not from the end, as in proc(5)
        return None
    return size or None
