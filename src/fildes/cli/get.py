"""Receive what addresses hold into files.

A file is there only when it is complete: it is written beside its place and put
there at the end. A file that is there already stays, unless --force is given. Of
several addresses, some are received at once; the worst status is that of all.

With -c what has come of a file is kept if it is cut, as NAME.fildes-part, and
continued next time: by bytes of the same version only. --if-changed asks for a
file that is there by its version, kept in an attribute of the file, or else by
its time. Of other addresses than http and https the whole is received each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.cli.errors import UsageError
from fildes.cli.getting import Getter, check_place
from fildes.cli.opening import open_for_reading, read_address
from fildes.cli.output import around_out, check_stdout, copy, write_out
from fildes.cli.status import Status
from fildes.cli.writing import writing

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from fildes.cli.getting import Job

USAGE = "[OPTIONS] ADDRESS... [-o FILE | -d DIR]"
EXAMPLES = (
    ("fildes get https://example.com/site.zip", "into the file site.zip"),
    ("fildes get -o logo.png png::https://example.com/", "the first picture in a page"),
    ("fildes get -o - https://example.com/site.zip | bsdtar tf -", "into a pipe"),
    ("fildes get -c -x 4 https://example.com/disk.img", "in four parts; goes on if cut"),
    ("fildes get -d icons 'zip://**/*.png::https://example.com/site.zip'", "all that match"),
    ("fildes get -d papers -j 8 -i list.txt", "all that a file lists, eight at once"),
)
TAKES_PROGRAM = False
OPENS = True


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add = parser.add_argument
    add("addresses", nargs="*", metavar="ADDRESS", help="what to receive")
    add("-o", "--output", metavar="FILE",
        help="where to; - is standard output; default: the last name in the address,"
             " in the current folder")  # fmt: skip
    add("-d", "--directory", metavar="DIR", default="",
        help="the folder for files without -o, made if need be")  # fmt: skip
    add("-f", "--force", action="store_true", help="replace files that exist")
    add("-i", "--input", metavar="FILE",
        help="receive also what FILE lists, - for standard input: an address on each line,"
             " perhaps with out=NAME behind it; lines with # are comments")  # fmt: skip
    add("-j", "--jobs", type=int, metavar="N", default=4, help="how many at once; default 4")
    add("-c", "--continue", dest="resume", action="store_true",
        help="keep what has come if it is cut, and go on with it next time, if the server still"
             " has the same version")  # fmt: skip
    add("-x", "--connections", type=int, metavar="N", default=1,
        help="receive each file over N connections at once; default 1")  # fmt: skip
    add("--if-changed", action="store_true",
        help="replace a file that is there only if the server has another version")  # fmt: skip
    add("--content-disposition", action="store_true",
        help="prefer the name that the server suggests")  # fmt: skip
    add("--mirror", action="append", default=[], metavar="ADDRESS",
        help="where the same file is, too, if the first address fails (repeatable)")  # fmt: skip
    add("--sha256", metavar="HEX", help="the digest that the file must have, or is not kept")
    add("--json", action="store_true", help="tell what came of each on standard output, as JSON")


def run(arguments: Namespace) -> int:
    """Receive the addresses into their files."""
    from fildes.cli.planning import plan

    if arguments.output == "-":
        return to_stdout(arguments)
    jobs = plan(arguments)
    for job in jobs:
        if job.place:
            check_place(job.place, force=arguments.force or arguments.if_changed)
    if arguments.json:
        check_stdout()
    if arguments.directory:
        import os

        with writing(arguments.directory):
            os.makedirs(arguments.directory, exist_ok=True)
    return get(jobs, arguments)


def get(jobs: list[Job], arguments: Namespace) -> int:
    """Carry out *jobs*; one alone fails as the command does."""
    if len(jobs) == 1 and not arguments.json:
        Getter(arguments).get(jobs[0])
        return Status.COMPLETE
    from fildes.cli.batch import Batch

    return Batch(jobs, arguments).run()


def to_stdout(arguments: Namespace) -> int:
    """Write what the one address holds to standard output, as it comes."""
    several = len(arguments.addresses) != 1 or arguments.input or arguments.mirror
    if several or arguments.sha256 or arguments.json:
        raise UsageError("-o - takes one ADDRESS, and neither --mirror, --sha256 nor --json")
    address = read_address(arguments.addresses[0])
    check_stdout()
    with open_for_reading(address, arguments) as source:
        copy(source, write_out, around=around_out)
    return Status.COMPLETE
