"""What everybody sends, gathered into one socket of datagrams: a collector of logs, say.

One datagram that cannot be passed on must not end it for all senders. It is lost, which is
told, and is the error of the whole in the end.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from fildes.listening.troubles import PASSING
from fildes.streams.datagrams import DatagramStream
from fildes.streams.everybody import HeardRecords, HeardStream
from fildes.streams.half import Half

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.streams.stream import Stream

#: Errors of one datagram: it is too long; the network has no way, the device no room; or an
#: earlier one was refused, by a host whose server may come again; udp(7).
OF_ONE = PASSING | {errno.EMSGSIZE, errno.ENOBUFS, errno.ECONNREFUSED}


class Gathering(Half):
    """The direction from everybody to one socket of datagrams.

    Attributes:
      lost_ones: datagrams that were not passed on.
      failure: why the first of them was not.
      missed: called when one is lost, with the reason and how many are; not each time.
    """

    __slots__ = ("failure", "lost_ones", "missed")

    def __init__(
        self, source: Stream, sink: Stream, missed: Callable[[OSError, int], object]
    ) -> None:
        super().__init__(source, sink)
        self.lost_ones = 0
        self.failure: OSError | None = None
        self.missed = missed

    def send(self, data: memoryview) -> int | None:
        taken = super().send(data)
        error = self.error
        if not isinstance(error, OSError) or error.errno not in OF_ONE:
            return taken
        self.error = None
        if error.errno != errno.EMSGSIZE:  # it may be an earlier one's, and this was not sent
            taken = super().send(data)
            if isinstance(self.error, OSError) and self.error.errno not in OF_ONE:
                self.error = error  # the socket is of no use any more
                return taken
            self.error = None
        self.miss(error)
        return taken

    def miss(self, error: OSError) -> None:
        """Count one that is lost; who floods us makes no flood of lines."""
        self.lost_ones += 1
        self.failure = self.failure or error
        if self.lost_ones & (self.lost_ones - 1) == 0:
            self.missed(error, self.lost_ones)

    async def pass_on_end(self) -> None:
        await super().pass_on_end()
        self.error = self.error or self.failure


def gathers(source: Stream, sink: Stream) -> bool:
    """Tell whether *source* is everybody, and *sink* takes each datagram by itself."""
    *_, received = source.layers()
    *_, sent = sink.layers()
    return isinstance(received, HeardStream | HeardRecords) and isinstance(sent, DatagramStream)
