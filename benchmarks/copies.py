"""Measures of copies in one direction, against what the shell has for them."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from gigabytes import MEMORY
from measuring import Cost, Goal, Missing, Run, measure, rate_ratio, time_ratio
from relay_servers import HOST, need
from servers import GIVEN, server
from starting import ENVIRONMENT, FILDES

GIGABYTES = GIVEN / 1e9
SOCAT = ("socat", "-u", "-b", "1048576")


class Places(NamedTuple):
    """Where bytes come from and go to: ports of servers, files in memory."""

    giver: int
    taker: int
    old: Path
    new: Path


class Copy:
    """A copy by a command, between what its shell joins to it.

    Attributes:
      beside: the processor time of the command, per GB, for the table.
    """

    def __init__(self, argv: list[str], places: Places, ends: Ends) -> None:
        self.argv, self.places, self.ends = argv, places, ends
        self.costs: list[float] = []

    def __call__(self) -> float:
        self.places.new.unlink(missing_ok=True)
        began = time.perf_counter()
        with self.ends(self.places) as (stdin, stdout):
            process = subprocess.Popen(self.argv, stdin=stdin, stdout=stdout, env=ENVIRONMENT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, self.argv
        self.costs.append((usage.ru_utime + usage.ru_stime) / GIGABYTES)
        return (time.perf_counter() - began) / GIGABYTES

    @property
    def beside(self) -> str:
        return f"{statistics.median(self.costs):.2f} s of CPU per GB"


#: Opens the standard input and output of a command.
Ends = Callable[[Places], contextlib.AbstractContextManager[tuple[int, int]]]


@contextlib.contextmanager
def nothing(places: Places) -> Iterator[tuple[int, int]]:
    yield subprocess.DEVNULL, subprocess.DEVNULL


@contextlib.contextmanager
def into_file(places: Places) -> Iterator[tuple[int, int]]:
    with places.new.open("wb") as sink:
        yield subprocess.DEVNULL, sink.fileno()


@contextlib.contextmanager
def into_pipe(places: Places) -> Iterator[tuple[int, int]]:
    """Let a program read what comes, and end when it has."""
    reader = ["sh", "-c", "head -c 1 >/dev/null; exec cat >/dev/null"]
    with subprocess.Popen(reader, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        with process.stdin as sink:
            yield subprocess.DEVNULL, sink.fileno()


@contextlib.contextmanager
def piped(places: Places) -> Iterator[tuple[int, int]]:
    """Stand between two programs."""
    with into_pipe(places) as (_, sink):
        writer = ["cat", str(places.old)]
        with subprocess.Popen(writer, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            with process.stdout as source:
                yield source.fileno(), sink


@contextlib.contextmanager
def open_places() -> Iterator[Places]:
    """Start both servers, and make a file of the size in memory."""
    if not os.path.ismount(MEMORY):
        raise Missing(f"{MEMORY} is not mounted")
    if os.statvfs(MEMORY).f_bavail * os.statvfs(MEMORY).f_frsize < 2 * GIVEN:
        raise Missing(f"{MEMORY} is too small")
    with contextlib.ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="fildes-bench-", dir=MEMORY)
        place = Path(stack.enter_context(folder))
        with (place / "old").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, GIVEN)
        giver, taker = (stack.enter_context(server(kind)) for kind in ("giver", "taker"))
        yield Places(giver, taker, place / "old", place / "new")


Command = Callable[[Places], list[str]]


def compare(what: str, ours: Command, theirs: Command, name: str, ends: Ends = nothing) -> None:
    """Add the rows that compare a command of ours with another: its rate, and its cost."""
    size = f"{GIGABYTES:g} GB"

    def add(
        word: str, title: str, goal: Goal, show: Callable[[float], str], of: Callable[[Copy], Run]
    ) -> None:
        def setup() -> Iterator[tuple[Run, Run]]:
            with open_places() as places:
                need(theirs(places)[0])
                yield (
                    of(Copy([*FILDES, *ours(places)], places, ends)),
                    of(Copy(theirs(places), places, ends)),
                )

        setup.__name__ = f"one_way_{what.replace(' ', '_')}{word}"
        measure(title, goal, repeats=3, show=show)(setup)

    add(
        "", f"one way: {size} {what}, against `{name}`", rate_ratio(1.0),
        lambda seconds: f"{1 / seconds:.2f} GB/s", lambda copy: copy,
    )  # fmt: skip
    add(
        "_cost", "processor time of it", time_ratio(1.0),
        lambda seconds: f"{seconds:.2f} s per GB", Cost,
    )  # fmt: skip


compare(
    "from a socket into a file",
    lambda places: ["relay", "-u", f"tcp://{HOST}:{places.giver}", str(places.new)],
    lambda places: [*SOCAT, f"TCP:{HOST}:{places.giver}", f"CREATE:{places.new}"],
    "socat -u -b 1048576",
)
compare(
    "from a file into a socket",
    lambda places: ["relay", "-u", str(places.old), f"tcp://{HOST}:{places.taker}"],
    lambda places: [*SOCAT, f"OPEN:{places.old}", f"TCP:{HOST}:{places.taker}"],
    "socat -u -b 1048576",
)
compare(
    "from a socket into a pipe",
    lambda places: ["cat", f"tcp://{HOST}:{places.giver}"],
    lambda places: [*SOCAT, f"TCP:{HOST}:{places.giver}", "STDOUT"],
    "socat -u -b 1048576",
    into_pipe,
)
compare(
    "from a pipe into a pipe",
    lambda places: ["cat", "-"],
    lambda places: ["cat"],
    "cat",
    piped,
)
compare(
    "from a file into a pipe",
    lambda places: ["cat", str(places.old)],
    lambda places: ["cat", str(places.old)],
    "cat",
    into_pipe,
)
compare(
    "from a file into a file",
    lambda places: ["cat", str(places.old)],
    lambda places: ["cp", str(places.old), str(places.new)],
    "cp",
    into_file,
)
