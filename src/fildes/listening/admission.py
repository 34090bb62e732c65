"""Who is let in, and how many at once.

A connection that is accepted takes a *slot* until its descriptor is closed. Where all
slots are taken the next clients wait in the backlog, which costs this process nothing;
where only those of one client's address are, or where the client is not allowed, it is
accepted and reset at once, so that it costs no descriptor.

A slot may become free in another thread than the one that waits for it: an eventfd(2),
the bell, tells.

A client that connects and says nothing has a slot until its handshake has taken too long,
so that a few of them, again and again, could keep all others out. Once nobody is let in
any more, a handshake that takes longer than most is given up as soon as somebody waits.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from collections import Counter
from typing import Any, NamedTuple

#: Bytes of an IPv6 address that a client has no choice of; RFC 6177 section 2.
SITE_SIZE = 8

#: Seconds that a handshake has in any case: two round trips of a second each.
GRACE = 2.0  # arbitrary

#: Seconds between two looks whether somebody waits.
LOOK = 0.1  # arbitrary


class Limits(NamedTuple):
    """What a listener lets in.

    Attributes:
      connections: at once; None for any number.
      per_peer: at once from one address, from one /64 network over IPv6.
      allow: networks; empty for everybody.
    """

    connections: int | None = None
    per_peer: int | None = None
    allow: tuple[str, ...] = ()


def part_of(limits: Limits, number: int, count: int) -> Limits:
    """Return what the process *number* of *count* may let in, so that the sum is right.

    Connections of one client may come to each of them, so that limit remains whole.
    """
    if limits.connections is None:
        return limits
    part, left = divmod(limits.connections, count)
    return limits._replace(connections=part + (number < left))


class Bell:
    """Wakes whoever polls it, from any thread.

    A shutdown(2) of a listening socket would do so, too, but other processes that hold
    the socket would feel it.
    """

    def __init__(self) -> None:
        self.rung = False
        self.fd = -1
        self.lock = threading.RLock()

    def hang(self) -> None:
        """Take the descriptor."""
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def ring(self) -> None:
        """Make `fd` readable."""
        with self.lock:  # or it could be closed, and its number be another's
            if self.fd >= 0:
                self.rung = True
                os.eventfd_write(self.fd, 1)

    def hush(self) -> None:
        """Make `fd` unreadable until the next ring."""
        if self.rung:
            with self.lock, contextlib.suppress(BlockingIOError):
                self.rung = False
                os.eventfd_read(self.fd)

    def close(self) -> None:
        """Release the descriptor; ringing does nothing any more."""
        with self.lock:
            fd, self.fd = self.fd, -1
            if fd >= 0:
                os.close(fd)


class Admission:
    """The slots of one listener.

    Attributes:
      count: slots that are taken.
      bell: rung when one becomes free after all were taken.
      told_later: whom a connection is from it tells itself; whoever makes it passes on
        for many.
    """

    def __init__(self, limits: Limits, bell: Bell) -> None:
        self.limits = limits
        self.bell = bell
        self.told_later = False
        self.count = 0
        self.by_peer: Counter[str] = Counter()
        # A slot may be released by the garbage collector, in whatever this thread does.
        self.lock = threading.RLock()

    @property
    def full(self) -> bool:
        """Whether all slots are taken."""
        most = self.limits.connections
        return most is not None and self.count >= most

    @property
    def filling(self) -> bool:
        """Whether half of all slots are taken."""
        most = self.limits.connections
        return most is not None and 2 * self.count >= most

    def admit(self, peer: Any) -> Slot | None:
        """Return a slot for a client at the sockaddr *peer*, None to refuse it."""
        host = host_of(peer)
        if not self.is_allowed(host):
            return None
        slot = Slot(self, "")
        if not self.told_later and not slot.move(host):
            return None
        with self.lock:
            self.count += 1
        return slot

    def is_allowed(self, host: str) -> bool:
        """Tell whether clients at *host* may connect."""
        if not self.limits.allow:
            return True
        from fildes.policy import networks

        return bool(host) and networks.holds(self.limits.allow, host)


class Slot:
    """The place of one connection among those that may be there at once."""

    def __init__(self, admission: Admission, key: str) -> None:
        self.admission = admission
        self.key = key
        self.released = False

    def move(self, host: str) -> bool:
        """Count it for the client at *host*; False if that one has too many already."""
        most = self.admission.limits.per_peer
        key = key_of(host)
        if most is None or not key or key == self.key:
            return True
        with self.admission.lock:
            counts = self.admission.by_peer
            if counts[key] >= most:
                return False
            counts[key] += 1
            self.forget()
            self.key = key
        return True

    def forget(self) -> None:
        """Count it for no client any more."""
        counts = self.admission.by_peer
        if self.key:
            counts[self.key] -= 1
            if not counts[self.key]:
                del counts[self.key]  # or the table would grow with each new client
        self.key = ""

    def release(self) -> None:
        """Give it back, the first time; later nothing happens."""
        admission = self.admission
        with admission.lock:
            if self.released:
                return
            self.released = True
            self.forget()
            was_full = admission.full
            admission.count -= 1
            if was_full:
                admission.bell.ring()


class CountedSocket(socket.socket):
    """An accepted socket that holds its slot until it is closed."""

    slot: Slot | None = None

    @classmethod
    def take(cls, accepted: socket.SocketType, slot: Slot) -> CountedSocket:
        """Return what *accepted* was; that one is closed."""
        family, kind, protocol = accepted.family, accepted.type, accepted.proto
        counted = cls(family, kind, protocol, fileno=accepted.detach())
        counted.slot = slot
        return counted

    def close(self) -> None:
        """Close it and release its slot."""
        try:
            super().close()
        finally:
            slot = self.keep()
            if slot is not None:
                slot.release()

    def keep(self) -> Slot | None:
        """Return the slot, which is the caller's to release from now on."""
        slot, self.slot = self.slot, None
        return slot


def turned_away() -> PermissionError:
    """Return the reason why a client is refused before a byte of it counts."""
    return PermissionError(errno.EACCES, "not allowed, or too many connections from there")


def host_of(peer: Any) -> str:
    """Return the IP address in a sockaddr; empty for what has none."""
    return peer[0] if isinstance(peer, tuple) and isinstance(peer[0], str) else ""


def key_of(host: str) -> str:
    """Return what the connections of one client have in common.

    Over IPv6 that is a network, for whoever has one address there has 2**64 of them.
    """
    if ":" not in host:
        return host
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    if packed.startswith(bytes(10) + b"\xff\xff"):  # an IPv4 address; RFC 4291 section 2.5.5.2
        return socket.inet_ntoa(packed[12:])
    return packed[:SITE_SIZE].hex()


def reserved() -> int:
    """Return a descriptor that stands for nothing but itself."""
    return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
