"""Measures of reading documents at random, by the readers of archives, tables and pictures.

The server is a round trip of 20 ms away (`delaying`). Each pattern is read through a file of
ours, and through those of the others; what it is compared with is the fastest of them. Like
is compared with like: cold, nobody has a connection from before, as the first document that
a program opens; kept, everybody has opened another one from the same server before, over an
`Opener`, a file system of fsspec, a session of requests.

The others need seconds for some, so what was held out is taken once.

The network has no limit of its own but loopback's, so little is said here of slow ones.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import re
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from delaying import far_away
from fresh import FRESH
from held_out import HELD_OUT, UNSEEN, write_uneven_zip
from measuring import Missing, Run, in_milliseconds, measure, rate_ratio, time_ratio
from reading import PATTERNS, Pattern, make_documents
from servers import nginx

import fildes

#: Opens an address and returns a file.
Open = Callable[[str], Any]


def ours(hint: str) -> Open:
    return lambda address: fildes.open(address, http={"hint": hint})


def others(document: str) -> dict[str, Open]:
    """Return how the others open a document, by their names; none has a connection."""
    smart_open = importlib.import_module("smart_open")
    found: dict[str, Open] = {
        "fsspec": fresh_web().open,
        "fsspec, blockcache": blocks(fresh_web()),
        "smart_open": lambda address: smart_open.open(address, "rb"),
    }
    if document.endswith("zip"):
        found["remotezip"] = importlib.import_module("remotezip").RemoteZip
    if document == "hdf5":  # what it is made for
        remfile = importlib.import_module("remfile")
        found["remfile"] = lambda address: contextlib.nullcontext(remfile.File(address))
    return found


def fresh_web() -> Any:
    return importlib.import_module("fsspec").filesystem("http", skip_instance_cache=True)


def blocks(web: Any) -> Open:
    return lambda address: web.open(address, cache_type="blockcache")


class Kept:
    """What each side keeps from one open to the next."""

    def __init__(self) -> None:
        self.opener = fildes.Opener()
        self.web = fresh_web()
        self.session = importlib.import_module("requests").Session()

    def ours(self, hint: str) -> Open:
        return lambda address: self.opener.open(address, http={"hint": hint})

    def others(self, document: str) -> dict[str, Open]:
        """As `others`; remfile keeps nothing."""
        smart_open = importlib.import_module("smart_open")
        settings = {"session": self.session}
        found: dict[str, Open] = {
            **others(document),
            "fsspec": self.web.open,
            "fsspec, blockcache": blocks(self.web),
            "smart_open": lambda address: smart_open.open(address, "rb", transport_params=settings),
        }
        if document.endswith("zip"):
            remotezip = importlib.import_module("remotezip")
            found["remotezip"] = lambda address: remotezip.RemoteZip(address, **settings)
        return found


class Taken(NamedTuple):
    """Seconds that one pattern took: ours, by the fastest of the others, by fsspec's default."""

    ours: float
    best: float
    default: float


#: What each pattern took last, for the lines about all of them: cold, and kept.
TAKEN: dict[tuple[str, bool], Taken] = {}


@contextlib.contextmanager
def site() -> Iterator[str]:
    """Yield the address of a far server with all documents."""
    with nginx() as (port, _, ca_file):
        root = ca_file.parent / "root"
        try:
            make_documents(root)
            write_uneven_zip(root / "uneven.zip")
            importlib.import_module("smart_open.http")
            importlib.import_module("aiohttp")
        except ImportError as error:
            raise Missing(f"{error.name} is not installed") from error
        with far_away(port) as far:
            yield f"http://127.0.0.1:{far}"


OPEN = contextlib.ExitStack()
atexit.register(OPEN.close)


@functools.cache
def shared_site() -> str:
    """Return the address of one far server, which all measures read from."""
    return OPEN.enter_context(site())


def once(pattern: Pattern, address: str, open_: Open) -> float:
    """Return the seconds that a pattern takes, from the open to the close."""
    began = time.perf_counter()
    with open_(f"{address}/{pattern.document}") as file:
        pattern.read(file)
    return time.perf_counter() - began


