"""What every proxy scheme does: reach the proxy, ask it, hand the stream on.

A name is sent to the proxy as it is: it may mean something there only, and nobody
between shall learn it from our resolver. Replies are received to the byte, so that
what follows them belongs to whoever asked, and the descriptor stays a bare one.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from fildes.address.hostname import is_ip
from fildes.errors import IncompleteError
from fildes.opening.opening import Target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream


async def tunnel(
    opening: Opening,
    address: Address,
    target: Target,
    ask: Callable[[Stream], Awaitable[None]],
) -> Stream:
    """Return a stream to *target* through the proxy at *address*.

    Args:
      ask: has the proxy connect; returns when the next byte is the target's.
    """
    with opening.blame("proxy"):
        check_reach(opening, target.host)
    here = Target(address.host, opening.port_of(address))
    with reaching(opening, here):
        stream = await opening.open_transport(address, here)
    try:
        with opening.step("proxy", f"{shown(target)} through {shown(here)}"):
            await answered(ask(stream))
    except BaseException:
        stream.abort()
        raise
    return stream


@contextlib.contextmanager
def reaching(opening: Opening, proxy: Target) -> Iterator[None]:
    """Have errors of the body say that it is a *proxy* that was to be reached."""
    outer, opening.proxy = opening.proxy, shown(proxy)
    try:
        yield
    finally:
        opening.proxy = outer


def check_reach(opening: Opening, host: str) -> None:
    """Raise `PermissionError` if the policy forbids *host*, or cannot know what it is."""
    if is_ip(host):
        opening.policy.check_ip(host)
    else:
        opening.policy.check_unresolved(host)


async def answered(question: Awaitable[None]) -> None:
    """Await *question*; a proxy that hangs up within its answer is an IncompleteError."""
    try:
        await question
    except EOFError as error:
        raise IncompleteError(f"the proxy ended the connection: {error}") from None


def shown(target: Target) -> str:
    """Return *target* as people write it."""
    host, port = target
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
