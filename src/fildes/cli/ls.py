"""List what is in an archive or a directory.

Names are written one to a line; what in them could drive a terminal or break a line
is escaped with backslashes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fildes import listing
from fildes.cli.opening import how, read_address
from fildes.cli.output import check_stdout, write_text
from fildes.cli.status import Status

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from fildes.wire.entries import Entry

USAGE = "[OPTIONS] ADDRESS..."
EXAMPLES = (
    ("fildes ls zip::./site.zip", "all that is in an archive"),
    ("fildes ls -l 'zip://images/*.png::./site.zip'", "what matches, with sizes and times"),
    ("fildes ls tar::gzip::https://example.com/x.tar.gz", "an archive that comes by"),
    ("fildes cat zip://images/logo.png::./site.zip >logo.png", "what one of them holds"),
)
TAKES_PROGRAM = False
OPENS = True

#: As ls(1) writes them.
LETTERS = {"file": "-", "directory": "d", "link": "l", "other": "?"}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("addresses", nargs="+", metavar="ADDRESS",
        help="zip::ADDRESS, tar::ADDRESS, or a path; * and ** match names")  # fmt: skip
    parser.add_argument("-l", "--long", action="store_true",
        help="kind, size, compressed size, time and name of each")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="write a JSON array of objects")


def run(arguments: Namespace) -> int:
    """List each address, up to the first that fails."""
    check_stdout()
    entries: list[Entry] = []
    for address in [read_address(text) for text in arguments.addresses]:
        found = listing.ls(address, timeout=arguments.timeout or None, **how(arguments))
        if arguments.json:
            entries += found
        else:
            write_text("".join(lines(found, long=arguments.long)))
    if arguments.json:
        write_text(as_json(entries))
    return Status.COMPLETE


def lines(entries: Sequence[Entry], *, long: bool) -> list[str]:
    """Return the lines for *entries*."""
    names = [shown(entry.name) for entry in entries]
    if not long:
        return [f"{name}\n" for name in names]
    sizes = [(str(entry.size), str(entry.compressed)) for entry in entries]
    first = max((len(size) for size, _ in sizes), default=0)
    second = max((len(compressed) for _, compressed in sizes), default=0)
    return [
        f"{LETTERS[each.kind]} {size:>{first}} {compressed:>{second}} {when(each.mtime)}  {name}\n"
        for each, name, (size, compressed) in zip(entries, names, sizes, strict=True)
    ]


def shown(name: str) -> str:
    """Return *name* with escapes for whatever is not printable, and for backslashes."""
    escaped = name.replace("\\", r"\\")
    if escaped.isprintable():
        return escaped
    return "".join(each if each.isprintable() else escape(each) for each in escaped)


def escape(character: str) -> str:
    """Return *character* as its bytes, each written as an escape."""
    return "".join(rf"\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def when(mtime: float | None) -> str:
    """Return a time of this place, in a width of its own."""
    try:
        moment = None if mtime is None else time.localtime(mtime)
    except (OverflowError, OSError, ValueError):  # beyond what the C library knows
        moment = None
    return time.strftime("%Y-%m-%d %H:%M", moment) if moment else f"{'-':16}"


def as_json(entries: Sequence[Entry]) -> str:
    """Return *entries* as JSON."""
    import json

    return json.dumps([entry._asdict() for entry in entries], indent=2) + "\n"
