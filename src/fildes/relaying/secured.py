"""Two streams, one of them or both under TLS over a socket, copied by callbacks; as `Pair`.

TLS changes what a descriptor tells: what was received may have been decrypted only in
part, and ciphertext may have to be sent though nobody waits to send. So each step goes on
as long as something is there that epoll(7) does not see, and a socket is watched for
sending while its TLS has ciphertext left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fildes.relaying.pair import Owner, Pair, is_socket
from fildes.relaying.socket_half import IN, OUT, SocketHalf
from fildes.tls.stream import TlsStream

if TYPE_CHECKING:
    from fildes.drivers.loop import Loop
    from fildes.streams.kernel import SocketStream
    from fildes.streams.stream import Stream


class SecuredHalf(SocketHalf):
    """One direction, whose source or sink is under TLS.

    Attributes:
      opened, sealed: the source and the sink, if they are.
    """

    __slots__ = ("opened", "sealed")

    other: SecuredHalf

    def __init__(self, pair: Pair[Any], source: SocketStream, sink: SocketStream) -> None:
        super().__init__(pair, carrier(source), carrier(sink))
        self.source, self.sink = source, sink
        self.says, self.edges = IN, 0  # what TLS has left is not told of twice
        self.opened = tls_of(source)
        self.sealed = tls_of(sink)

    def move(self) -> bool:
        """Do what can be done now; return whether the pair has to see to something."""
        waited = self.left is not None
        if self.sealed is not None and self.sealed.unsent:
            self.push(self.sealed)
            if self.sealed.unsent or not self.running:
                return True
            waited = True
        while self.advance(self.buffers) and self.running:
            if self.left is None and not self.holds:
                return waited
        return waited or self.left is not None or not self.running

    def push(self, sealed: TlsStream) -> None:
        """Send what ciphertext the sink has left."""
        try:
            sealed.try_push()
        except OSError as error:
            self.error = error

    @property
    def holds(self) -> bool:
        """Whether the source has more, without its descriptor being ready."""
        return self.opened is not None and self.opened.holds

    def tell_end(self) -> None:
        """Half-close the sink; a close_notify that does not go out now goes out later."""
        self.passed_on = True
        try:
            self.sink.shut_down()
        except OSError as error:
            self.error = error

    def watch(self, loop: Loop) -> None:
        """Watch the source for what both directions, and its TLS, want of it."""
        blocked = self.left is not None or (self.sealed is not None and self.sealed.unsent)
        wanted = 0 if blocked or not self.running else IN
        other = self.other
        if other.error is None and (
            other.left is not None or (self.opened is not None and self.opened.unsent)
        ):
            wanted |= OUT
        if wanted == self.watched:
            return
        self.watched = wanted
        if wanted:
            loop.watch(self.fd, wanted, self.ready)


class SecuredPair(Pair[Owner]):
    """Two streams over sockets, at least one of them under TLS."""

    half = SecuredHalf
    there: SecuredHalf
    back: SecuredHalf

    def settle(self) -> None:
        """See to ends and errors, then watch for what is wanted next."""
        for half in (self.there, self.back, self.there):  # which the second may have ended
            if half.ended and not half.passed_on:
                half.tell_end()
                # To say an end may be to decrypt what the peer has said meanwhile.
                if half.other.running and half.other.left is None and half.other.holds:
                    half.other.move()
        super().settle()


def carrier(stream: Stream) -> SocketStream:
    """Return the socket that carries *stream*, which `is_over_socket`."""
    found = stream.inner if isinstance(stream, TlsStream) else stream
    return found  # type: ignore[return-value]  # `is_over_socket` was asked, which no type tells


def tls_of(stream: Stream) -> TlsStream | None:
    """Return *stream* if it is TLS."""
    return stream if type(stream) is TlsStream else None


def is_over_socket(stream: Stream) -> bool:
    """Tell whether *stream* is a socket, or TLS over one."""
    return is_socket(stream) or (type(stream) is TlsStream and is_socket(stream.inner))
