"""Two streams, one of them or both coded over a socket, copied by callbacks; as `Pair`.

TLS and WebSocket change what a descriptor tells: what was received may have been decoded only
in part, and encoded bytes may have to be sent though nobody waits to send. So each step goes on
as long as something is there that epoll(7) does not see, and a socket is watched for
sending while its codec has bytes left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fildes.relaying.pair import Owner, Pair, is_socket
from fildes.relaying.socket_half import IN, OUT, SocketHalf
from fildes.streams.coded import CodedStream

if TYPE_CHECKING:
    from fildes.drivers.loop import Loop
    from fildes.streams.kernel import SocketStream
    from fildes.streams.stream import Stream


class Nested:
    """Codecs over one another, a WebSocket over TLS say, as one.

    Bytes go through the outermost; but each of them may have some left.
    """

    __slots__ = ("layers",)

    def __init__(self, layers: list[CodedStream]) -> None:
        self.layers = layers

    @property
    def unsent(self) -> bool:
        """Whether one of them has bytes that are not sent."""
        return any(layer.unsent for layer in self.layers)

    @property
    def holds(self) -> bool:
        """Whether one of them has more to receive, without the descriptor being ready."""
        return any(layer.holds for layer in self.layers)

    @property
    def alarm(self) -> int:
        """What tells, beside the socket, that one of them has something to do; -1 for nothing."""
        return max(layer.alarm for layer in self.layers)

    def try_push(self) -> None:
        """Send what is encoded and can be sent now, outermost first."""
        for layer in self.layers:
            layer.try_push()


class CodedHalf(SocketHalf):
    """One direction, whose source or sink is coded.

    Attributes:
      decoded, encoded: the source and the sink, if they are.
      alarm: that of the source; watched as long as something is received.
      alarmed: it is watched.
    """

    __slots__ = ("alarm", "alarmed", "decoded", "encoded")

    other: CodedHalf

    def __init__(self, pair: Pair[Any], source: SocketStream, sink: SocketStream) -> None:
        super().__init__(pair, carrier(source), carrier(sink))
        self.source, self.sink = source, sink
        self.says, self.edges = IN, 0  # what a codec has left is not told of twice
        self.decoded = coded(source)
        self.encoded = coded(sink)
        self.alarm = -1 if self.decoded is None else self.decoded.alarm
        self.alarmed = False

    def move(self) -> bool:
        """Do what can be done now; return whether the pair has to see to something."""
        waited = self.left is not None
        if self.encoded is not None and self.encoded.unsent:
            self.push(self.encoded)
            if self.encoded.unsent or not self.running:
                return True
            waited = True
        while self.advance(self.buffers) and self.running:
            if self.left is None and not self.holds:
                return waited
        return waited or self.left is not None or not self.running

    def push(self, encoded: CodedStream | Nested) -> None:
        """Send what encoded bytes the sink has left."""
        try:
            encoded.try_push()
        except OSError as error:
            self.error = error

    @property
    def holds(self) -> bool:
        """Whether the source has more, without its descriptor being ready."""
        return self.decoded is not None and self.decoded.holds

    def watch(self, loop: Loop) -> None:
        """Watch the source for what both directions, and its codec, want of it."""
        blocked = self.left is not None or (self.encoded is not None and self.encoded.unsent)
        wanted = 0 if blocked or not self.running else IN
        if self.alarm >= 0 and self.alarmed != bool(wanted):
            self.watch_alarm(loop, wanted=bool(wanted))
        other = self.other
        if other.error is None and (
            other.left is not None or (self.decoded is not None and self.decoded.unsent)
        ):
            wanted |= OUT
        if wanted == self.watched:
            return
        self.watched = wanted
        if wanted:
            loop.watch(self.fd, wanted, self.ready)

    def watch_alarm(self, loop: Loop, *, wanted: bool) -> None:
        """Let the alarm tell when there is something to do, or not."""
        self.alarmed = wanted
        if wanted:
            loop.watch(self.alarm, IN, self.rung)
        else:
            loop.forget(self.alarm)

    def rung(self, fd: int, events: int) -> None:
        """Look what there is to do: a receive sees to it, and may leave something to be sent."""
        self.move()
        self.pair.settle()


class CodedPair(Pair[Owner]):
    """Two streams over sockets, at least one of them coded."""

    half = CodedHalf
    there: CodedHalf
    back: CodedHalf

    def start(self) -> None:
        """Begin with what is there, on both sides: a handshake may have brought more."""
        if self.back.holds:
            self.back.move()
        super().start()

    def settle(self) -> None:
        """See to ends and errors, then watch for what is wanted next."""
        for half in (self.there, self.back, self.there):  # which the second may have ended
            if half.ended and not half.passed_on:
                half.tell_end()
                # To say an end may be to decode what the peer has said meanwhile.
                if half.other.running and half.other.left is None and half.other.holds:
                    half.other.move()
        super().settle()

    def stop(self) -> None:
        """Copy no more; as `Pair.stop`, but whoever closes may have to wait for the sockets."""
        there = self.there
        for half in (there, self.back):
            if half.alarmed:
                half.watch_alarm(self.loop, wanted=False)
        if not (there.source.closes_at_once and there.sink.closes_at_once):
            self.loop.forget(there.fd)
            self.loop.forget(self.back.fd)
        super().stop()


def carrier(stream: Stream) -> SocketStream:
    """Return the socket that carries *stream*, which `is_over_socket`."""
    *_, found = stream.layers()
    return found  # type: ignore[return-value]  # `is_over_socket` was asked, which no type tells


def coded(stream: Stream) -> CodedStream | Nested | None:
    """Return the codecs of *stream*, if it is coded."""
    layers = [layer for layer in stream.layers() if isinstance(layer, CodedStream)]
    return Nested(layers) if len(layers) > 1 else layers[0] if layers else None


def is_over_socket(stream: Stream) -> bool:
    """Tell whether *stream* is a socket, or coded over one and told by it when to go on."""
    *codecs, last = stream.layers()
    told = (isinstance(layer, CodedStream) and layer.told_by_socket for layer in codecs)
    return is_socket(last) and all(told)