def take(pattern: Pattern, address: str, kept: Kept | None = None) -> Taken:
    """Read by *pattern* in all ways, and note what it took."""
    open_ours = kept.ours(pattern.hint) if kept else ours(pattern.hint)
    opens = kept.others(pattern.document) if kept else others(pattern.document)
    theirs = {name: once(pattern, address, each) for name, each in opens.items()}
    taken = Taken(once(pattern, address, open_ours), min(theirs.values()), theirs["fsspec"])
    TAKEN[pattern.name, kept is not None] = taken
    return taken


def both(taken: list[Taken]) -> tuple[Run, Run]:
    """Return runs that give in turn ours and the best of what was *taken*, the first twice."""
    left, right = iter([taken[0], *taken]), iter([taken[0], *taken])
    return lambda: next(left).ours, lambda: next(right).best


def add(pattern: Pattern, words: str = "", repeats: int = 1) -> None:
    """Add the line of a pattern to the table."""

    def pattern_runs() -> Iterator[tuple[Run, Run]]:
        yield both([take(pattern, shared_site()) for _ in range(repeats)])

    pattern_runs.__name__ = re.sub(r"\W+", "_", f"pattern {pattern.name}").lower()
    title = f"{words}{pattern.name}, 20 ms away, against the fastest of fsspec, smart_open, others"
    measure(title, time_ratio(1.5), repeats=repeats, show=in_milliseconds)(pattern_runs)


def add_mean(title: str, patterns: list[Pattern], *, kept: bool) -> None:
    """Add the line of what *patterns* take together, against fsspec's default."""

    def together() -> Iterator[tuple[Run, Run]]:
        mine, theirs = means(taken_by(patterns, shared_site(), kept=kept))
        yield lambda: mine, lambda: theirs

    together.__name__ = re.sub(r"\W+", "_", title).lower()
    measure(title, rate_ratio(2.0), repeats=1, show=in_milliseconds)(together)


def add_worst(title: str, patterns: list[Pattern]) -> None:
    """Add the line of the pattern that is worst beside the fastest, all with connections."""

    def worst() -> Iterator[tuple[Run, Run]]:
        taken = taken_by(patterns, shared_site(), kept=True)
        found = max(taken, key=lambda each: each.ours / each.best)
        yield lambda: found.ours, lambda: found.best

    worst.__name__ = re.sub(r"\W+", "_", title).lower()
    measure(title, time_ratio(1.5), repeats=1, show=in_milliseconds)(worst)


def taken_by(patterns: list[Pattern], address: str, *, kept: bool) -> list[Taken]:
    """Return what each of *patterns* took; those that nobody has measured yet are."""
    keeping = Kept() if kept else None
    missing = [each for each in patterns if (each.name, kept) not in TAKEN]
    if keeping is not None and missing:
        take(PATTERNS[0], address, keeping)  # from here on everybody has a connection
    for pattern in missing:
        take(pattern, address, keeping)
    return [TAKEN[each.name, kept] for each in patterns]


def means(taken: list[Taken]) -> tuple[float, float]:
    """Return the geometric means of ours and of fsspec's default."""
    return (
        statistics.geometric_mean([each.ours for each in taken]),
        statistics.geometric_mean([each.default for each in taken]),
    )


for each in PATTERNS:
    add(each, repeats=3)
for each in HELD_OUT:
    add(each, "held out: ")
for each in UNSEEN:
    add(each, "unseen: ")
for each in FRESH:
    add(each, "fresh: ")
for words, patterns in (
    ("all", PATTERNS),
    ("held out", HELD_OUT),
    ("unseen", UNSEEN),
    ("fresh", FRESH),
):
    mean = "the geometric mean, against fsspec's default"
    add_mean(f"{words}, cold: {mean}", patterns, kept=False)
    add_mean(f"{words}, kept: {mean}", patterns, kept=True)
    add_worst(f"{words}, kept: the worst of them, against the fastest of the others", patterns)
