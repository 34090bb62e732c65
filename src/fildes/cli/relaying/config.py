"""The configuration file: several relays, each checked before any is started.

TOML (https://toml.io). A mistake is told with its line, and all of them at once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

from fildes.address.syntax import excerpt, nearest
from fildes.cli.relaying.plan import KEYS, Manner, Plan, settled
from fildes.cli.relaying.positions import Positions
from fildes.cli.relaying.reading import read_side
from fildes.cli.relaying.side import Side
from fildes.cli.spelling import HOST_PORT
from fildes.cli.values import read_workers
from fildes.errors import AddressError

#: Keys at the top, beside the tables ``defaults`` and ``relay``.
METRICS, WORKERS = "metrics", "workers"

#: Keys of a relay that are its two sides.
SIDES = ("listen", "connect")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

Place = tuple[str, ...]


class Mistake(NamedTuple):
    """What is wrong, and where: a line, and what stands there."""

    line: int
    place: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.place}: {self.message}" if self.place else f"{where}{self.message}"


class ConfigError(ValueError):
    """A configuration file has mistakes, in the order of their lines."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = mistakes

    @classmethod
    def at(cls, line: int, message: str) -> Self:
        """Return the error of one mistake."""
        return cls([Mistake(line, "", message)])


class Config(NamedTuple):
    """What a configuration file says.

    Attributes:
      metrics: where metrics are served; None for nowhere.
      workers: in how many processes, if it says that.
      load: reads the relays again from where they came; None for a mere text.
    """

    plans: tuple[Plan, ...]
    metrics: Side | None = None
    load: Callable[[], Sequence[Plan]] | None = None
    workers: int | None = None


