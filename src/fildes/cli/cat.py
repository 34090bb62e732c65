"""Write what addresses hold to standard output, one after the other.

On a terminal, what could drive the terminal is shown instead of obeyed. Each end
of file is proved: after exit status 0 everything was there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from fildes.cli.opening import open_for_reading, read_address
from fildes.cli.output import around_out, check_stdout, copy, write_out
from fildes.cli.status import Status

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

USAGE = "[OPTIONS] ADDRESS..."
EXAMPLES = (
    ("fildes cat https://example.com/", "a document"),
    ("fildes cat tcp://time.nist.gov:13", "whatever a server says"),
    ("fildes cat png::https://example.com/ >picture.png", "the first picture in a page"),
)
TAKES_PROGRAM = False
OPENS = True


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("addresses", nargs="+", metavar="ADDRESS", help="what to read")
    parser.add_argument("-z", "--decompress", action="store_true",
        help="decompress what is named .gz, .bz2, .xz, .zst or .br")  # fmt: skip
    parser.add_argument("--raw", action="store_true", help="show a terminal every byte as it is")


def run(arguments: Namespace) -> int:
    """Write each address, up to the first that fails: what was written is a beginning."""
    check_stdout()
    for address in [read_address(text) for text in arguments.addresses]:
        with open_for_reading(address, arguments) as source:
            show(source, raw=arguments.raw)
    return Status.COMPLETE


def show(source: object, *, raw: bool) -> None:
    """Write all of *source*, safe to see where somebody sees it."""
    if raw or not sys.stdout.isatty():
        copy(source, write_out, around=around_out)
        return
    from fildes.cli.terminal import Sanitizer, speaks_utf8

    sanitizer = Sanitizer(utf8=speaks_utf8())
    try:
        copy(source, lambda data: write_out(sanitizer.feed(bytes(data))))
    finally:
        write_out(sanitizer.finish())
