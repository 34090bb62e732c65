"""One direction between two sockets of datagrams; as `SocketHalf`.

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
from typing import Any

from fildes.relaying.socket_half import IN, SocketHalf
from fildes.streams.buffers import BUFFER_SIZE, Buffers
from fildes.streams.datagrams import DatagramStream
from fildes.streams.kernel import RECV_FLAGS, SEND_FLAGS
from fildes.streams.stream import MAX_DATAGRAM

SOL_UDP = socket.IPPROTO_UDP
UDP_SEGMENT = 103  #: linux/udp.h; the socket module does not know it

#: Datagrams that are cut from one send at most; linux/udp.h, UDP_MAX_SEGMENTS.
MOST_SEGMENTS = 64

#: Bytes of one send at most: what the length in a header of IPv4 allows; RFC 768, RFC 791.
LARGEST_SEND = 65507

#: Datagrams that are received before others get their turn.
BATCH = 64  # arbitrary

#: After each look that has found a datagram alone, twice as many are taken to be alone, and
#: at last so many: to look for another one costs as much as to be told of it.
MOST_LONE = 63  # arbitrary

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
      lone: as many are each taken to be alone, for so were those before.
      alone_until: the count at which somebody looks again.
      beside: there may be datagrams that are not in the queue of the source's socket.
      take: receives from there, as `socket.socket.recv_into`.
      mixed: others' may be there, too, which *take* has to leave out.
    """

    __slots__ = ("alone_until", "beside", "count", "cut_below", "lone", "mixed", "sizes", "take")

    source: DatagramStream

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.says, self.edges = IN, 0  # one that is not received now has to be told of again
        self.sizes: list[int] = []
        self.count = self.lone = self.alone_until = 0
        self.beside, self.mixed = True, self.source.mixed
        self.take = self.source.recv_own_into if self.mixed else self.from_sock.recv_into
        self.cut_below = LARGEST_SEND if cuts_datagrams(self.to_sock) else 0

    def ready(self, fd: int, events: int) -> None:
        """Go on; a datagram that is taken to be alone is passed on in the fewest steps."""
        if self.count >= self.alone_until or events != IN:
            super().ready(fd, events)
            return
        view = self.buffers.view
        try:
            size = self.take(view, 0, TELL_SIZE)
        except OSError as error:
            self.miss(error)
            return
        if size > BUFFER_SIZE:
            self.miss(too_long(size))
            return
        try:
            self.to_sock.send(view[:size], SEND_FLAGS)
        except OSError as error:
            self.hold(view[:size], error)
            return
        self.copied += size
        self.count += 1

    def miss(self, error: OSError) -> None:
        """Take it that nothing was received."""
        if not isinstance(error, BlockingIOError):
            self.error, self.lost = error, True
            self.pair.settle()

    def hold(self, data: memoryview, error: OSError) -> None:
        """Keep a datagram, unless the sink never takes it for an *error*."""
        if isinstance(error, BlockingIOError):
            self.sizes.append(len(data))
            self.keep(data)
        else:
            self.error = error
        self.pair.settle()

    def keep(self, rest: memoryview) -> None:
        """Wait until the sink takes the *rest*, before anything else."""
        self.left = self.buffers.keep(rest)
        self.alone_until = 0

    def move(self) -> bool:
        """Do what can be done now; return whether the pair has to see to something."""
        if self.left is not None:
            return self.send_left(self.left, self.buffers)
        view = self.buffers.view
        trouble = self.receive(view)
        if self.sizes:
            total = sum(self.sizes)
            sent = self.send_each(view[:total])
            if self.sizes and self.error is None:
                self.keep(view[sent:total])
        if trouble is not None:
            self.error, self.lost = trouble, True
        return self.left is not None or self.error is not None

    def attend_soon(self) -> None:
        """See to datagrams that the socket does not tell of, before those in its queue."""
        self.beside, self.alone_until = True, 0
        self.pair.loop.call_soon(self.attend)

    def attend(self) -> None:
        """Go on, unless it is over or something else comes first."""
        if self.beside and self.watched & IN and self.move():
            self.pair.settle()

    def receive(self, view: memoryview) -> OSError | None:
        """Receive what waits into *view*, one after the other; return what ended it."""
        take, sizes, start = self.take, self.sizes, 0
        try:
            if self.beside:
                start = self.receive_beside(view)
            while start <= LAST_START and len(sizes) < BATCH:
                size = take(view[start:], 0, TELL_SIZE)
                sizes.append(size)
                start += size
        except BlockingIOError:
            self.lone = min(2 * self.lone + 1, MOST_LONE) if len(sizes) == 1 else 0
            self.alone_until = self.count + len(sizes) + self.lone
            if self.mixed and not self.source.mixed:
                self.mixed, self.take = False, self.from_sock.recv_into
            return None
        except OSError as error:
            return error
        if start > len(view):
            return too_long(sizes.pop())
        return None

    def receive_beside(self, view: memoryview) -> int:
        """Receive what is not in the socket's queue; return how many bytes of *view* it took."""
        source, sizes, start = self.source, self.sizes, 0
        self.beside = False
        while source.holds:
            if start > LAST_START or len(sizes) == BATCH:
                self.attend_soon()
                break
            size = source.receive(view[start:], RECV_FLAGS)
            sizes.append(size)
            start += size
        return start

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
            if self.beside:
                self.attend_soon()
            return True
        self.left = left[sent:]
        return sent > 0


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
