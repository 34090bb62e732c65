"""The datagrams of one peer of a listener, as a stream; see `fildes.listening.udp`."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.streams.datagrams import DatagramStream
from fildes.streams.kernel import RECV_FLAGS
from fildes.streams.stream import MAX_DATAGRAM
from fildes.streams.timer import Timer
from fildes.waiting import READ, Interest

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from fildes.listening.arrivals import Arrival
    from fildes.listening.udp import UdpAcceptor

#: Datagrams taken out of a listener's queue at once.  # arbitrary; by default it holds 212,992 B
MOST_AHEAD = 512

#: Bytes of a datagram at most, and less; RFC 768, "Length".
LARGEST = 65535

#: Seconds after connect(2) at which somebody who waits looks for what the kernel has chosen
#: another socket for before. That takes it microseconds, unless the processor is taken away;
#: at the last look all is there.  # arbitrary
LOOKS = (0.01, 0.1, 1.0)

#: Seconds until an alarm goes off that others may ring before.
LONG = 3600.0  # arbitrary


class Conversation(DatagramStream):
    """The datagrams of one peer.

    Attributes:
      early: those that came before the socket was there, in order; received first.
      after: those that have come to it since, while earlier ones may still wait.
      sorted: it was looked for what others have sent to the socket before it had a peer.
      mixed: something of others' may be in the socket's queue still.
      settled: nobody looks any more for what is the peer's at the listener.
      alarm: wakes who waits until then, to look there.
    """

    sorted = settled = False
    mixed = True

    def __init__(self, sock: socket.socket, acceptor: UdpAcceptor, first: Arrival) -> None:
        super().__init__(sock)
        self.acceptor, self.first = acceptor, first._replace(data=b"")
        self.early: deque[bytes] = deque([first.data])
        self.after: list[bytes] = []
        self.parted = False
        self.since = time.monotonic()
        self.alarm = Timer()
        #: More of what the peer says may come to the listener, as long as there is one.
        self.shared = acceptor.joined or first.to_many

    def sort(self, others: deque[Arrival]) -> None:
        """Append to *others* what others have sent before the socket was connected."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while len(self.after) < MOST_AHEAD:
                data, peer = self.sock.recvfrom(MAX_DATAGRAM, RECV_FLAGS)
                if peer == self.first.peer:
                    self.after.append(data)
                else:
                    others.append(self.first._replace(data=data, peer=peer))

    def sort_again(self) -> None:
        """Sort what was on its way to the socket when it was connected."""
        self.sorted = True
        self.after = []
        others: deque[Arrival] = deque()
        self.sort(others)
        self.early += self.after
        self.return_to_listener(others)

    def return_to_listener(self, arrivals: deque[Arrival]) -> None:
        """Give *arrivals* to the listener, as what came next."""
        if arrivals and not self.acceptor.closed:
            self.acceptor.given_back += arrivals
            self.acceptor.wake()

    def take(self, data: bytes) -> None:
        """Take what has come to the listener; called by whoever sorts there."""
        self.early.append(data)
        if self.arrived is not None:
            self.arrived()
        if self.alarm.fd >= 0:
            self.alarm.start(0)

    @property
    def is_late(self) -> bool:
        """Whether all is where it belongs, or in the queue that the kernel has chosen for it."""
        return time.monotonic() - self.since >= LOOKS[-1]

    def look(self) -> bool:
        """Look for what has come to the listener; return whether there is something."""
        with self.acceptor.sorting:
            late = self.is_late and not self.mixed
            self.acceptor.look()
            self.alarm.clear()
            if late and not self.shared:
                self.settle()
        return bool(self.early)

    def settle(self) -> None:
        """Look no more."""
        self.settled = True
        self.alarm.close()

    def recv_wants(self) -> Interest:
        with self.acceptor.sorting:
            if self.settled or self.acceptor.closed:
                return super().recv_wants()
            age = time.monotonic() - self.since
            coming = [moment - age for moment in LOOKS if moment > age]
            last = LONG if self.shared else 0.0
            try:
                # Nothing is left to wait for if it came since somebody looked.
                self.alarm.start(0 if self.early else coming[0] if coming else last)
            except OSError:  # there can be no more descriptors now
                self.settle()
                return super().recv_wants()
            beside = self.acceptor.sockets_to_read() if self.shared else {}
            return {self.sock.fileno(): READ, self.alarm.fd: READ, **beside}

    @property
    def over(self) -> bool:
        """Whether the next datagram of the peer begins another conversation."""
        return self.parted or self.sock.fileno() < 0

    def give_back(self) -> bool:
        """Let the listener have what comes from now on, and what nobody has received.

        The socket is connected to its own address, from which nobody sends, and so the
        kernel gives it none of the peer's any more. It must not be shared, by dup(2) say.

        Returns:
          False, there is something and the listener is closed; the conversation goes on.
        """
        self.parted = True
        if not self.sorted:
            self.sort_again()
        left = deque(self.first._replace(data=data) for data in self.early)
        self.early.clear()
        with contextlib.suppress(OSError):
            self.sock.connect(self.sock.getsockname())
            while True:
                data, peer = self.sock.recvfrom(MAX_DATAGRAM, RECV_FLAGS)
                left.append(self.first._replace(data=data, peer=peer))
        if self.acceptor.closed:
            return not self.go_on([each.data for each in left if each.peer == self.first.peer])
        self.return_to_listener(left)
        return True

    def go_on(self, left: list[bytes]) -> bool:
        """Begin again with what is *left*, if anything is; return whether it is so."""
        if not left:
            return False
        try:
            self.sock.connect(self.first.peer)
        except OSError:  # who cannot be answered any more
            return False
        self.early += left
        self.parted = False
        return True

    def receive(self, buffer: Buffer, flags: int = 0) -> int:
        """Receive one datagram into *buffer*; as `DatagramStream.receive`."""
        while True:
            if self.kept is None and self.early:
                self.kept = self.early.popleft()
                if not self.early and not self.sorted:
                    self.sort_again()
            if self.settled or self.kept is not None:
                return super().receive(buffer, flags)
            try:
                return super().receive(buffer, flags | RECV_FLAGS)
            except BlockingIOError:
                if self.look():
                    continue
                if flags & socket.MSG_DONTWAIT:
                    raise
            if not self.settled:
                wait(self.recv_wants())

    def receive_or_keep(self, view: memoryview, flags: int) -> int:
        """Receive one datagram into *view*, or into `kept`; as long as they are mixed into that."""
        if not self.mixed:
            return super().receive_or_keep(view, flags)
        if len(view) >= LARGEST:
            return self.recv_own_into(view, 0, flags)
        room = bytearray(LARGEST)
        size = self.recv_own_into(room, 0, flags)
        self.kept = bytes(room[:size])
        return 0

    def recv_own_into(self, buffer: Buffer, size: int = 0, flags: int = 0) -> int:
        """Receive the peer's next one from the socket's queue, and give up those before it.

        The *buffer* has room for the largest one.
        """
        late = self.is_late  # before it is seen that nothing is there
        try:
            while True:
                received, peer = self.sock.recvfrom_into(buffer, size, flags)
                if peer == self.first.peer:
                    return received
                data = bytes(memoryview(buffer)[:received])
                self.return_to_listener(deque([self.first._replace(data=data, peer=peer)]))
        except BlockingIOError:
            if late:
                self.mixed = False
            raise

    @property
    def holds(self) -> bool:
        return bool(self.early) or self.kept is not None

    def fileno(self) -> int:
        """Return the descriptor; -1 while there are datagrams that are not in it."""
        return -1 if self.holds else super().fileno()

    def close_now(self) -> None:
        self.release_alarm()
        super().close_now()

    def abort(self) -> None:
        self.release_alarm()
        super().abort()

    def release_alarm(self) -> None:
        """Look no more, for it is closed."""
        with self.acceptor.sorting:
            self.settle()
