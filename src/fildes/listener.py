"""The listener: where connections are accepted, each one as a file."""

from __future__ import annotations

import select
import threading
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from fildes.drivers import blocking

if TYPE_CHECKING:
    from fildes.listening.accepting import Acceptor
    from fildes.streams.stream import Stream

F = TypeVar("F")


class Listener(Generic[F]):
    """An iterator over accepted connections, until it is closed.

    Where a connection has to be made ready, by TLS say, that is done in `accept`, for
    several at once: a slow client delays no others.

    `close` may be called from another thread or a signal handler: it ends an accept
    that waits, and the iteration.
    """

    def __init__(self, acceptor: Acceptor, to_file: Callable[[Stream], F]) -> None:
        self.acceptor = acceptor
        self.to_file = to_file
        self.accepting = threading.RLock()
        self.poll: select.epoll | None = None

    @property
    def address(self) -> str:
        """Where it listens, as a text that `fildes.open` takes; the port is the real one."""
        return str(self.acceptor.address)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self.acceptor.closed

    def accept(self, timeout: float | None = None) -> F:
        """Wait for a connection and return it as a file.

        Where no descriptor is left for it clients wait, too, until one is closed; a
        `RuntimeWarning` tells if that takes more than a second.

        Args:
          timeout: seconds to wait; None for ever.

        Raises:
          TimeoutError: nobody came in *timeout* seconds, or could be accepted; then its
            context is why. More may come later.
          ValueError: it is closed.
        """
        limit = None if timeout is None else time.monotonic() + timeout
        with self.accepting:
            stream = blocking.run(self.acceptor.accept_stream(), limit)
        try:
            return self.to_file(stream)
        except BaseException:
            stream.abort()
            raise

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> F:
        """Return the next connection; stop once it is closed."""
        try:
            return self.accept()
        except ValueError:
            if self.closed:
                raise StopIteration from None
            raise

    def fileno(self) -> int:
        """Return a descriptor that polls as readable while a connection waits.

        It is the listening socket, or an epoll(7) instance if there are several, and
        in non-blocking mode: another holder may take the connection first.
        """
        self.acceptor.check_open()
        if len(self.acceptor.sockets) == 1:
            return self.acceptor.sockets[0].fileno()
        if self.poll is None:
            self.poll = select.epoll(len(self.acceptor.sockets))
            for sock in self.acceptor.sockets:
                self.poll.register(sock, select.EPOLLIN)
        return self.poll.fileno()

    def reload(self) -> None:
        """Read certificates and keys again, for the connections to come.

        Raises:
          OSError: one is not usable; what was read before stays in use.
        """
        self.acceptor.check_open()
        self.acceptor.reload()

    def close(self) -> None:
        """Stop listening; connections that were accepted go on."""
        self.acceptor.closed = True
        if not self.accepting.acquire(blocking=False):
            self.acceptor.wake()  # another thread accepts
            self.accepting.acquire()
        try:
            if self.poll is not None:
                self.poll.close()
            self.acceptor.close()
        finally:
            self.accepting.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not self.closed:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "listening"
        return f"<fildes.Listener {self.address!r} {state}>"
