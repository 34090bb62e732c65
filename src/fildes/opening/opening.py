"""One open in progress: what a scheme may ask of its surroundings.

A scheme module opens one layer. It gets an `Opening`, which knows the policy,
the options and the trace, and asks it for the stream below. So the ladder of an
address like ``https://host/x::connect://proxy:3128`` is climbed by recursion: https
asks for a transport to host:443, which is the proxy, which asks for a transport
to proxy:3128, which is plain tcp.
"""

from __future__ import annotations

import errno
import io
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.advice import advice_for
from fildes.errors import add_context, failure_of
from fildes.opening import registry
from fildes.trace import StepName, StepUnderWay, Trace

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.again import Exchange, Learned
    from fildes.http.pool import Pool
    from fildes.http.remembered import Memory
    from fildes.listening.accepting import Acceptor
    from fildes.policy.policy import Policy
    from fildes.streams.stream import Stream
    from fildes.wire.entries import Entry
    from fildes.wire.proxy_header import ProxyHeader


class Target(NamedTuple):
    """The host and port that an outer layer wants to reach through an inner one."""

    host: str
    port: int


class Blame:
    """Gives each error that leaves its block the context of one step."""

    __slots__ = ("name", "opening")  # every open has several: no generator for each

    def __init__(self, opening: Opening, name: StepName) -> None:
        self.opening, self.name = opening, name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError | EOFError):
            self.opening.add_context(error, self.name)


class RecordedStep(StepUnderWay):
    """Records its block as a step; each error that leaves it gets the context."""

    __slots__ = ("name", "opening", "since")  # no generator, as above

    def __init__(self, opening: Opening, name: StepName, detail: str) -> None:
        self.opening, self.name, self.detail = opening, name, detail

    def __enter__(self) -> StepUnderWay:
        self.since = time.monotonic()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self.opening.trace.record(self.name, self.detail, self.since, error)
        if isinstance(error, OSError | EOFError):
            self.opening.add_context(error, self.name)


