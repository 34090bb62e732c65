"""The verbs for asyncio and trio.

They take what the blocking verbs take and mean the same; which event loop runs is
found out at the call. Protocol code is shared with the blocking face.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fildes import drivers
from fildes.aio.copying import pipe, relay
from fildes.aio.listener import AsyncListener
from fildes.aio.opener import AsyncOpener
from fildes.aio.opening import Opened, open_now, to_file
from fildes.aio.serving import serve
from fildes.files.async_binary import AsyncBufferedFile, AsyncFile, AsyncRawFile
from fildes.files.async_datagram import AsyncDatagramFile
from fildes.files.async_text import AsyncTextFile
from fildes.files.modes import check_text
from fildes.listing import addresses_of
from fildes.opened_by import Explanation
from fildes.opening.arguments import check_times
from fildes.opening.opening import Opening
from fildes.streams.parting import LAST_WORDS, dismiss
from fildes.verbs import (
    OPEN_TIMEOUT,
    deadline_in,
    prepare,
    prepare_to_listen,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from fildes.address import Address
    from fildes.policy.policy import Policy
    from fildes.streams.stream import Stream
    from fildes.verbs import Options
    from fildes.wire.entries import Entry

__all__ = [
    "AsyncBufferedFile",
    "AsyncDatagramFile",
    "AsyncFile",
    "AsyncListener",
    "AsyncOpener",
    "AsyncRawFile",
    "AsyncTextFile",
    "Opener",
    "explain",
    "glob",
    "listen",
    "ls",
    "open",
    "pipe",
    "relay",
    "serve",
]

Opener = AsyncOpener


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
    compression: str | None = None,
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
        check_times(timeout, idle_timeout)
        opening, wanted = prepare(address, mode, policy, options, compression)
        check_text(wanted, buffering, text)
        driver = drivers.here()
        return await open_now(driver, opening, wanted, buffering, timeout, idle_timeout, **text)

    return Opened(start)


def listen(
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
    max_connections: int | None = None,
    max_per_peer: int | None = None,
    allow: Sequence[str] | None = None,
    handshake_timeout: float | None = None,
    **options: Options,
) -> Opened:
    """Listen at *address*; what is to be awaited or entered gives an `AsyncListener`.

    Arguments and errors are those of `fildes.listen`.

    Example:
      >>> async with fildes.aio.listen("tcp://:0") as listener:
      ...     async for f in listener:
      ...         async with f:
      ...             await f.write(await f.readline())
    """
    text = {"encoding": encoding, "errors": errors, "newline": newline}

    limits = {
        "max-connections": max_connections,
        "max-per-peer": max_per_peer,
        "allow": allow,
        "handshake-timeout": handshake_timeout,
    }

    async def start() -> AsyncListener:
        check_times(timeout, idle_timeout)
        opening, wanted = prepare_to_listen(address, mode, policy, options, limits)
        check_text(wanted, buffering, text)
        driver = drivers.here()
        acceptor = await driver.run(opening.listen(), deadline_in(timeout))

        def accepted(stream: Stream) -> AsyncFile[Any]:
            each = Opening(acceptor.address, wanted.binary, opening.policy, opening.options)
            stream.restrict(wanted.binary)
            idle = acceptor.idle_timeout if idle_timeout is None else idle_timeout
            return to_file(drivers.here(), stream, each, wanted, buffering, idle, **text)

        return AsyncListener(acceptor, driver, accepted)

    return Opened(start)


async def explain(
    address: str | os.PathLike[str] | Address,
    *,
    timeout: float | None = OPEN_TIMEOUT,
    policy: Policy | None = None,
    **options: Options,
) -> Explanation:
    """Open *address*, close it again, and return the steps; as `fildes.explain`."""
    check_times(timeout)
    opening, _ = prepare(address, None, policy, options)
    opening.sequential = True  # nothing will be read
    error: Exception | None = None
    try:
        stream = await drivers.here().run(opening.run(), deadline_in(timeout))
        await drivers.here().run(dismiss(stream), deadline_in(LAST_WORDS))
    except (OSError, EOFError) as failure:
        error = failure
    return Explanation(opening.address.display(), opening.trace, error)


async def ls(
    address: str | os.PathLike[str] | Address,
    *,
    timeout: float | None = OPEN_TIMEOUT,
    policy: Policy | None = None,
    **options: Options,
) -> list[Entry]:
    """Return what there is in an archive or directory; as `fildes.ls`."""
    opening, _ = prepare(address, "rb", policy, options)
    entries: list[Entry] = await drivers.here().run(opening.entries(), deadline_in(timeout))
    return entries


async def glob(
    address: str | os.PathLike[str] | Address,
    *,
    timeout: float | None = OPEN_TIMEOUT,
    policy: Policy | None = None,
    **options: Options,
) -> list[Address]:
    """Return the addresses of the files in an archive or directory; as `fildes.glob`."""
    opening, _ = prepare(address, "rb", policy, options)
    entries: list[Entry] = await drivers.here().run(opening.entries(), deadline_in(timeout))
    return addresses_of(opening.address, entries)
