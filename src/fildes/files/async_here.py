"""The asynchronous file of a small document; as `fildes.files.here`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fildes.files.async_binary import AsyncBufferedFile
from fildes.files.async_description import AsyncDescription

if TYPE_CHECKING:
    from io import BytesIO
    from types import TracebackType

    from fildes.drivers.tasks import TaskDriver
    from fildes.http.again import Exchange


class AsyncHereFile(AsyncBufferedFile):
    """An `AsyncBufferedFile` over memory, most of which are read and closed without more.

    Attributes:
      made: the description, once somebody wants it.
      unread: nothing was read yet.
    """

    face = "AsyncBufferedFile"
    made: AsyncDescription | None = None
    unread = True

    def __init__(
        self, driver: TaskDriver, here: BytesIO, origin: AsyncDescription | Exchange
    ) -> None:
        """Read what is *here*; *origin* tells all else, and *driver* waits."""
        self.here = here
        self.driver = driver
        self.origin = origin
        self.ahead = bytearray()
        self.read_so_far = 0
        self.chunk = None

    @property
    def description(self) -> AsyncDescription:  # type: ignore[override]  # nobody sets it
        """The open file description."""
        if self.made is not None:
            return self.made
        origin = self.origin
        made = origin if isinstance(origin, AsyncDescription) else origin.describe(self.make)
        self.made = made
        if self.here.closed:
            made.abort()
        return made

    def make(self, *args: Any, **how: Any) -> AsyncDescription:
        """Return a description that waits as we do."""
        return AsyncDescription(self.driver, *args, **how)

    @property
    def closed(self) -> bool:
        """Whether it was closed or aborted."""
        return self.here.closed if self.made is None else self.made.closed

    async def read(self, size: int | None = -1) -> bytes:
        """Return *size* bytes, or all up to the end of file; fewer only there."""
        if self.unread and self.made is None and size == -1:
            self.unread = False
            return self.here.read()
        return await super().read(size)

    async def close(self) -> None:
        """Close."""
        if self.made is None:
            self.here.close()
            self.driver.release()
        else:
            await super().close()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.made is None:
            self.here.close()
            self.driver.release()
        else:
            await super().__aexit__(kind, error, traceback)

    def __del__(self) -> None:
        if self.made is not None or not self.here.closed:
            super().__del__()
