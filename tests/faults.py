"""Faults as values: what becomes of a connection that passes a `fault_proxy`."""

from __future__ import annotations

from dataclasses import dataclass

RECV_SIZE = 65536  # arbitrary

#: ContentType of TLS records; RFC 8446 section 5.1.
ALERT, APPLICATION_DATA = 21, 23
RECORD_HEADER = 5
#: An alert of TLS 1.3 in its disguise: two bytes, the true type and a tag; section 5.2.
ENCRYPTED_ALERT = 2 + 1 + 16


@dataclass(frozen=True)
class Faults:
    """What becomes of one direction.

    Attributes:
      slices: the sizes of the segments, over and over; without any, what comes goes.
      stall_at: after so many bytes, nothing more until `FaultProxy.release`.
      cut_at: after so many bytes, nothing more at all: the end of file, while what
        else the sender has to say is thrown away.
      reset: cut by RST instead, and both connections with it.
      drop_close_notify: the last TLS record, if it may be an alert, is lost. One with
        two bytes of data looks the same, and waits for the one that follows.
      latency: seconds before each segment goes.
      bandwidth: bytes per second.
    """

    slices: tuple[int, ...] = ()
    stall_at: int | None = None
    cut_at: int | None = None
    reset: bool = False
    drop_close_notify: bool = False
    latency: float = 0.0
    bandwidth: float = float("inf")

    def room(self, passed: int) -> int:
        """Return how many bytes may go at once after *passed*, so that no place is missed."""
        places = [self.stall_at, self.cut_at]
        rooms = [place - passed for place in places if place is not None and place > passed]
        if self.bandwidth < float("inf"):
            rooms.append(max(1, int(self.bandwidth / 100)))  # a hundred segments a second
        return min(rooms, default=RECV_SIZE)


HARMLESS = Faults()


@dataclass(frozen=True)
class Plan:
    """What becomes of a connection."""

    there: Faults = HARMLESS
    back: Faults = HARMLESS


class Records:
    """TLS records on their way, the last one kept back if it may be an alert."""

    def __init__(self) -> None:
        self.unread = bytearray()
        self.held = b""

    def feed(self, data: bytes) -> bytes:
        """Return what may pass, in whole records."""
        self.unread += data
        passing = bytearray()
        while len(self.unread) >= (size := self.record_size()):
            passing += self.held
            record, self.held = bytes(self.unread[:size]), b""
            del self.unread[:size]
            if record[0] == ALERT or (record[0], size) == (
                APPLICATION_DATA,
                RECORD_HEADER + ENCRYPTED_ALERT,
            ):
                self.held = record
            else:
                passing += record
        return bytes(passing)

    def record_size(self) -> int:
        return RECORD_HEADER + int.from_bytes(self.unread[3:RECORD_HEADER], "big")
