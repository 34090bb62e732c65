"""The verbs pipe and relay: copying between files, ours and others.

What lies in a buffer of a file goes first: bytes read ahead are sent on before any
others, bytes written but not sent before that. A file that is not ours is used
through a duplicate of its descriptor; so its position and its end stay the
caller's, as after a program has read or written it.
"""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any, Protocol, Self

from fildes.address import Address
from fildes.drivers import blocking
from fildes.errors import add_context
from fildes.files.binary import BufferedFile, File
from fildes.listener import Listener
from fildes.opening.arguments import check_times
from fildes.schemes.fd import duplicate
from fildes.streams.half import Half, LoneHalf
from fildes.streams.relay import check_eof, copy_until, half_between
from fildes.verbs import OPEN_TIMEOUT, Options, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fildes.policy.policy import Policy
    from fildes.relaying.forwarding import Ending
    from fildes.streams.stream import Stream


class HasDescriptor(Protocol):
    """A file or socket, ours or not."""

    def fileno(self) -> int:
        """Return its descriptor."""
        ...


def pipe(
    source: HasDescriptor,
    sink: HasDescriptor,
    *,
    idle_timeout: float | None = None,
    max_bytes: int | None = None,
    eof: str = "propagate",
) -> int:
    """Copy *source* to *sink* until its end of file, return the number of bytes.

    The end of file is passed on as a half-close of *sink*, whose peer may still
    answer. Both stay open and yours; a file being written is complete when you
    close it.

    Args:
      source, sink: files of fildes, built-in binary files, sockets.
      idle_timeout: seconds without a byte; None waits for ever.
      max_bytes: how many are copied at most; what follows them stays in *source*.
      eof: ``"ignore"`` does not pass the end on: more may be written to *sink*.

    Raises:
      TimeoutError: nothing moved for *idle_timeout* seconds.
      OSError, EOFError: as reading or writing; both files have been aborted. One
        that is not ours stays open, and a tcp socket will reset when you close it.

    Example:
      >>> with fildes.open("https://localhost/log") as source:
      ...     with fildes.open("./log", "wb") as sink:
      ...         fildes.pipe(source, sink)
    """
    check_times(None, idle_timeout)
    check_pipe(eof, max_bytes)
    with End(source, "rb") as left, End(sink, "wb") as right:
        (half,) = run([(left, right)], idle_timeout, eof, max_bytes)
    return half.copied


def check_pipe(eof: str, max_bytes: int | None) -> None:
    """Raise `ValueError` for what `pipe` cannot do."""
    if eof not in ("propagate", "ignore"):
        raise ValueError(f"eof of one direction is propagate or ignore, not {eof!r}")
    check_most(max_bytes)


def check_most(max_bytes: int | None) -> None:
    """Raise `ValueError` unless *max_bytes* is a limit."""
    if max_bytes is not None and max_bytes < 1:
        raise ValueError(f"max_bytes is 1 or more, or None for no limit, not {max_bytes!r}")


def relay(
    left: HasDescriptor,
    right: HasDescriptor | str | Address,
    *,
    idle_timeout: float | None = None,
    eof: str = "propagate",
    max_bytes: int | None = None,
    timeout: float | None = OPEN_TIMEOUT,
    policy: Policy | None = None,
    **options: Options,
) -> tuple[int, int]:
    """Copy bytes both ways until each side has sent its end of file.

    An end of file read from one side is passed on as a half-close of the other, so
    that whoever asks, ends and waits still gets the answer.

    Between a listener and an address it serves any number of clients at once, from one
    thread: for each of them the address is opened anew. It returns when the listener
    was closed, by another thread or a signal handler, and the last client is done; what
    becomes of a single connection is none of its errors.

    Args:
      left, right: files of fildes or sockets; both stay open and yours. Or a
        `Listener`, and the address of what its clients are to reach.
      idle_timeout: seconds without a byte in either direction; None waits for ever.
      eof: when it is over: ``"propagate"``, when both have ended; ``"first"``, when one
        has; ``"linger:5"``, when nothing came for 5 seconds after one has; ``"ignore"``,
        when both have, of which neither is told to the other side.
      max_bytes: how many are copied in each direction, which has then ended.
      timeout, policy, options: for opening an address, as of `fildes.open`.

    Returns:
      Bytes copied left to right, and right to left.

    Raises:
      TimeoutError: nothing moved for *idle_timeout* seconds.
      OSError, EOFError: a direction was cut short; the other one was copied to its
        end, and then both files aborted.

    Example:
      >>> with fildes.listen("tcp://localhost:8080") as listener:
      ...     fildes.relay(listener, "tls://localhost:443")
    """
    check_times(timeout, idle_timeout)
    if isinstance(right, str | Address):
        from fildes.relaying.forwarding import Ending

        ending = Ending(eof, max_bytes, idle_timeout)
        return forward_to(left, right, ending, timeout, policy, options)
    if options:
        raise TypeError(f"{min(options)!r} is for opening an address, and there is none")
    check_eof(eof)
    check_most(max_bytes)
    with End(left, "r+b") as one, End(right, "r+b") as other:
        there, back = run([(one, other), (other, one)], idle_timeout, eof, max_bytes)
    return there.copied, back.copied


