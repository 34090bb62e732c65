"""What the mode and buffering arguments of `open` mean, as for the built-in open."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.files.binary import (
    BUFFER_SIZE,
    BufferedFile,
    BufferedWriteFile,
    RandomFile,
    RawFile,
)
from fildes.files.here import HereFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fildes.files.description import Description
    from fildes.files.text import TextConversation, TextFile

    NetFile = BufferedFile | BufferedWriteFile | RandomFile | RawFile | TextFile | TextConversation

#: Small writes are gathered up to this; as io.DEFAULT_BUFFER_SIZE.
PENDING_SIZE = 8192


class Mode(NamedTuple):
    """A parsed mode: the binary part in canonical order, and whether text was asked for."""

    binary: str
    text: bool


@functools.lru_cache(maxsize=64)  # there are not many more
def parse_mode(mode: str, natural: str) -> Mode:
    """Return what *mode* asks for; one that names no direction gets the *natural* one.

    As for the built-in open, ``r`` is text and ``rb`` is not; only what was left out
    altogether is binary.

    Raises:
      ValueError: not a mode of the built-in open.
    """
    letters = set(mode)
    directions = letters & set("rwxa")
    text = "t" in letters or (bool(directions) and "b" not in letters)
    valid = len(letters) == len(mode) and letters <= set("rwxatb+") and len(directions) <= 1
    if not valid or {"t", "b"} <= letters or (not directions and "+" in letters):
        raise ValueError(f"invalid mode: {mode!r}")
    if not directions:
        return Mode(natural, text)
    return Mode(directions.pop() + ("+" if "+" in letters else "") + "b", text)


def pending_size(buffering: int, mode: Mode) -> int:
    """Return how many written bytes are gathered before they are sent."""
    if buffering == 0:
        return 0
    return PENDING_SIZE if buffering < 2 else buffering


def check_text(mode: Mode, buffering: int, text: Mapping[str, Any]) -> None:
    """Check, before anything is opened, what text modes depend on.

    Raises:
      ValueError: the arguments contradict each other.
      LookupError: there is no such encoding.
    """
    if not mode.text and list(text.values()) != [None] * len(text):
        raise ValueError("encoding, errors and newline are for text modes: add 't'")
    if mode.text and buffering == 0:
        raise ValueError("can't have unbuffered text I/O")
    if mode.text:
        io.TextIOWrapper(io.BytesIO(), **text)


def make_file(description: Description, mode: Mode, buffering: int = -1, **text: Any) -> NetFile:
    """Return the face of *description* that *mode* and *buffering* ask for.

    Args:
      text: ``encoding``, ``errors``, ``newline`` of the built-in open, checked.
    """
    if not mode.text:
        return make_binary(description, buffering)
    return make_text(description, buffering, **text)


def make_binary(description: Description, buffering: int) -> NetFile:
    """Return a binary face."""
    stream = description.stream
    if stream.messages:
        from fildes.files.datagram import DatagramFile

        return DatagramFile(description)
    if buffering == 0:
        return RawFile(description)
    if not stream.readable:
        return BufferedWriteFile(description)
    size = BUFFER_SIZE if buffering < 2 else buffering
    if stream.here is not None:
        return HereFile(stream.here, description, size)
    if stream.writable and stream.seek(0, io.SEEK_CUR) is not None:
        return RandomFile(description, size)
    return BufferedFile(description, size)


def make_text(
    description: Description,
    buffering: int,
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> NetFile:
    """Return a text face."""
    from fildes.files.text import TextConversation, TextFile

    if description.stream.messages:
        raise io.UnsupportedOperation("datagrams are read and written as bytes")
    how = {"encoding": io.text_encoding(encoding), "errors": errors, "newline": newline}
    lines = buffering == 1
    buffer = make_binary(description, -1 if lines else buffering)
    if isinstance(buffer, BufferedFile) and buffer.writable():
        return TextConversation(buffer, line_buffering=lines, **how)
    return TextFile(buffer, line_buffering=lines, **how)
