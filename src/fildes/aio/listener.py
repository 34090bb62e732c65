"""The listener for asyncio and trio."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.drivers.tasks import TaskDriver
    from fildes.files.async_binary import AsyncFile
    from fildes.listening.accepting import Acceptor
    from fildes.streams.stream import Stream


class AsyncListener:
    """An asynchronous iterator over accepted connections, until it is closed.

    Several tasks may accept at once. Closing it ends their waits and iterations.
    """

    def __init__(
        self, acceptor: Acceptor, driver: TaskDriver, to_file: Callable[[Stream], AsyncFile[Any]]
    ) -> None:
        self.acceptor = acceptor
        self.driver = driver
        self.to_file = to_file

    @property
    def address(self) -> str:
        """Where it listens, as a text that `open` takes; the port is the real one."""
        return str(self.acceptor.address)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self.acceptor.closed

    async def accept(self, timeout: float | None = None) -> Any:
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
        self.acceptor.check_open()
        self.driver.hold()  # now: to wait takes descriptors, of which the clients may leave none
        try:
            stream = await self.driver.run(self.acceptor.accept_stream(), limit)
        except OSError:
            self.acceptor.check_open()  # else closing it was what ended the wait
            raise
        try:
            return self.to_file(stream)
        except BaseException:
            stream.abort()
            raise

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        """Return the next connection; stop once it is closed."""
        try:
            return await self.accept()
        except ValueError:
            if self.closed:
                raise StopAsyncIteration from None
            raise

    def reload(self) -> None:
        """Read certificates and keys again; as `fildes.Listener.reload`."""
        self.acceptor.check_open()
        self.acceptor.reload()

    def stop(self) -> None:
        """Stop listening at once; connections that were accepted go on."""
        self.acceptor.closed = True
        self.driver.wake()
        self.driver.release()
        self.acceptor.close()

    async def close(self) -> None:
        """Stop listening; connections that were accepted go on."""
        self.stop()

    aclose = close

    async def __aenter__(self) -> Self:
        self.acceptor.check_open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.stop()

    def __del__(self) -> None:
        if not self.closed:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            self.stop()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "listening"
        return f"<fildes.AsyncListener {self.address!r} {state}>"
