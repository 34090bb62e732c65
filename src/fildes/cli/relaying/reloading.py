"""Reading the configuration and the certificates again, without losing a client."""

from __future__ import annotations

import errno
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from fildes.cli.relaying import readiness
from fildes.cli.reporting import message_of

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.cli.relaying.plan import Plan
    from fildes.cli.relaying.reporter import Reporter
    from fildes.listening.accepting import Acceptor

Load = Callable[[], Sequence["Plan"]]


class Listening(Protocol):
    """A relay that listens."""

    plan: Plan
    acceptor: Acceptor


R = TypeVar("R", bound=Listening)


class Relays(ABC, Generic[R]):
    """Relays by name, as a configuration has them that may change.

    Attributes:
      load: reads the configuration again; None if there is none.
      nohup: see `outlives_terminal`.
    """

    reporter: Reporter
    load: Load | None = None

    def __init__(self) -> None:
        self.relays: dict[str, R] = {}
        self.nohup = outlives_terminal()

    @abstractmethod
    def add(self, plan: Plan, leaving: Sequence[Acceptor] = ()) -> None:
        """Let the relay of *plan* listen, at the sockets of one of *leaving* if it can.

        Raises:
          OSError: as bind(2).
        """

    @abstractmethod
    def remove(self, relay: R) -> None:
        """Let *relay* listen no more; its connections go on."""

    @abstractmethod
    def hand_over(self, relay: R, plan: Plan) -> None:
        """Let a relay of *plan* have the listener of *relay*: no client is turned away."""

    @property
    def names(self) -> list[str]:
        """The relays that listen."""
        return [name for name, relay in self.relays.items() if not relay.acceptor.closed]

    def summary(self) -> str:
        """Return what is done, for the service manager."""
        count = len(self.relays)
        return f"{count} relay{'s' * (count != 1)} listening"

    @property
    def reloads(self) -> bool:
        """Whether anything was read from files; else SIGHUP means that the terminal has gone."""
        fronts = [relay.plan.front.address for relay in self.relays.values()]
        return self.load is not None or any(map(has_certificates, fronts))

    def reload(self) -> bool:
        """Read everything again; keep what was, if it is bad. Return whether it is good.

        If it is, `tell_reloaded` has to follow.
        """
        readiness.reloading()
        try:
            plans = [relay.plan for relay in self.relays.values()]
            if self.load is not None:
                plans = list(self.load())
        except (OSError, ValueError) as error:
            self.reporter.complaint(f"nothing was reloaded: {reason_of(error)}")
            readiness.ready(self.summary())
            return False
        for name, failure in self.replace(plans):
            self.reporter.complaint(message_of(failure), name)
        return True

    def tell_reloaded(self) -> None:
        """Say that what was read is done from now on."""
        self.reporter.event("reloaded", relays=sorted(self.relays))
        self.say(f"reloaded: {self.summary()}")
        readiness.ready(self.summary())

    def replace(self, plans: Sequence[Plan]) -> Iterator[tuple[str, Exception]]:
        """Serve *plans* from now on; yield which could not be started, and why.

        A relay that listens as it did keeps its listener, and reads its certificates
        again. Any other one gets a new one, with the socket of an old one if that is
        where it wants to be. Old connections go on as they were.
        """
        wanted = {plan.name: plan for plan in plans}
        leaving: dict[str, R] = {}
        for name, relay in list(self.relays.items()):
            plan = wanted.get(name)
            if plan is None or plan.front != relay.plan.front:
                leaving[name] = self.relays.pop(name)
                continue
            del wanted[name]
            if plan != relay.plan:
                self.hand_over(relay, plan)
            try:
                relay.acceptor.reload()
            except (OSError, ValueError) as error:  # it keeps the old ones
                yield name, error
        yield from self.succeed(leaving, wanted)

    def succeed(
        self, leaving: dict[str, R], wanted: Mapping[str, Plan]
    ) -> Iterator[tuple[str, Exception]]:
        """Let those *wanted* listen, and those *leaving* no more; yield as `replace`.

        One that cannot listen goes on as it was before.
        """
        acceptors = [relay.acceptor for relay in leaving.values()]
        failed: list[tuple[Plan, Exception]] = []
        for plan in wanted.values():
            try:
                self.add(plan, acceptors)
            except (OSError, ValueError) as error:
                failed.append((plan, error))
        for plan, failure in failed:
            taken = getattr(failure, "errno", None) == errno.EADDRINUSE
            if taken and self.make_room(leaving, plan):
                continue
            if plan.name in leaving:
                self.relays[plan.name] = leaving.pop(plan.name)
            yield plan.name, failure
        for relay in leaving.values():
            self.remove(relay)

    def make_room(self, leaving: dict[str, R], plan: Plan) -> bool:
        """Let *plan* listen after all, if only some of those *leaving* are in its way."""
        port = plan.front.address.port
        for name in [name for name, each in leaving.items() if each.acceptor.address.port == port]:
            self.remove(leaving.pop(name))
        try:
            self.add(plan)
        except OSError:
            return False
        return True

    def say(self, text: str) -> None:
        """Tell one line, unless programs listen."""
        if not self.reporter.as_json:
            self.reporter.tell(text)


def has_certificates(address: Address) -> bool:
    """Tell whether a listener at *address* has read files that may change."""
    return any(layer.scheme.removesuffix("-listen") in ("tls", "wss") for layer in address.layers())


def outlives_terminal() -> bool:
    """Tell whether whoever started us wants us to go on when the terminal has gone; nohup(1).

    To be asked before SIGHUP gets an action.
    """
    return signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def reason_of(error: OSError | ValueError) -> str:
    """Say why the configuration could not be read, or what is wrong in it."""
    if isinstance(error, OSError):
        return f"unable to read {error.filename}: {error.strerror}"
    return str(error)