def read_config(text: str) -> Config:
    """Return what *text*, a configuration file, says.

    Raises:
      ConfigError: it has mistakes, which are all told.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([syntax_mistake(str(error), text)]) from None
    return Reader(Positions(text)).read(document)


def syntax_mistake(message: str, text: str) -> Mistake:
    """Return what the parser said, its line taken out of the words."""
    said, _, where = message.partition(" (at ")
    line = re.match(r"line ([0-9]+), (column [0-9]+)", where)
    if line:
        return Mistake(int(line[1]), line[2], said)
    return Mistake(text.count("\n") + 1, "", f"{said}, at the end of the file")


class Reader:
    """Reads a document, and collects the mistakes that it has."""

    def __init__(self, positions: Positions) -> None:
        self.positions = positions
        self.mistakes: list[Mistake] = []

    def read(self, document: Mapping[str, Any]) -> Config:
        """Return what *document* says.

        Raises:
          ConfigError: something in it is wrong.
        """
        self.check_names((), document, ["defaults", "relay", METRICS, WORKERS])
        usual = self.manner(("defaults",), self.table(("defaults",), document), Manner())
        relays = self.relays(document)
        plans = [self.plan(name, relays, usual) for name in relays]
        metrics, workers = self.metrics(document), self.workers(document)
        found = tuple(plan for plan in plans if plan is not None)
        self.check_listeners(found)
        if not plans and not any(mistake.place == "relay" for mistake in self.mistakes):
            self.wrong((), "there is no relay: begin one with [relay.NAME]")
        if self.mistakes:
            raise ConfigError(sorted(self.mistakes))
        return Config(found, metrics, workers=workers)

    def wrong(self, place: Place, message: str) -> None:
        """Remember a mistake at *place*."""
        self.mistakes.append(Mistake(self.positions.line_of(place), ".".join(place), message))

    def table(self, place: Place, parent: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the table at *place*; an empty one if it is not there, or none."""
        value = parent.get(place[-1], {})
        if isinstance(value, dict):
            return value
        name = ".NAME" if place == ("relay",) else ""
        self.wrong(place, f"this is a table: [{'.'.join(place)}{name}]")
        return {}

    def relays(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the relays by name; none if the only one has no name."""
        relays = self.table(("relay",), document)
        if any(key in relays and not isinstance(relays[key], dict) for key in SIDES):
            self.wrong(("relay",), "a relay has a name: [relay.NAME]")
            return {}
        return relays

    def check_names(self, place: Place, table: Mapping[str, Any], known: list[str]) -> None:
        """Tell of each key of *table* that is none, and what was perhaps meant."""
        for name in table:
            if name in (METRICS, WORKERS) and place:
                self.wrong((*place, name), "it stands at the top, above all [tables]")
            elif name not in known:
                hint = nearest(name, known) or f"; there are {', '.join(known)}"
                self.wrong((*place, name), f"no such key{hint}")

    def manner(self, place: Place, table: Mapping[str, Any], usual: Manner) -> Manner:
        """Return how a relay goes about it, as *table* changes what is *usual*."""
        changes: dict[str, Any] = {}
        for key in KEYS:
            if key.name in table:
                try:
                    changes[key.field] = key.read(table[key.name])
                except ValueError as error:
                    shown = excerpt(str(table[key.name]))
                    self.wrong((*place, key.name), f"it takes {error}, not {shown}")
        if place == ("defaults",):
            self.check_names(place, table, [key.name for key in KEYS])
        return usual._replace(**changes)

    def plan(self, name: str, relays: Mapping[str, Any], usual: Manner) -> Plan | None:
        """Return the relay called *name*; None if its sides cannot be read."""
        place = ("relay", name)
        table = self.table(place, relays)
        if not _NAME.fullmatch(name):
            self.wrong(place, "a name is letters, digits, '_', '.' and '-', at most 64")
        self.check_names(place, table, [*SIDES, *(key.name for key in KEYS)])
        manner = self.manner(place, table, usual)
        left, right = (self.side((*place, key), table) for key in SIDES)
        if left is None or right is None:
            return None
        try:
            return settled(Plan(name, left, right, manner))
        except AddressError as error:
            self.wrong(place, str(error))
            return None

    def side(self, place: Place, table: Mapping[str, Any]) -> Side | None:
        """Return one side of a relay; None if it cannot be read."""
        value = table.get(place[-1])
        if value is None:
            self.wrong(place[:-1], f'it needs an address: {place[-1]} = "..."')
        elif not isinstance(value, str):
            self.wrong(place, "an address stands in quotes")
        else:
            return self.address(place, value)
        return None

    def address(self, place: Place, text: str) -> Side | None:
        """Return the side that *text* stands for; None if it stands for none."""
        try:
            side = read_side(text)
        except AddressError as error:
            self.wrong(place, str(error))
            return None
        if place[-1] == "listen" and not side.listening:
            self.wrong(place, "only a listener serves many: tcp-listen://HOST:PORT and the like")
            return None
        # Whoever writes a relay into a file wants it to stay.
        return side._replace(settings=side.settings._replace(fork=True)) if side.listening else side

    def workers(self, document: Mapping[str, Any]) -> int | None:
        """Return in how many processes the relays are served."""
        if WORKERS not in document:
            return None
        try:
            return read_workers(document[WORKERS])
        except ValueError as error:
            self.wrong((WORKERS,), f"it takes {error}")
            return None

    def metrics(self, document: Mapping[str, Any]) -> Side | None:
        """Return where metrics are served."""
        value = document.get(METRICS)
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong((METRICS,), "an address stands in quotes")
            return None
        try:
            return metrics_side(value)
        except AddressError as error:
            self.wrong((METRICS,), str(error))
            return None

    def check_listeners(self, plans: tuple[Plan, ...]) -> None:
        """Tell of two relays that would listen at the same place."""
        taken: dict[tuple[str, str, int | None, str], str] = {}
        for plan, place in listening_places(plans):
            first = taken.setdefault(place, plan.name)
            if first != plan.name:
                self.wrong(("relay", plan.name, "listen"), f"relay {first} listens there already")


def listening_places(
    plans: tuple[Plan, ...],
) -> Iterator[tuple[Plan, tuple[str, str, int | None, str]]]:
    """Yield each relay with the place where it listens, unless the kernel chooses it."""
    for plan in plans:
        address = plan.left.address
        if address.port != 0:
            network = "udp" if address.scheme.startswith("udp") else "stream"
            yield plan, (network, address.host, address.port, address.path)


def metrics_side(text: str) -> Side:
    """Return where metrics are served: a listener, or a host and port to listen at.

    Raises:
      AddressError: it is neither.
    """
    if HOST_PORT.fullmatch(text) or re.fullmatch(":[0-9]+", text):
        text = f"tcp-listen://{text}"
    elif text.startswith(("unix:", "tcp:")):
        scheme, _, place = text.partition(":")
        text = f"{scheme}-listen:{place}"
    side = read_side(text)
    if not side.listening:
        raise AddressError("metrics are served by a listener: tcp-listen://127.0.0.1:PORT")
    return side
