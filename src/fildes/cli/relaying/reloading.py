"""Reading the configuration and the certificates again, without losing a client."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from fildes.cli.relaying import readiness
from fildes.cli.reporting import message_of

if TYPE_CHECKING:
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
    """

    reporter: Reporter
    load: Load | None = None

    def __init__(self) -> None:
        self.relays: dict[str, R] = {}

    @abstractmethod
    def add(self, plan: Plan) -> None:
        """Let the relay of *plan* listen.

        Raises:
          OSError: as bind(2).
        """

    @abstractmethod
    def remove(self, name: str) -> None:
        """Let the relay called *name* listen no more; its connections go on."""

    @abstractmethod
    def hand_over(self, relay: R, plan: Plan) -> None:
        """Let a relay of *plan* have the listener of *relay*: no client is turned away."""

    @property
    def names(self) -> list[str]:
        """The relays that listen."""
        return list(self.relays)

    def summary(self) -> str:
        """Return what is done, for the service manager."""
        count = len(self.relays)
        return f"{count} relay{'s' * (count != 1)} listening"

    @property
    def reloads(self) -> bool:
        """Whether anything was read from files; else SIGHUP means that the terminal has gone."""
        return self.load is not None or any(map(has_certificates, self.relays.values()))

    def reload(self) -> bool:
        """Read everything again; keep what was, if it is bad. Return whether it is good."""
        readiness.reloading()
        try:
            plans = [relay.plan for relay in self.relays.values()]
            if self.load is not None:
                plans = list(self.load())
        except (OSError, ValueError) as error:
            self.reporter.complaint(f"nothing was reloaded: {error}")
            good = False
        else:
            for name, failure in self.replace(plans):
                self.reporter.complaint(message_of(failure), name)
            self.reporter.event("reloaded", relays=sorted(self.relays))
            self.say(f"reloaded: {self.summary()}")
            good = True
        readiness.ready(self.summary())
        return good

    def replace(self, plans: Sequence[Plan]) -> Iterator[tuple[str, Exception]]:
        """Serve *plans* from now on; yield which could not be started, and why.

        A relay that listens where it did keeps its listener, and reads its certificates
        again. Any other one gets a new one. Old connections go on as they were.
        """
        wanted = {plan.name: plan for plan in plans}
        for name, relay in list(self.relays.items()):
            plan = wanted.pop(name, None)
            if plan is None or plan.front != relay.plan.front:
                self.remove(name)
                if plan is not None:
                    wanted[name] = plan
                continue
            if plan != relay.plan:
                self.hand_over(relay, plan)
            try:
                relay.acceptor.reload()
            except (OSError, ValueError) as error:  # it keeps the old ones
                yield name, error
        for name, plan in wanted.items():
            try:
                self.add(plan)
            except (OSError, ValueError) as error:
                yield name, error

    def say(self, text: str) -> None:
        """Tell one line, unless programs listen."""
        if not self.reporter.as_json:
            self.reporter.tell(text)


def has_certificates(relay: Listening) -> bool:
    """Tell whether the listener of *relay* has read files that may change."""
    layers = relay.plan.front.address.layers()
    return any(layer.scheme in ("tls-listen", "wss-listen") for layer in layers)
