"""Send a file to where an address says.

To a web server it is a PUT. After exit status 0 the server has said that it has
the document. With --method the server's answer is written to standard output.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fildes import verbs
from fildes.cli.cat import show
from fildes.cli.errors import UsageError
from fildes.cli.opening import how, limits, read_address
from fildes.cli.output import check_stdout, copy
from fildes.cli.progress import Progress
from fildes.cli.status import Status

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from fildes.address import Address

USAGE = "[OPTIONS] FILE ADDRESS"
EXAMPLES = (
    ("fildes put site.zip https://example.com/site.zip", "a file, in its place on a server"),
    ("tar cz . | fildes put --new - https://example.com/a.tgz", "what comes; nothing is replaced"),
    ("fildes put --method POST form.json https://example.com/api", "a question and its answer"),
)
TAKES_PROGRAM = False
OPENS = True

STDIN = "-"
WEB = ("http", "https")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("file", metavar="FILE", help="what to send; - is standard input")
    parser.add_argument("address", metavar="ADDRESS", help="where to")
    parser.add_argument(
        "--new",
        action="store_true",
        help="only if nothing is there yet; some servers, as nginx, take no notice",
    )
    parser.add_argument("--method", metavar="NAME",
        help="send this instead of PUT, and write the answer to standard output")  # fmt: skip
    parser.add_argument("--raw", action="store_true", help="show a terminal every byte as it is")


def run(arguments: Namespace) -> int:
    """Send the file; close the other side only when all of it was there."""
    address = read_address(arguments.address)
    with open_source(arguments.file) as source:
        size = size_of(source)
        with open_sink(address, size, arguments) as sink:
            send(source, sink, Progress(os.path.basename(arguments.file), size))
            if arguments.method:
                sink.half_close()
                show(sink, raw=arguments.raw)
    return Status.COMPLETE


def open_source(file: str) -> Any:
    """Open what is to be sent, unbuffered."""
    return verbs.open(read_address(STDIN) if file == STDIN else Path(file), "rb", 0)


def size_of(source: Any) -> int | None:
    """Return how many bytes *source* still has, if that is known beforehand."""
    state = os.fstat(source.fileno())
    if not stat.S_ISREG(state.st_mode) or not state.st_size:  # in proc(5) a size says nothing
        return None
    return max(0, state.st_size - os.lseek(source.fileno(), 0, os.SEEK_CUR))


def open_sink(address: Address, size: int | None, arguments: Namespace) -> Any:
    """Open the place that the file goes to.

    Raises:
      UsageError: the address takes no method.
    """
    options = how(arguments)
    web = {"method": arguments.method, "size": size} if address.scheme in WEB else {}
    if arguments.method and not web:
        raise UsageError("--method is for addresses of http and https")
    if arguments.method:
        check_stdout()
    given = {name: value for name, value in web.items() if value is not None}
    if given:
        options[address.scheme] = {**given, **options.get(address.scheme, {})}
    mode = "r+b" if arguments.method else "xb" if arguments.new else "wb"
    return verbs.open(address, mode, **limits(arguments), **options)


def send(source: Any, sink: Any, progress: Progress) -> None:
    """Copy *source* to *sink*, which stays open."""

    def write(data: memoryview) -> None:
        sink.write(data)
        progress.advance(len(data))

    with progress:
        copy(source, write)
        sink.flush()
