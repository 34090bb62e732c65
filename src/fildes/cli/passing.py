"""Copying what an open file holds past this process, as long as nobody has to see the bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fildes.cli.writing import writing
from fildes.drivers import blocking
from fildes.streams.passage import Passage, Waits, passage_between
from fildes.streams.pipes import Pipes
from fildes.streams.stream import Stream


class Around(NamedTuple):
    """Where bytes go that this process does not see.

    Attributes:
      sink: the stream that they go to.
      place: what it is called.
      moved: called with the size of each piece.
    """

    sink: Stream
    place: str
    moved: Callable[[int], object] = lambda size: None


def move(source: Any, around: Around) -> bytes | None:
    """Move what comes from *source*, an unbuffered file, as long as it is much.

    Returns:
      What is to be written before anything else is read; None if nothing can be moved.

    Raises:
      LocalWriteError: the sink could not be written.
      OSError, EOFError: as of reading *source*.
    """
    description = source.description
    waits = Waits.FOR_BOTH if description.idle_timeout is None else Waits.FOR_SINK
    passage = passage_between(description.stream, around.sink, Pipes(), waits)
    if passage is None:
        return None
    description.receiving = True  # whoever closes it meanwhile has to interrupt this
    try:
        while not passage.over and (moved := step(passage, around.place)) != 0:
            if moved is not None:
                around.moved(moved)
            elif passage.full:
                blocking.wait(passage.wants())
            else:
                wait_for(description)
    finally:
        description.receiving = False
        left = passage.stop()
    return None if passage.unable and not left else left


def step(passage: Passage, place: str) -> int | None:
    """Do what `Passage.step` does."""
    with writing(place):
        return passage.step()


def wait_for(description: Any) -> None:
    """Wait for more of a source, no longer than its idle limit."""
    try:
        description.wait(description.stream.recv_wants())
    except (OSError, EOFError) as error:
        description.blame(error, "read")
        raise
