"""Take every picture out of what an address holds, into a folder.

PNG, JPEG, GIF and WebP files are known by their structure, wherever they lie:
raw in any stream, in the data: URIs of a page, in a mail, in what a camera sends,
in archives (zip and its like, tar) and in compressed data. Each has its exact
bytes, and is there only when it is complete. One that is corrupt or cut short is
told of, and the others are still taken.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fildes.cli.album import Album
from fildes.cli.errors import UsageError
from fildes.cli.opening import open_for_reading, read_address
from fildes.cli.output import check_stdout, write_text
from fildes.cli.status import Status

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

USAGE = "[OPTIONS] ADDRESS [-o DIR]"
EXAMPLES = (
    ("fildes extract https://example.com/page", "the pictures in a page, as 001.png and so on"),
    ("fildes extract -o mail ./mail.eml", "those in a mail, into the folder mail"),
    ("fildes extract -o media https://example.com/slides.pptx", "those in an archive"),
    ("fildes extract --limit 10 http://camera/video", "ten pictures of a camera"),
)
TAKES_PROGRAM = False
OPENS = True


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add = parser.add_argument
    add("address", metavar="ADDRESS", help="what to look into")
    add("-o", "--output", metavar="DIR", default=".",
        help="the folder for the files, made if need be; default: the current one")  # fmt: skip
    add("-f", "--force", action="store_true", help="replace files that exist")
    add("--kind", metavar="NAMES", default="",
        help="only these kinds: png, jpeg, gif, webp, joined by commas")  # fmt: skip
    add("--limit", type=int, metavar="N", help="stop after N pictures")
    add("--json", action="store_true", help="list the pictures on standard output, as JSON")


def run(arguments: Namespace) -> int:
    """Write the pictures; return the status of the first that was not sound."""
    from fildes.extracting import check_kinds

    if arguments.limit is not None and arguments.limit < 1:
        raise UsageError("--limit takes a number of pictures, from 1")
    try:
        wanted = check_kinds([name for name in arguments.kind.split(",") if name])
    except ValueError as error:
        raise UsageError(f"--kind: {error}") from None
    address = read_address(arguments.address)
    if arguments.json:
        check_stdout()
    album = Album(arguments.output, wanted, force=arguments.force)
    with reported(album, as_json=arguments.json), open_for_reading(address, arguments) as source:
        size = fill(album, source, arguments.limit)
    return verdict(album, source.address, size)


def fill(album: Album, source: Any, limit: int | None) -> int:
    """Put the pictures in *source* into the *album*; return how many bytes were looked at."""
    from fildes.cli.getting import size_of
    from fildes.cli.progress import Progress
    from fildes.extracting import events_of

    with contextlib.ExitStack() as undo:
        undo.callback(album.discard)
        progress = undo.enter_context(Progress("extract", size_of(source)))
        for event in events_of(source, progress.advance):
            album.take(event)
            if album.saved == limit:
                break
    return progress.copied


@contextlib.contextmanager
def reported(album: Album, *, as_json: bool) -> Iterator[None]:
    """List what is in the *album* in the end, whatever happens."""
    try:
        yield
    finally:
        if as_json:
            import json

            write_text(json.dumps(album.records, indent=2) + "\n")


def verdict(album: Album, address: str, size: int) -> int:
    """Say what is wrong with pictures, and return the exit status."""
    from fildes.cli.reporting import say
    from fildes.cli.status import status_of_failure
    from fildes.errors import add_context
    from fildes.extracting import nothing_found
    from fildes.trace import describe

    if not album.saved and not album.errors:
        missing = nothing_found(size)
        add_context(missing, "decode", address)
        raise missing
    broken = [record for record in album.records if "error" in record]
    for record, error in zip(broken, album.errors, strict=True):
        say(f"{record['kind']} at byte {record['offset']} is not there: {describe(error)}")
    return status_of_failure(album.errors[0], "decode") if album.errors else Status.COMPLETE
