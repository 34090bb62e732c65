"""Two sockets of datagrams, each of which gets what the other one says; as `Pair`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.relaying.datagram_half import DatagramHalf
from fildes.relaying.pair import Owner, Pair
from fildes.streams.datagrams import DatagramStream

if TYPE_CHECKING:
    from fildes.streams.stream import Stream


class DatagramPair(Pair[Owner]):
    """Two sockets of datagrams; they have no end of file, so only an error ends it."""

    half = DatagramHalf
    gives_way = True
    there: DatagramHalf
    back: DatagramHalf

    def start(self) -> None:
        """Begin with what is there, and hear of what comes beside the sockets."""
        for half in (self.there, self.back):
            half.source.arrived = half.attend_soon
        super().start()

    def stop(self) -> None:
        """Copy no more; as `Pair.stop`."""
        for half in (self.there, self.back):
            half.source.arrived = None
        super().stop()

    def part(self) -> bool:
        """Copy no more, and give back what has come since somebody looked last.

        Returns:
          False, nobody can have that: it goes on.
        """
        if not self.there.source.give_back():
            self.there.attend_soon()
            return False
        self.stop()
        return True

    @property
    def moved(self) -> int:
        """What grows with each step, even if a datagram is empty."""
        return self.there.count + self.back.count

    def settle(self) -> None:
        """See to errors, then watch for what is wanted next.

        Any error is the end: the other direction has none that could be waited for.
        """
        if self.there.error is None and self.back.error is None:
            super().settle()
        else:
            self.pass_on_rest()
            self.finish()

    def pass_on_rest(self) -> None:
        """Pass on what has come from a socket that fails: an answer, say, before a refusal.

        An error is told once, and before what has come earlier; udp(7).
        """
        for failed in (self.there, self.back):
            rest = failed if failed.lost else failed.other
            if failed.error is not None and rest.left is None:
                before, rest.error = rest.error, None
                rest.move()
                rest.error = before or rest.error


def keeps_datagrams(stream: Stream) -> bool:
    """Tell whether `DatagramPair` copies *stream*."""
    return isinstance(stream, DatagramStream) and stream.endless and stream.connected
