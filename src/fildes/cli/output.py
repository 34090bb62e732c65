"""Where bytes go: standard output, or a file that is there only when it is complete."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fildes.cli.errors import LocalWriteError
from fildes.cli.writing import write_some, writing
from fildes.streams.kernel import DescriptorStream

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from fildes.cli.passing import Around

#: Twice what one read of a default socket buffer yields.  # arbitrary
COPY_SIZE = 131072

#: What goes to a file is copied in larger pieces once much waits to be read: each has a
#: price in the kernel on both sides. For a device or a pipe the processor's caches count more.
FILE_COPY_SIZE = 1 << 20  # arbitrary

#: Read at once, this is much.
MUCH = 65536  # what a pipe holds, pipe(7)

#: So often much is read before what follows is moved past this process.
STREAK = 8  # arbitrary

STDOUT = 1
STDOUT_NAME = "standard output"


def copy(
    source: Any,
    write: Callable[[memoryview], object],
    *,
    most: int = COPY_SIZE,
    around: Callable[[], Around] | None = None,
) -> None:
    """Read *source*, an unbuffered file, up to its end, and *write* it.

    Args:
      most: bytes that are copied at once, as soon as so many wait.
      around: returns where much goes without being read and written here; None if
        somebody has to see it.
    """
    view, much = memoryview(bytearray(COPY_SIZE)), 0
    endless = source.description.stream.endless  # an empty read is an empty datagram
    while (received := source.readinto(view)) or endless:
        write(view[:received])
        much += received >= MUCH
        if around is not None and received >= MUCH and much > STREAK:
            from fildes.cli.passing import move  # 1 ms, which little does not pay

            left = move(source, around())
            if left:
                write(memoryview(left))
            elif left is None:
                around = None
        elif received == len(view) < most:
            view = memoryview(bytearray(most))


def around_out() -> Around:
    """Return how bytes get to standard output without being seen."""
    from fildes.cli.passing import Around

    return Around(DescriptorStream(sink=STDOUT), STDOUT_NAME)  # which it does not close


def write_all(sink: Any, data: Buffer) -> None:
    """Write all of *data* to *sink*, an unbuffered file."""
    left = memoryview(data)
    while left:
        left = left[sink.write(left) :]


def write_out(data: Buffer) -> None:
    """Write all of *data* to standard output.

    Raises:
      LocalWriteError: with EPIPE when its reader is gone.
    """
    left = memoryview(data)
    while left:
        with writing(STDOUT_NAME):
            left = left[write_some(STDOUT, left) :]


def write_text(text: str) -> None:
    """Write *text*, which must be safe for a terminal, to standard output."""
    check_stdout()
    from fildes.cli.terminal import speaks_utf8

    write_out(text.encode("utf-8" if speaks_utf8() else "ascii", "backslashreplace"))


def check_stdout() -> None:
    """Raise if there is no standard output; its descriptor may soon be a connection's.

    Raises:
      LocalWriteError: it was closed before this program began.
    """
    if sys.stdout is None:
        import errno

        raise LocalWriteError(errno.EBADF, "it is closed", STDOUT_NAME)
