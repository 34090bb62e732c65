"""See what fildes does: open, receive, extract, pipe, look and close, in seconds.

The servers are inside this process and listen on loopback only; no network is used.
Each stop shows the Python line and the shell line that do the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fildes.cli.status import Status

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from fildes.cli.tour.guide import Guide

USAGE = "[-o FOLDER] [--stay]"
EXAMPLES = (
    ("fildes tour", "the whole of it"),
    ("fildes tour -o .", "leave what was received here"),
)
TAKES_PROGRAM = False
OPENS = False


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("-o", "--output", metavar="FOLDER",
        help="where to make the folder for what is received; default: with other"
             " temporary files")  # fmt: skip
    parser.add_argument("--stay", action="store_true",
        help="keep the server until Ctrl-C, to try the lines that were shown")  # fmt: skip


def run(arguments: Namespace) -> int:
    """Go from stop to stop; all is well if everything that was shown was true."""
    import tempfile

    from fildes.cli.output import check_stdout
    from fildes.cli.tour import guide as speaking
    from fildes.cli.tour import painting, server, stops
    from fildes.cli.writing import writing

    check_stdout()
    place = arguments.output or tempfile.gettempdir()
    with writing(place):
        folder = Path(tempfile.mkdtemp(prefix="fildes-tour-", dir=place))
    guide = speaking.Guide()
    with server.serve(painting.paint()) as site:
        stops.walk(site, folder, guide)
        if arguments.stay:
            stay(guide, folder)
    return Status.FAILED if guide.mistakes else Status.COMPLETE


def stay(guide: Guide, folder: Path) -> None:
    """Keep the servers running until Ctrl-C."""
    import threading

    guide.say("", f"The server stays until Ctrl-C. In another terminal: cd {folder}")
    threading.Event().wait()
