"""The verb extract: every picture in what an address holds."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Generator, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes import verbs
from fildes.errors import ProtocolError, add_context

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.wire.picture_finder import Event
    from fildes.wire.pictures import Kind

READ_SIZE = 131072  # twice what the finder looks at in one go; arbitrary

#: Bytes of one picture, at most: it is held in memory.  # arbitrary
MAX_SIZE = 64 << 20


class Picture(NamedTuple):
    """One picture, complete.

    Attributes:
      kind: ``"png"``, ``"jpeg"``, ``"gif"`` or ``"webp"``.
      number: its own among those that were asked for, from 0.
      offset: where it begins in the input; in base64, where its first letter is, and in
        compressed data, where that begins.
      data: the whole file.
    """

    kind: str
    number: int
    offset: int
    data: bytes


def extract(
    address: str | os.PathLike[str] | Address,
    *,
    kinds: Collection[str] = (),
    max_size: int = MAX_SIZE,
    **how: Any,
) -> Generator[Picture, None, None]:
    """Yield every picture in what *address* holds, as it comes.

    PNG, JPEG, GIF and WebP files are known by their structure, wherever they lie: raw
    in any stream, in the base64 of ``data:`` URIs in HTML or CSS, in the parts of a
    mail or of multipart/x-mixed-replace, in archives (zip, tar and what is built on them,
    such as documents of office programs) and in gzip, bzip2, xz or zstd data, up to five
    in each other. A picture inside another, such as the small one that a camera adds, is
    a part of that.

    Args:
      address: as of `open`. It is opened when the first picture is asked for, and
        closed with the iterator.
      kinds: only these: ``"png"``, ``"jpeg"``, ``"gif"``, ``"webp"``.
      max_size: bytes of one picture, at most.
      how: the arguments of `open` by name: timeout, idle_timeout, policy, options.

    Raises:
      ValueError: there is no such kind.
      ProtocolError: a picture, or compressed data, was corrupt, cut short
        (`IncompleteError`) or larger than *max_size*. The first such error is raised at
        the end, when all that are sound were given out.
      OSError, EOFError: as of `open` and of reading it.

    Example:
      >>> for picture in fildes.extract("https://example.com/page"):
      ...     print(picture.kind, len(picture.data))
    """
    wanted = check_kinds(kinds)
    return pictures(address, wanted, max_size, how)


def check_kinds(names: Collection[str]) -> tuple[Kind, ...]:
    """Return the kinds called *names*; all for none."""
    from fildes.wire.pictures import KINDS  # most programs do without

    known = {kind.name: kind for kind in KINDS}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"no kind of picture {unknown[0]!r}; known: {', '.join(known)}")
    return tuple(kind for kind in KINDS if kind.name in names or not names)


def pictures(
    address: str | os.PathLike[str] | Address,
    wanted: Collection[Kind],
    max_size: int,
    how: dict[str, Any],
) -> Generator[Picture, None, None]:
    first: OSError | None = None
    number = 0
    with verbs.open(address, "rb", 0, **how) as file:
        for found in whole(events_of(file), max_size):
            if found.kind in wanted and found.error is None:
                yield Picture(found.kind.name, number, found.offset, found.data)
                number += 1
            elif found.kind in wanted:
                first = first or found.error
    if first is not None:
        add_context(first, "decode", file.address)
        raise first


class Found(NamedTuple):
    """A picture, or the error that it is none."""

    kind: Kind
    offset: int
    data: bytes
    error: ProtocolError | None


def events_of(file: Any, seen: Callable[[int], object] = lambda size: None) -> Iterator[Event]:
    """Yield what is found in *file*, opened unbuffered; call *seen* with each read's size."""
    from fildes.compression.unpacking import DeepFinder

    finder = DeepFinder()
    view = memoryview(bytearray(READ_SIZE))
    try:
        while size := file.readinto(view):
            seen(size)
            yield from finder.feed(view[:size])
        yield from finder.finish()
    except OSError as error:  # of a read it is told already
        add_context(error, "decode", file.address)
        raise


def whole(events: Iterator[Event], max_size: int) -> Iterator[Found]:
    """Put the pieces of each picture together."""
    from fildes.wire.picture_finder import Begun, Ended

    begun: Begun | None = None
    pieces: list[bytes] = []
    size = 0
    for event in events:
        match event:
            case Begun():
                begun, size = event, 0
                pieces.clear()
            case Ended(error):
                assert begun is not None  # what ends has begun
                if error is None and size > max_size:
                    words = f"{begun.kind.title} of {size} bytes; at most {max_size} are taken"
                    error = ProtocolError(words)
                yield Found(begun.kind, begun.offset, b"".join(pieces), error)
            case _:
                size += len(event)
                pieces.append(event)
                if size > max_size:
                    pieces.clear()


def nothing_found(size: int) -> FileNotFoundError:
    """Return the error for *size* bytes without a picture, sound or not."""
    return FileNotFoundError(errno.ENOENT, f"no picture in {size} bytes")
