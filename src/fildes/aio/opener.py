"""Opening many documents under asyncio and trio, over connections that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from fildes import drivers
from fildes.aio.again import answered
from fildes.aio.opening import Opened, open_now
from fildes.files.async_here import AsyncHereFile
from fildes.files.modes import check_text
from fildes.opener import LEFT_OUT, Defaults

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from fildes.drivers.tasks import TaskDriver
    from fildes.files.async_binary import AsyncFile
    from fildes.http.again import Exchange
    from fildes.opening.opening import Opening
    from fildes.policy.policy import Policy
    from fildes.verbs import Options


class AsyncOpener(Defaults):
    r"""Opens documents over connections that are kept; as `fildes.Opener`.

    Any number of tasks of one event loop may share it. Each has a connection of its own
    while it reads, and leaves that to whoever comes next.

    Args:
      timeout, idle_timeout, policy, options: defaults for each `open`.

    Example:
      >>> async with fildes.aio.Opener(timeout=10) as opener:
      ...     async with opener.open("https://localhost/a") as f:
      ...         await f.read()

    Attributes:
      held: what waiting in the event loop needs, kept from one open to the next.
    """

    held: object = None

    def open(
        self,
        address: Any,
        mode: str | None = None,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        timeout: float | None = LEFT_OUT,
        idle_timeout: float | None = LEFT_OUT,
        policy: Policy | None = None,
        compression: str | None = None,
        **options: Options,
    ) -> Opened:
        """Open an address as `fildes.aio.open` does, which has the same arguments.

        What is left out is as the Opener was told; options of one scheme are merged
        name by name.
        """
        how = mode, buffering, encoding, errors, newline, timeout, idle_timeout, policy, compression
        return Opened(lambda: self.open_known_or_new(address, how, options))

    async def open_known_or_new(
        self, address: Any, how: tuple[Any, ...], options: Mapping[str, Options]
    ) -> AsyncFile[Any]:
        """Open *address*, as most often it was opened before and is known."""
        driver = drivers.here()
        self.held = driver.hold()
        plain = self.plain(address, how, options)
        site = None if plain is None else self.sites.get(plain["site"])
        begun = None
        if plain is not None and site is not None:
            begun = site.ask(address, plain["target"], self.pool)
        if begun is not None:
            begun = await answered(begun, driver, self.pool, self.timeout)
            if begun is not None and begun.here is not None:
                return AsyncHereFile(driver, begun.here, begun)
        opening, file = await self.open_new(driver, address, how, options, begun)
        if plain is not None:
            self.learn(plain["site"], opening, file.description)
        return file

    async def open_new(
        self,
        driver: TaskDriver,
        address: Any,
        how: tuple[Any, ...],
        options: Mapping[str, Options],
        begun: Exchange | None,
    ) -> tuple[Opening, AsyncFile[Any]]:
        """Open *address* by all the steps there are, going on from what was *begun*."""
        mode, buffering, encoding, errors, newline, timeout, idle_timeout, policy, packed = how
        text = {"encoding": encoding, "errors": errors, "newline": newline}
        try:
            prepared = self.prepare(address, mode, timeout, idle_timeout, policy, packed, options)
            check_text(prepared.wanted, buffering, text)
            opening, wanted, limit, idle = prepared
            opening.go_on_from(begun)
        except BaseException:
            if begun is not None:
                begun.abort()
            raise
        return opening, await open_now(driver, opening, wanted, buffering, limit, idle, **text)

    async def close(self) -> None:
        """Close the connections that are kept; files still open are not touched."""
        self.pool.close()
        self.held = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
