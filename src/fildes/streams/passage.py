"""Bytes on their way past this process: from one descriptor to another inside the kernel.

splice(2) moves pages into a pipe or out of one. So where neither end is a pipe, one of
`fildes.streams.pipes` lies between them, for two calls instead of one. That is all: it
serves sockets, pipes and files in any direction, and what lies above the descriptors only
says how many of the next bytes it has no need to see (`Stream.direct`).

A passage does what is the same for all streams in between, and nothing else. Where there is
an end, an error of the source, or little to move, whoever uses it receives as ever: only
the streams know what an end is worth, and what is to be done about an error.

Who has nothing else to do lets the kernel wait: with poll(2) before each wait a pipe between
two programs had two thirds of the rate. Others must not wait, but splice(2) waits for a socket,
whatever its flags, unless the open file description has O_NONBLOCK. So one that is read is
asked first, and one is written only where that mode is ours to set; it is put back at the
end. (A unix socket that is read heeds the flag, as pipes do.)
"""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import socket
import stat
from typing import TYPE_CHECKING, NamedTuple

from fildes.drivers.blocking import wait
from fildes.streams.kernel import SocketStream
from fildes.streams.pipes import FLAGS, PIPE_SIZE, UNABLE, Pipe, Pipes, breaks_quietly
from fildes.waiting import READ, WRITE

if TYPE_CHECKING:
    from fildes.streams.stream import KernelStream, Stream
    from fildes.waiting import Interest

#: Moved at once, this is little: copying it costs no more.  # arbitrary
LITTLE = 16384

#: So often in a row little may come before it is copied again.
PATIENCE = 8  # arbitrary

#: Of less than this before an end or a border, it is not worth to begin.
ENOUGH = 262144  # arbitrary

PIPE, FILE, UNIX, OTHER_SOCKET, DEVICE = "pipe", "file", "unix", "socket", "device"

#: From what, into what: where copying costs less. In seconds of processor time per GB, on Linux
#: 6.18 over loopback: 0.19 against 0.35, and 0.60 against 0.65, at twice the rate. (From tcp into
#: a file on a tmpfs it gains least: 0.57 against 0.65, with runs of either that cost more.)
DEARER = {(UNIX, OTHER_SOCKET), (PIPE, FILE)}


class Waits(enum.IntEnum):
    """For whom a step may wait in the kernel."""

    NEVER = 0
    FOR_SINK = 1
    FOR_BOTH = 2


class Passage:
    """The way from a source to a sink, as long as much flows.

    Attributes:
      over: nothing more goes this way: little comes, or it cannot be used.
      unable: it can never be used.
      pipe: what the sink has not yet taken; None for nothing.
      full: what is waited for is the sink.
    """

    over = unable = full = False
    pipe: Pipe | None = None

    def __init__(self, way: Way, pipes: Pipes, waits: Waits) -> None:
        (self.source, self.sink), kinds = way
        self.pipes = pipes
        waits = min(waits, may_wait(kinds))
        self.flags = FLAGS & ~os.SPLICE_F_NONBLOCK if waits else FLAGS
        self.at_once = PIPE in kinds  # no pipe is needed between
        heeds = kinds[0] == FILE or (kinds[0] != OTHER_SOCKET and not waits)
        self.polled = not heeds and waits is not Waits.FOR_BOTH
        self.from_pipe = kinds[0] == PIPE
        self.patience = PATIENCE
        self.unblocked = kinds[1] in SOCKETS and not waits and os.get_blocking(self.sink.send_fd)
        if self.unblocked:
            os.set_blocking(self.sink.send_fd, False)

    def step(self) -> int | None:
        """Move what can be moved now.

        Returns:
          How many bytes the sink has taken. None if it is to be waited: `wants` says for
          what. 0 if the next bytes are not for here: whoever asks has to receive them, and
          before that, if it is `over`, to `stop`.

        Raises:
          OSError: of the sink. One of the source is raised by the next receive.
        """
        self.full = False
        if self.pipe is not None:
            return self.pour(self.pipe)
        direct = self.source.direct()
        if direct is None or direct.size < ENOUGH:
            return 0
        fd, pipe = direct.stream.recv_fd, None if self.at_once else self.pipes.pipe
        if fd < 0 or (pipe is None and not self.at_once):  # closed; slow peers have them all
            return 0
        if self.polled and not wait({fd: READ}, 0):
            return None
        into = self.sink.send_fd if pipe is None else pipe.into
        try:
            moved = os.splice(fd, into, min(direct.size, PIPE_SIZE), flags=self.flags)
        except BlockingIOError:
            # Either end may be meant. Another reader may also have been quicker.
            self.full = self.at_once and bool(self.polled or wait({fd: READ}, 0))
            return None
        except OSError as error:
            return self.fail(error, direct.stream)
        return self.count(moved, pipe)

    def count(self, moved: int, pipe: Pipe | None) -> int | None:
        """Go on with what was *moved* into the sink or the *pipe*; return what `step` does."""
        if not moved:
            return 0  # an end, or urgent data: a receive knows which
        self.source.took(moved)
        self.patience = PATIENCE if moved >= LITTLE else self.patience - 1
        self.over = not self.patience
        if pipe is None:
            return moved
        pipe.held = moved
        try:
            return self.pour(pipe)
        finally:
            if pipe.held:
                self.pipe = self.pipes.lend(pipe.held)

    def pour(self, pipe: Pipe) -> int | None:
        """Move what *pipe* holds to the sink; return what `step` does."""
        try:
            sent = os.splice(pipe.out, self.sink.send_fd, pipe.held, flags=self.flags)
        except BlockingIOError:
            self.full = True
            return None
        except OSError as error:
            return self.fail(error, None)
        pipe.held -= sent
        if not pipe.held and self.pipe is not None:
            self.pipes.give_back(pipe)
            self.pipe = None
        return sent

    def fail(self, error: OSError, source: KernelStream | None) -> int:
        """Return 0 if *error* is none of the sink's.

        Args:
          source: what was read, if it was.
        """
        if error.errno in UNABLE or error.errno == errno.ENOMEM:
            self.over = self.unable = True
            return 0
        # A pipe that is read has no errors, and one that is written has no others.
        of_sink = self.from_pipe or isinstance(error, BrokenPipeError)
        if source is not None and not (self.at_once and of_sink):
            source.told = error
            return 0
        if isinstance(self.sink, SocketStream) and isinstance(error, ConnectionResetError):
            self.sink.was_reset = True  # as `try_send` has it
        raise error

    def wants(self) -> Interest:
        """Return what to wait for after `step` returned None."""
        return {self.sink.send_fd: WRITE} if self.full else self.source.recv_wants()

    def stop(self) -> bytes:
        """Put all back as it was; return what the sink has not taken."""
        left = b""
        if self.pipe is not None:
            left = self.pipe.drained()
            self.pipes.give_back(self.pipe)
            self.pipe = None
        self.pipes.leave()
        if self.unblocked and self.sink.send_fd >= 0:
            with contextlib.suppress(OSError):  # it was closed
                os.set_blocking(self.sink.send_fd, True)
        return left


