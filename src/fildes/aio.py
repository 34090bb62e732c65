"""The verbs for asyncio and trio.

They take what the blocking verbs take and mean the same; which event loop runs is
found out at the call. Protocol code is shared with the blocking face.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from fildes import drivers
from fildes.async_description import AsyncDescription
from fildes.async_files import AsyncBufferedFile, AsyncDatagramFile, AsyncFile, AsyncRawFile
from fildes.async_text import AsyncTextFile
from fildes.modes import check_text, pending_size
from fildes.verbs import OPEN_TIMEOUT, Explanation, idle_limit, prepare

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable, Generator
    from types import TracebackType

    from fildes.address import Address
    from fildes.modes import Mode
    from fildes.policy import Policy
    from fildes.verbs import Options

__all__ = [
    "AsyncBufferedFile",
    "AsyncDatagramFile",
    "AsyncFile",
    "AsyncRawFile",
    "AsyncTextFile",
    "explain",
    "open",
]


class Opened:
    """An open that is about to happen: await it, or enter it with ``async with``."""

    def __init__(self, start: Callable[[], Awaitable[Any]]) -> None:
        self.start = start

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.start().__await__()

    async def __aenter__(self) -> Any:
        self.file = await self
        return self.file

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.file.__aexit__(kind, error, traceback)


def open(
    address: str | os.PathLike[str] | Address,
    mode: str | None = None,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    timeout: float | None = OPEN_TIMEOUT,
    idle_timeout: float | None = None,
    policy: Policy | None = None,
    **options: Options,
) -> Opened:
    r"""Open *address* and return it as an `AsyncFile`.

    Arguments and errors are those of `fildes.open`. A cancelled open leaves nothing
    behind. The file belongs to the event loop in which it was opened; several of
    its tasks may read and write at once. A regular file is read and written in the
    loop's own thread: the kernel knows no readiness of disks.

    Returns:
      Something to await or to enter. What it gives is an `AsyncBufferedFile`; with
      ``buffering=0`` an `AsyncRawFile`; for datagrams an `AsyncDatagramFile`; in a
      text mode an `AsyncTextFile`.

    Example:
      >>> async with fildes.aio.open("tcp://localhost:7") as f:
      ...     await f.write(b"hello\n")
    """
    text = {"encoding": encoding, "errors": errors, "newline": newline}

    async def start() -> AsyncFile[Any]:
        opening, wanted = prepare(address, mode, policy, options)
        check_text(wanted, buffering, text)
        driver = drivers.here()
        stream = await driver.run(opening.run(), deadline_in(timeout))
        try:
            description = AsyncDescription(
                driver,
                stream,
                opening.address,
                opening.trace,
                idle_timeout=idle_limit(opening, idle_timeout),
                pending_size=pending_size(buffering, wanted),
            )
            return make_file(description, wanted, buffering, **text)
        except BaseException:
            stream.abort()
            raise

    return Opened(start)


async def explain(
    address: str | os.PathLike[str] | Address,
    *,
    timeout: float | None = OPEN_TIMEOUT,
    policy: Policy | None = None,
    **options: Options,
) -> Explanation:
    """Open *address*, close it again, and return the steps; as `fildes.explain`."""
    opening, _ = prepare(address, None, policy, options)
    error: Exception | None = None
    try:
        (await drivers.here().run(opening.run(), deadline_in(timeout))).abort()
    except (OSError, EOFError) as failure:
        error = failure
    return Explanation(opening.address.display(), opening.trace, error)


def deadline_in(timeout: float | None) -> float | None:
    """Return the `time.monotonic` moment *timeout* seconds from now."""
    return None if timeout is None else time.monotonic() + timeout


def make_file(
    description: AsyncDescription, mode: Mode, buffering: int = -1, **text: str | None
) -> AsyncFile[Any]:
    """Return the face of *description* that *mode* and *buffering* ask for.

    Args:
      text: ``encoding``, ``errors``, ``newline`` of the built-in open.
    """
    buffer = make_binary(description, buffering)
    if not mode.text:
        return buffer
    if not isinstance(buffer, AsyncBufferedFile):
        raise io.UnsupportedOperation("datagrams are read and written as bytes")
    text["encoding"] = io.text_encoding(text["encoding"], 4)  # the caller of open
    return AsyncTextFile(buffer, line_buffering=buffering == 1, **text)


def make_binary(description: AsyncDescription, buffering: int) -> AsyncFile[Any]:
    """Return the binary face of *description*."""
    if description.stream.messages:
        return AsyncDatagramFile(description)
    return AsyncRawFile(description) if buffering == 0 else AsyncBufferedFile(description)
