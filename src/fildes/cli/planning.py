"""From the arguments of `fildes get` to the files that it is to receive."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from fildes.cli.errors import UsageError
from fildes.cli.getting import Job
from fildes.cli.naming import is_good, name_of
from fildes.cli.opening import read_address
from fildes.errors import AddressError

if TYPE_CHECKING:
    from argparse import Namespace

    from fildes.address import Address

LISTED = ("zip", "tar")  #: in whose members a pattern chooses

MAX_CONNECTIONS = 16  #: to a server, as many as aria2 takes; more is an attack

_OUT = re.compile(r"(.*?)[ \t]+out=(.*)")
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")


class Wanted(NamedTuple):
    """An address to receive, and the name for it if somebody has said one."""

    address: Address
    name: str


def plan(arguments: Namespace) -> list[Job]:
    """Return what is to be received, and where to.

    Raises:
      UsageError: the arguments contradict each other.
      AddressError: what should be an address is none.
    """
    wanted = [Wanted(read_address(text), "") for text in arguments.addresses]
    if arguments.input is not None:
        wanted += read_list(arguments.input)
    check(arguments, len(wanted))
    wanted = [one for each in wanted for one in expand(each, arguments)]
    check(arguments, len(wanted))
    mirrors = tuple(read_address(text) for text in arguments.mirror)
    jobs = [Job((each.address, *mirrors), place_of(each, arguments)) for each in wanted]
    times = Counter(job.place for job in jobs if job.place)
    twice = {place for place, count in times.items() if count > 1}
    if twice:
        raise UsageError(f"two files would be {min(twice)}: list them with -i and out=NAME")
    return jobs


def expand(wanted: Wanted, arguments: Namespace) -> list[Wanted]:
    """Return what *wanted* stands for, if it is a pattern of names in an archive.

    Raises:
      UsageError: that would mean to receive the archive for each of them.
    """
    from fildes.wire.entries import is_pattern

    address = wanted.address
    if wanted.name or address.scheme not in LISTED or not is_pattern(address.path):
        return [wanted]
    if address.scheme == "tar":
        raise UsageError("a tar archive is read in order: fildes cat it into tar x --wildcards")
    from fildes.cli.opening import how
    from fildes.listing import glob

    found = glob(address, timeout=arguments.timeout or None, **how(arguments))
    return [Wanted(each, "") for each in found]


def check(arguments: Namespace, count: int) -> None:
    if not count:
        raise UsageError("say what to receive: an ADDRESS, or -i FILE (try fildes get --help)")
    if arguments.jobs < 1:
        raise UsageError("-j takes how many to receive at once, from 1")
    if not 1 <= arguments.connections <= MAX_CONNECTIONS:
        raise UsageError(f"-x takes a number of connections, from 1 to {MAX_CONNECTIONS}")
    if arguments.resume and arguments.content_disposition:
        raise UsageError(
            "-c needs a name that is known beforehand: leave out --content-disposition"
        )
    for option, value in {
        "-o": arguments.output,
        "--mirror": arguments.mirror,
        "--sha256": arguments.sha256,
    }.items():
        if value and count > 1:
            raise UsageError(f"{option} is for one file, and there are {count} addresses")
    if arguments.sha256 and not _SHA256.fullmatch(arguments.sha256):
        raise UsageError("--sha256 takes the 64 hexadecimal digits of a digest")


def read_list(place: str) -> list[Wanted]:
    """Return what the file at *place* lists; - is standard input."""
    if place == "-":
        lines = sys.stdin.read().splitlines() if sys.stdin is not None else []
    else:
        with open(place, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    numbered = enumerate(map(str.strip, lines), 1)
    return [read_line(line, at) for at, line in numbered if line and not line.startswith("#")]


def read_line(line: str, number: int) -> Wanted:
    match = _OUT.fullmatch(line)
    text, name = match.groups() if match else (line, "")
    if match and not is_good(name):
        raise UsageError(f"line {number}: out= takes a name for a file in the folder")
    try:
        return Wanted(read_address(text), name)
    except AddressError as error:
        raise AddressError(f"line {number}: {error}") from None


def place_of(wanted: Wanted, arguments: Namespace) -> str:
    """Return where *wanted* goes, nothing if its server may say."""
    if arguments.output:
        return str(os.path.join(arguments.directory, arguments.output))
    if arguments.content_disposition and not wanted.name:
        return ""
    return str(os.path.join(arguments.directory, wanted.name or name_of(wanted.address)))