class Opening:
    """One open in progress.

    Attributes:
      address: the whole address, for messages.
      mode: ``"r+b"``, ``"rb"``, ``"wb"``, ``"xb"`` or ``"ab"``; never text.
      policy: what may be reached.
      options: option values by scheme name, as given to `fildes.open`.
      pool: connections that one open leaves to the next; None outside an `Opener`.
      memory: what one open may leave for the next with the same options, see
        `fildes.http.remembered`; None if there is none such.
      begun: the first request for the document, sent already; see `fildes.http.again`.
      learned: what is known for the next open once this one has ended; likewise.
      positioned: the layer that has to have positions if it can; the outermost, unless
        that one says otherwise.
      hint: how the layer above reads what is positioned.
      sequential: it will be read from start to end, and not at random.
      proxy: the proxy that is being connected to; empty for none.
      on_behalf_of: the connection that this one continues, for the PROXY protocol.
      environment: returns that of a program which is started; None for our own.
      leaving: acceptors that give up their places; who wants to listen at one of these
        gets its socket, and the clients that wait there.
      trace: where the steps are recorded.
    """

    on_behalf_of: ProxyHeader | None = None
    environment: Callable[[], Mapping[str, str]] | None = None
    leaving: Sequence[Acceptor] = ()
    pool: Pool | None = None
    memory: Memory | None = None
    begun: Exchange | None = None
    learned: Learned | None = None
    sequential = False
    hint = "random"
    proxy = ""

    def __init__(
        self,
        address: Address,
        mode: str,
        policy: Policy,
        options: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.address = address
        self.mode = mode
        self.policy = policy
        self.options = options
        self.positioned = address
        self.trace = Trace()

    async def run(self) -> Stream:
        """Open the whole address.

        Raises:
          OSError: with its natural errno, the failed step and the address.
          AddressError: an option's value is not what the scheme declares.
        """
        try:
            self.check_schemes(self.address)
            stream = await self.open(self.address)
        finally:
            if self.begun is not None:
                self.begun.abort()
        stream.restrict(self.mode)
        return stream

    def go_on_from(self, begun: Exchange | None) -> None:
        """Take what was *begun*, with the time that this took."""
        if begun is not None:
            self.begun = begun
            self.trace.began = begun.began

    def check_schemes(self, address: Address) -> None:
        """Raise `PolicyError` if the policy forbids a layer; nothing is open yet."""
        if self.policy.any_scheme:
            return
        with self.blame("resolve"):
            for layer in address.layers():
                self.policy.check_scheme(layer, registry.find_scheme(layer.scheme))

    async def open(self, address: Address, target: Target | None = None) -> Stream:
        """Open one layer and all that carries it.

        Args:
          target: what the layer outside this one wants to reach. A proxy
            connects there; everything else reaches what its own address says.
        """
        module = registry.find_module(address.scheme)
        stream: Stream = await module.open_(self, address, target)
        return stream

    async def listen(self) -> Acceptor:
        """Listen at the whole address.

        Raises:
          OSError: with its natural errno and the address.
          io.UnsupportedOperation: nothing can be accepted at such addresses.
        """
        self.check_schemes(self.address)
        with self.blame("listen"):
            return await self.listen_at(self.address)

    async def listen_at(self, address: Address) -> Acceptor:
        """Listen at one layer and all that carries it."""
        listen_ = getattr(registry.find_module(address.scheme), "listen_", None)
        if listen_ is None:
            raise io.UnsupportedOperation(f"{address.scheme} addresses cannot be listened at")
        acceptor: Acceptor = await listen_(self, address)
        return acceptor

    async def entries(self) -> list[Entry]:
        """Return what there is in the directory or archive at the whole address.

        Raises:
          OSError: with its natural errno and the address; ENOTDIR, there is nothing
            in such addresses.
        """
        self.check_schemes(self.address)
        scheme = self.address.scheme
        list_ = getattr(registry.find_module(scheme), "list_", None)
        with self.blame("connect"):
            if list_ is None:
                message = f"{scheme} addresses hold nothing to list; directories and archives do"
                raise NotADirectoryError(errno.ENOTDIR, message)
            found: list[Entry] = await list_(self, self.address)
        return found

    async def open_transport(self, address: Address, target: Target) -> Stream:
        """Open what carries *address* to *target*: its inner layer, else plain tcp."""
        if address.inner is not None:
            return await self.open(address.inner, target)
        stream: Stream = await registry.find_module("tcp").open_target(self, target)
        return stream

    def option(self, address: Address, name: str) -> Any:
        """Return an option's value: from the address, else from the call, else its default."""
        for key, value in address.options:
            if key == name:
                return value
        if self.options:
            given = self.options.get(address.scheme.replace("-", "_"), {})
            if name in given:
                return given[name]
        return registry.find_defaults(address.scheme)[name]

    def given(self, address: Address) -> dict[str, Any]:
        """Return all options of *address* that have a value, from wherever it comes."""
        values = dict(registry.find_set_defaults(address.scheme))
        if self.options:
            values.update(self.options.get(address.scheme.replace("-", "_"), {}))
        values.update(address.options)
        return values

    def port_of(self, address: Address) -> int:
        """Return the port of *address*, or its scheme's default."""
        port = address.port
        if port is None:
            port = registry.find_scheme(address.scheme).default_port
        assert port is not None, "the parser requires a port where there is no default"
        return port

    def step(self, name: StepName, detail: str) -> RecordedStep:
        """Record the body as a step; an error that leaves it says so from then on."""
        return RecordedStep(self, name, detail)

    def blame(self, name: StepName) -> Blame:
        """Name the step in which an error of the body happened, without recording it."""
        return Blame(self, name)

    def add_context(
        self, error: OSError | EOFError, step: str, attempts: tuple[BaseException, ...] = ()
    ) -> None:
        """Say in *error* that it happened in *step*, and to which proxy if it was one."""
        if self.proxy and step != "proxy" and failure_of(error) is None:
            told = advice_for(error, step) or "it cannot be reached"
            error.advice = f"at the proxy {self.proxy}: {told}"  # type: ignore[union-attr]  # see advice_for
        add_context(error, step, self.address.display(), attempts)
