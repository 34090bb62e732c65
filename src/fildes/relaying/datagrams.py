"""Two sockets of datagrams, each of which gets what the other one says; as `Pair`.

All that waits is received at once, one datagram behind the other in one buffer, and sent
from there. Neighbours of one size go to the kernel together, which cuts them again
(UDP_SEGMENT of udp(7)): on loopback (Linux 6.18) 32 datagrams of 100 bytes took 0.5 µs
each, and 3.2 µs one by one. None is joined, cut or put in another place, and an empty one
is a datagram as any other.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import TYPE_CHECKING, Any, cast

from fildes.relaying.pair import Owner, Pair
from fildes.relaying.socket_half import IN, SocketHalf
from fildes.streams.buffers import BUFFER_SIZE, Buffers
from fildes.streams.datagrams import DatagramStream
from fildes.streams.kernel import RECV_FLAGS, SEND_FLAGS
from fildes.streams.stream import MAX_DATAGRAM

if TYPE_CHECKING:
    from fildes.streams.stream import Stream

SOL_UDP = socket.IPPROTO_UDP
UDP_SEGMENT = 103  #: linux/udp.h; the socket module does not know it

#: Datagrams that are cut from one send at most; linux/udp.h, UDP_MAX_SEGMENTS.
MOST_SEGMENTS = 64

#: Bytes of one send at most: what the length in a header of IPv4 allows; RFC 768, RFC 791.
LARGEST_SEND = 65507

#: Datagrams that are received before others get their turn.
BATCH = 64  # arbitrary

#: After a datagram that came alone so many more are each taken to be alone: to look for
#: another one costs as much as to be told of it.
LONE = 3  # arbitrary

#: Where a datagram begins in the buffer at the latest, so that the longest one fits.
LAST_START = BUFFER_SIZE - MAX_DATAGRAM

#: A datagram longer than its place says how long it was; recv(2).
TELL_SIZE = RECV_FLAGS | socket.MSG_TRUNC

#: The kernel, or the device, does not cut these, and sends them one by one.
UNCUT = frozenset({errno.EINVAL, errno.EMSGSIZE, errno.EIO, errno.EOPNOTSUPP})


class DatagramHalf(SocketHalf):
    """One direction between two sockets of datagrams.

    Attributes:
      sizes: of the datagrams that are received and not yet sent, in their order.
      cut_below: datagrams of fewer bytes are sent together.
      count: datagrams that the sink has taken.
      lone: as often only one is received, for it came alone before.
    """

    __slots__ = ("count", "cut_below", "lone", "sizes")

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.says, self.edges = IN, 0  # one that is not received now has to be told of again
        self.sizes: list[int] = []
        self.count = self.lone = 0
        self.cut_below = LARGEST_SEND if cuts_datagrams(self.to_sock) else 0

    def move(self) -> bool:
        """Do what can be done now; return whether the pair has to see to something."""
        buffers = self.buffers
        if self.left is not None:
            return self.send_left(self.left, buffers)
        view = buffers.view
        if self.lone and not cast("DatagramStream", self.source).holds:
            return self.move_one(view)
        trouble = self.receive(view)
        if self.sizes:
            total = sum(self.sizes)
            sent = self.send_each(view[:total])
            if self.sizes and self.error is None:
                self.left = buffers.keep(view[sent:total])
        if trouble is not None:
            self.error, self.lost = trouble, True
        return self.left is not None or self.error is not None

    def move_one(self, view: memoryview) -> bool:
        """Do as `move` with a datagram that is taken to be alone, in the fewest steps."""
        self.lone -= 1
        try:
            size = self.from_sock.recv_into(view, 0, TELL_SIZE)
        except BlockingIOError:
            return False
        except OSError as error:
            self.error, self.lost = error, True
            return True
        if size > BUFFER_SIZE:
            self.error, self.lost = too_long(size), True
            return True
        data = view[:size]
        try:
            self.to_sock.send(data, SEND_FLAGS)
        except BlockingIOError:
            self.sizes.append(size)
            self.left = self.buffers.keep(data)
            return True
        except OSError as error:
            self.error = error
            return True
        self.copied += size
        self.count += 1
        return False

    def attend_soon(self) -> None:
        """See to a datagram that the socket does not tell of."""
        self.pair.loop.call_soon(self.attend)

    def attend(self) -> None:
        """Go on, unless it is over or something else comes first."""
        if self.watched & IN and self.move():
            self.pair.settle()

    def receive(self, view: memoryview) -> OSError | None:
        """Receive what waits into *view*, one after the other; return what ended it."""
        source = cast("DatagramStream", self.source)
        take, sizes, start = self.from_sock.recv_into, self.sizes, 0
        try:
            while source.holds and start <= LAST_START and len(sizes) < BATCH:
                size = source.receive(view[start:], RECV_FLAGS)
                sizes.append(size)
                start += size
            while start <= LAST_START and len(sizes) < BATCH:
                size = take(view[start:], 0, TELL_SIZE)
                sizes.append(size)
                start += size
        except BlockingIOError:
            if len(sizes) == 1:
                self.lone = LONE
            return None
        except OSError as error:
            return error
        if start > len(view):
            return too_long(sizes.pop())
        return None

    def send_each(self, data: memoryview) -> int:
        """Send from *data* what `sizes` says; return how many bytes of it were taken."""
        sizes, at, start = self.sizes, 0, 0
        while at < len(sizes):
            count = self.together(at)
            stop = start + sum(sizes[at : at + count])
            try:
                self.send_some(data[start:stop], sizes[at], count)
            except BlockingIOError:
                break
            except OSError as error:
                if count == 1 or error.errno not in UNCUT:
                    self.error = error
                    break
                self.cut_below = sizes[at]
                continue
            at, start = at + count, stop
        del sizes[:at]
        self.copied += start
        self.count += at
        return start

    def together(self, at: int) -> int:
        """Return how many datagrams, from *at* on, can be sent together.

        They are of one size; the last one may be shorter.
        """
        sizes = self.sizes
        size = sizes[at]
        if not 0 < size < self.cut_below:
            return 1
        last = min(len(sizes), at + MOST_SEGMENTS, at + LARGEST_SEND // size)
        if not at and last == len(sizes) == sizes.count(size):  # as most often
            return last
        stop = at + 1
        while stop < last and sizes[stop] == size:
            stop += 1
        if stop < last and 0 < sizes[stop] < size:
            stop += 1
        return stop - at

    def send_some(self, data: memoryview, size: int, count: int) -> None:
        """Send *count* datagrams of *size* bytes; all or, with an error, none."""
        if count == 1:
            self.to_sock.send(data, SEND_FLAGS)
        else:
            cut = (SOL_UDP, UDP_SEGMENT, struct.pack("H", size))
            self.to_sock.sendmsg((data,), (cut,), SEND_FLAGS)

    def send_left(self, left: memoryview, buffers: Buffers) -> bool:
        """Send what is left of the last batch; return whether anything happened."""
        sent = self.send_each(left)
        if self.error is not None:
            return True
        if not self.sizes:
            self.left = None
            buffers.give_back(left)
            return True
        self.left = left[sent:]
        return sent > 0


class DatagramPair(Pair[Owner]):
    """Two sockets of datagrams; they have no end of file, so only an error ends it."""

    half = DatagramHalf
    there: DatagramHalf
    back: DatagramHalf

    def start(self) -> None:
        """Begin with what is there, and hear of what comes beside the sockets."""
        for half in (self.there, self.back):
            cast("DatagramStream", half.source).arrived = half.attend_soon
        super().start()

    def stop(self) -> None:
        """Copy no more; as `Pair.stop`."""
        for half in (self.there, self.back):
            cast("DatagramStream", half.source).arrived = None
        super().stop()

    def part(self) -> None:
        """Copy no more, and give back what has come since somebody looked last."""
        self.stop()
        for half in (self.there, self.back):
            cast("DatagramStream", half.source).give_back()

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
            self.finish()


def cuts_datagrams(sock: socket.SocketType) -> bool:
    """Tell whether the kernel cuts what is sent to *sock* into datagrams."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    try:
        sock.getsockopt(SOL_UDP, UDP_SEGMENT)
    except OSError:  # of a kernel that would ignore the wish, and send one large datagram
        return False
    return True


def too_long(size: int) -> OSError:
    """Return the error of a datagram that there was no room for."""
    message = f"a datagram has {size} bytes, {MAX_DATAGRAM} at most can be passed on"
    return OSError(errno.EMSGSIZE, message)


def keeps_datagrams(stream: Stream) -> bool:
    """Tell whether `DatagramPair` copies *stream*."""
    return isinstance(stream, DatagramStream) and stream.endless and stream.connected
