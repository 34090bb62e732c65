"""One client of a relay, and those who are told what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fildes.drivers.loop_task import Task
    from fildes.relaying.brief import Owner, Way
    from fildes.relaying.pair import Pair
    from fildes.relaying.shaking import Shaking
    from fildes.streams.half import Half
    from fildes.streams.stream import Stream


class Connection:
    """One client, and the place that it is connected to.

    Attributes:
      number: no other one of this relay has it.
      near, far: the streams; *far* is None until it is open.
      since: the moment at which it was accepted.
      pair, halves: one of them, once bytes flow: two sockets, or two directions.
      there, back, owner: of a `Brief` one.
    """

    __slots__ = (
        "back",
        "far",
        "halves",
        "near",
        "number",
        "owner",
        "pair",
        "since",
        "task",
        "there",
    )

    near: Stream
    far: Stream | None
    there: Way
    back: Way
    owner: Owner

    def __init__(self, number: int, near: Stream, since: float) -> None:
        self.number = number
        self.near = near
        self.far = None
        self.since = since
        self.halves: tuple[Half, ...] = ()
        self.pair: Pair[Connection] | None = None
        self.task: Task[Any] | Shaking | None = None

    @property
    def copied(self) -> tuple[int, int]:
        """The bytes there and back."""
        if self.pair is not None:
            return self.pair.there.copied, self.pair.back.copied
        return (self.halves[0].copied, self.halves[1].copied) if self.halves else (0, 0)

    def pair_now(self) -> Pair[Connection] | None:
        """Return what copies by callbacks, with all that it can be asked for."""
        return self.pair

    def abort(self) -> None:
        """End both streams at once; each peer learns that its end is no end of file."""
        pair, self.pair = self.pair, None
        if pair is not None:
            pair.stop()
            self.halves = pair.there, pair.back
        if self.task is not None:
            self.task.cancel()
        self.near.abort()
        if self.far is not None:
            self.far.abort()


class Observer:
    """Is told what happens to each connection; others derive from it what they want.

    Attributes:
      sees_all: or else only of what is not brief, and of errors.
    """

    sees_all = True

    def accepted(self, connection: Connection) -> None:
        """Bytes of a client may come; its other side is going to be opened."""

    def opened(self, connection: Connection) -> None:
        """Both sides are there."""

    def closed(self, connection: Connection, error: Exception | None) -> None:
        """It is over: complete, if there is no *error*."""

    def refused(self, peer: str | None, reason: Exception) -> None:
        """A client was not let in, or failed to become a connection."""

    def scarce(self, error: OSError) -> None:
        """Clients have to wait, for *error* says that nothing is left to serve them with."""


def close_sockets(connection: Connection, near: Stream, far: Stream) -> OSError | None:
    """Close both sides of *connection* in order, as `close_both`; return what went wrong."""
    try:
        far.close_now()
        near.close_now()
    except OSError as error:
        connection.abort()
        return error
    return None


async def close_both(connection: Connection) -> None:
    """Close both sides of *connection* in order, the far one first."""
    assert connection.far is not None  # else nothing was copied
    await connection.far.close()
    await connection.near.close()
