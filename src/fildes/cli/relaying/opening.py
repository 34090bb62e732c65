"""Opening one side of a relay."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.cli.relaying.shaping import shape
from fildes.opening import registry
from fildes.opening.announcing import header_of
from fildes.opening.opening import Opening
from fildes.policy.policy import Policy
from fildes.streams.random import AskedStream

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.cli.relaying.side import Side
    from fildes.streams.stream import Stream
    from fildes.wire.proxy_header import ProxyHeader


#: The modes of the left and the right side, by direction.
MODES = {"both": ("r+b", "r+b"), "there": ("rb", "wb"), "back": ("wb", "rb")}


#: By the type of the socket: a stream, records, datagrams.
UNIX_SCHEMES = ("unix", "unix-seqpacket", "unix-dgram")


class Means(NamedTuple):
    """What every open may use: the policy and options by scheme, as for `fildes.open`.

    Attributes:
      on_behalf_of: whose connection it continues, for the PROXY protocol.
      environment: returns that of a program; None for our own.
    """

    policy: Policy
    options: Mapping[str, Mapping[str, Any]]
    on_behalf_of: ProxyHeader | None = None
    environment: Callable[[], Mapping[str, str]] | None = None

    def opening_of(self, side: Side) -> Opening:
        """Return what opens the address of *side*, or listens there."""
        return Opening(side.address, "r+b", self.policy, self.options)

    def serving(self, client: Stream) -> Means:
        """Return the means of opening something for an accepted *client*."""

        def environment() -> Mapping[str, str]:
            from fildes.cli.socat.environment import environment_for

            return environment_for(client)

        return self._replace(on_behalf_of=header_of(client), environment=environment)


async def open_side(side: Side, mode: str, means: Means) -> Stream:
    """Open *side* for the directions of *mode*, shaped as its settings say.

    Protocol code; whoever runs it sets the deadline.
    """
    if side.sink is not None:
        return await open_dual(side, mode, means)
    return shape(await open_one(side, mode, means), side.settings)


async def open_one(side: Side, mode: str, means: Means) -> Stream:
    """Open the address of *side*."""
    from fildes.cli.relaying import places

    address, settings = side.address, side.settings
    if address.scheme == "file":
        opening = Opening(address, mode, means.policy, means.options)
        opening.check_schemes(address)
        if places.is_socket(address.path):
            return await any_socket(address.replace(scheme="unix"), mode, means)
    if address.scheme == "unix" and settings.generic:
        return await any_socket(address, mode, means)
    if address.scheme == "file" and (settings.generic or settings.open_flags is not None):
        with opening.step("connect", address.path):
            stream = await places.open_place(address.path, mode, settings)
        stream.restrict(mode)
    else:
        stream = await sequential(address, mode, means)
    return places.UnlinkedStream(stream, address.path) if settings.unlink_close else stream


async def any_socket(address: Address, mode: str, means: Means) -> Stream:
    """Open the unix socket of *address*, whatever its type."""
    for scheme in UNIX_SCHEMES[:-1]:
        try:
            return await sequential(address.replace(scheme=scheme), mode, means)
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise
    return await sequential(address.replace(scheme=UNIX_SCHEMES[-1]), mode, means)


async def sequential(address: Address, mode: str, means: Means) -> Stream:
    """Open *address* in *mode*, as nearly as its scheme has it, for reading in order."""
    opening = Opening(address, nearest_mode(address, mode), means.policy, means.options)
    opening.sequential = True
    opening.on_behalf_of, opening.environment = means.on_behalf_of, means.environment
    stream = await opening.run()
    stream.restrict(mode if stream.readable and stream.writable else opening.mode)
    if isinstance(stream, AskedStream):
        return await stream.sequential()
    return stream


def nearest_mode(address: Address, mode: str) -> str:
    """Return the mode of the scheme that serves the directions of *mode*.

    A document is read, unless it is to be written only.
    """
    scheme = registry.find_scheme(address.scheme)
    takes = scheme.modes or (("r+b", "rb", "wb") if scheme.mode == "r+b" else ("rb",))
    if mode == "r+b":
        return scheme.mode
    return mode if mode in takes or "r+b" not in takes else "r+b"


async def open_dual(side: Side, mode: str, means: Means) -> Stream:
    """Open both addresses of ``A!!B``, in so far as *mode* needs them."""
    from fildes.streams.dual import DualStream

    assert side.sink is not None
    if mode != "r+b":
        return await open_side(side._replace(sink=None) if mode == "rb" else side.sink, mode, means)
    source = await open_side(side._replace(sink=None), "rb", means)
    try:
        sink = await open_side(side.sink, "wb", means)
    except BaseException:
        source.abort()
        raise
    return DualStream(source, sink)