def forward_to(
    listener: Any,
    address: str | Address,
    ending: Ending,
    timeout: float | None,
    policy: Policy | None,
    options: Mapping[str, Options],
) -> tuple[int, int]:
    """Relay between the clients of *listener* and *address*; see `relay`."""
    from fildes.relaying.dialing import opener_of
    from fildes.relaying.forwarding import forward

    if not isinstance(listener, Listener):
        raise TypeError("an address is relayed to from a Listener; else open it first")
    check_eof(ending.eof)
    check_most(ending.max_bytes)
    opening, _ = prepare(address, "r+b", policy, options)
    open_far = opener_of(opening.address, opening.policy, opening.options)
    return forward(
        listener,
        open_far,
        eof=ending.eof,
        idle_timeout=ending.idle_timeout,
        timeout=timeout,
        prepare=ending.shape,
    )


def run(
    ways: list[tuple[End, End]], idle_timeout: float | None, eof: str, max_bytes: int | None
) -> list[Half]:
    """Copy from source to sink in each of *ways*, what the buffers hold first."""
    halves = []
    kind = LoneHalf if len(ways) == 1 and idle_timeout is None else Half
    for source, sink in ways:
        source.flush()  # a question goes before its answer is awaited
        sink.flush()
        left = source.taken_back(max_bytes)
        halves.append(half_between(source.stream, sink.stream, eof, max_bytes, left, kind))
    with blamed(halves, ways[0]):
        blocking.run(copy_until(halves, eof, idle_timeout))
    for half, (_, sink) in zip(halves, ways, strict=True):
        if half.ended and eof != "ignore":
            sink.was_half_closed()
    return halves


@contextlib.contextmanager
def blamed(halves: list[Half], ends: Sequence[End]) -> Iterator[None]:
    """Say of an error of *halves* to which file of ours, source or sink, it belongs."""
    try:
        yield
    except (OSError, EOFError) as error:
        for half, source, sink in zip(halves, ends, reversed(ends), strict=False):
            end, step = (source, "read") if half.lost else (sink, "write")
            if half.error is error and end.ours:
                add_context(error, step, end.file.address)
        raise


class End:
    """One end of the copying: a file as a stream, given back when that is over.

    Attributes:
      stream: of the file itself if it is ours, else over a duplicate.
    """

    def __init__(self, file: Any, mode: str) -> None:
        if isinstance(file, io.TextIOBase):
            raise TypeError("bytes are copied: open the file in a binary mode")
        if isinstance(file, Listener):
            raise TypeError("a listener is relayed to an address: relay(listener, address)")
        self.file = file
        self.ours = isinstance(file, File)
        if self.ours:
            file.description.check_open()
            check_directions(file, mode)
            file.description.make_sequential()
            self.stream: Stream = file.description.stream
        else:
            self.stream = duplicate(descriptor_of(file), mode)

    def flush(self) -> None:
        """Send what was written to the file."""
        if isinstance(self.file, io.IOBase):
            self.file.flush()

    def taken_back(self, most: int | None = None) -> bytes:
        """Return *most* bytes of what was read ahead, which the file then no longer holds."""
        if isinstance(self.file, BufferedFile):
            return self.file.taken_back(most)
        if isinstance(self.file, io.BufferedReader):
            return read_ahead(self.file, most)
        return b""

    def was_half_closed(self) -> None:
        """Let a file of ours know that its conversation has said all."""
        if self.ours and self.stream.readable:
            self.file.description.ended = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        if kind is not None and self.ours:
            self.file.abort()
        elif kind is not None:
            self.stream.abort()
        elif not self.ours:
            blocking.run(self.stream.close())


def check_directions(file: Any, mode: str) -> None:
    """Raise `io.UnsupportedOperation` unless *file* is open for all that *mode* names."""
    if mode != "wb" and not file.readable():
        raise io.UnsupportedOperation(f"{file.address} is not open for reading")
    if mode != "rb" and not file.writable():
        raise io.UnsupportedOperation(f"{file.address} is not open for writing")


def descriptor_of(file: Any) -> int:
    """Return the descriptor of a file or socket that is not ours."""
    try:
        fd: int = file.fileno()
    except (AttributeError, io.UnsupportedOperation):
        kind = type(file).__name__
        raise TypeError(f"what has a descriptor is copied, a file or socket, not {kind}") from None
    return fd


def read_ahead(file: io.BufferedReader, most: int | None = None) -> bytes:
    """Return what a built-in file has read ahead; its position is then what it seems."""
    with paused(file.raw):
        return file.read1(io.DEFAULT_BUFFER_SIZE * 64 if most is None else most) or b""


@contextlib.contextmanager
def paused(raw: Any) -> Iterator[None]:
    """Let reads of *raw* return that nothing is there, so that a buffer shows what it has."""
    raw.readinto = lambda buffer: None
    try:
        yield
    finally:
        del raw.readinto