SOCKETS = (UNIX, OTHER_SOCKET)

Kinds = tuple[str, str]


class Way(NamedTuple):
    """Two ends, and their kinds."""

    ends: tuple[Stream, KernelStream]
    kinds: Kinds


def passage_between(
    source: Stream, sink: Stream, pipes: Pipes, waits: Waits = Waits.NEVER
) -> Passage | None:
    """Return the way from *source* to *sink* past this process, None if there is none.

    Whoever has it is to `stop` it.

    Args:
      waits: whether a step may wait in the kernel, for as long as it takes.
    """
    direct, taker = source.direct(), sink.direct_sink()
    if direct is None or direct.size < ENOUGH or taker is None:
        return None
    giver = direct.stream
    kinds = kind_of(giver, giver.recv_fd), kind_of(taker, taker.send_fd)
    if not is_worth(kinds) or (
        kinds[1] in SOCKETS and not may_be_spliced(taker, min(waits, may_wait(kinds)))
    ):
        return None
    return Passage(Way((source, taker), kinds), pipes, waits) if pipes.enter() else None


def is_worth(kinds: Kinds) -> bool:
    """Tell whether it costs less to move bytes from the one to the other in the kernel."""
    return kinds[0] in (PIPE, FILE, *SOCKETS) and kinds[1] != "" and kinds not in DEARER


def may_wait(kinds: Kinds) -> Waits:
    """Return for whom the kernel may wait: who waits for a socket holds the lock of the pipe.

    Nobody could read what is in the pipe already, or write to it, not even without waiting.
    """
    source, sink = kinds
    if sink == PIPE and source in SOCKETS:
        return Waits.FOR_SINK
    return Waits.NEVER if source == PIPE and sink in SOCKETS else Waits.FOR_BOTH


def may_be_spliced(sink: KernelStream, waits: Waits) -> bool:
    """Tell whether a socket can be written without a signal, and does not wait unless it may."""
    unable = sink.borrowed and os.get_blocking(sink.send_fd)
    return breaks_quietly() and (bool(waits) or not unable)


def kind_of(stream: KernelStream, fd: int) -> str:
    """Return which of the kinds *fd* of *stream* is; empty for no such, or none at all."""
    if fd < 0:
        return ""
    if isinstance(stream, SocketStream):
        return UNIX if stream.sock.family == socket.AF_UNIX else OTHER_SOCKET
    mode = os.fstat(fd).st_mode
    if stat.S_ISCHR(mode) and not os.isatty(fd):
        return DEVICE
    return FILE if stat.S_ISREG(mode) else PIPE if stat.S_ISFIFO(mode) else ""
