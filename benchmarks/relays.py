"""Measures of `fildes relay` against what else relays: a row for each of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

from loads import (
    Load,
    datagrams,
    download,
    handshakes,
    latency,
    many_files,
    memory_per_connection,
    new_connections,
    stream,
    streams,
    wrk,
)
from measuring import Cost, Goal, Run, at_most, measure, rate_ratio, time_ratio
from relay_servers import (
    Relay,
    fildes,
    haproxy,
    nginx_stream,
    socat,
    socat_large,
    socat_udp,
    stunnel,
)
from servers import authority, nginx, server

REPEATS = 3
MANY = 15  #: where a run moves by more than what is to be told apart
GIGABYTES, DOCUMENT = 10.0, 1.0  # of one stream; of one document
STREAMS, TOGETHER = 8, 4.0  # at once; GB
Peer = Callable[..., contextlib.AbstractContextManager[Relay]]
Backend = Callable[[], contextlib.AbstractContextManager[int]]


@contextlib.contextmanager
def web() -> Iterator[int]:
    """A web server with a small document and a large one; yield its port."""
    with nginx(small=1024, large=int(DOCUMENT * 1e9)) as (port, _, _):
        yield port


def source() -> contextlib.AbstractContextManager[int]:
    """Whoever sends as much as it is asked for."""
    return server("source")


def sources() -> contextlib.AbstractContextManager[int]:
    """The same for many at a time."""
    return server("sources")


def udp_echo() -> contextlib.AbstractContextManager[int]:
    """Whoever sends each datagram back."""
    return server("udp-echo")


@contextlib.contextmanager
def udp_echo_on_one_processor() -> Iterator[int]:
    """The same, with everybody on one processor.

    With one datagram under way only one process works at a time, and whether the kernel wakes
    another processor for the next one is a matter of chance that is more than the relay's work.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        with udp_echo() as port:
            yield port
    finally:
        os.sched_setaffinity(0, before)


def compare(
    what: str,
    peer: Peer,
    name: str,
    goal: Goal,
    show: Callable[[float], str],
    make: Callable[[Relay], Run],
    backend: Backend = web,
    repeats: int = REPEATS,
    **how: Any,
) -> None:
    """Add the row that compares a relay of ours with *peer*."""

    def setup() -> Iterator[tuple[Run, Run]]:
        with many_files(), backend() as target, contextlib.ExitStack() as relays:
            ours = relays.enter_context(fildes(target, **how))
            theirs = relays.enter_context(peer(target))
            yield make(ours), make(theirs)

    setup.__name__ = f"{what.split(',')[0].replace(' ', '_')}_{peer.__name__}"
    measure(f"relay: {what}, against {name}", goal, repeats=repeats, show=show)(setup)


def making(run: Any, unit: str) -> Callable[[Relay], Run]:
    """Return what makes the load *run* of a relay."""
    return lambda relay: Load(relay, run, unit)


def under_tls(what: str, floor: float, show: Callable[[float], str], run: Any, unit: str) -> None:
    """Add the rows of relays that end TLS."""
    for peer, name in ((haproxy, "HAProxy"), (stunnel, "stunnel")):

        def setup(peer: Peer = peer) -> Iterator[tuple[Run, Run]]:
            with authority() as ca, web() as target, contextlib.ExitStack() as relays:
                ours = relays.enter_context(fildes(target, "tcp", ca.localhost))
                theirs = relays.enter_context(peer(target, ca.localhost))
                yield Load(ours, run, unit), Load(theirs, run, unit)

        setup.__name__ = f"{what.replace(' ', '_')}_{peer.__name__}"
        title = f"relay: {what}, against {name}"
        measure(title, rate_ratio(floor), repeats=REPEATS, show=show)(setup)


def each_second(unit: str) -> Callable[[float], str]:
    return lambda seconds: f"{1 / seconds:,.0f} {unit}/s"


def gigabytes_each_second(seconds: float) -> str:
    return f"{1 / seconds:.2f} GB/s"


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs"


for peer, name, floor in (
    (socat, "socat", 2.0),
    (socat_large, "socat -b 1048576", 1.05),
    (haproxy, "HAProxy", 1.1),
):
    compare(
        f"one stream of {GIGABYTES:g} GB", peer, name, rate_ratio(floor), gigabytes_each_second,
        making(stream(GIGABYTES), "GB"), source,
    )  # fmt: skip
compare(
    "processor time of it", socat_large, "socat -b 1048576", time_ratio(1.0),
    lambda seconds: f"{seconds:.2f} s per GB",
    lambda relay: Cost(Load(relay, stream(GIGABYTES), "GB")), source,
)  # fmt: skip
for peer, name in ((haproxy, "HAProxy"), (socat_large, "socat -b 1048576")):
    compare(
        f"{STREAMS} streams at once of {TOGETHER:g} GB together", peer, name, rate_ratio(1.0),
        gigabytes_each_second, making(streams(STREAMS, TOGETHER), "GB"), sources,
    )  # fmt: skip
for connections in (50, 500):
    for peer, name, floor in (
        (haproxy, "HAProxy", 1.0),
        (nginx_stream, "nginx stream", 1.0),
        (socat, "socat", 1.5),
    ):
        compare(
            f"{connections} connections kept", peer, name, rate_ratio(floor),
            each_second("requests"),
            making(wrk(connections), "request"), repeats=MANY,
        )  # fmt: skip
for peer, name, floor in (
    (haproxy, "HAProxy", 1.0),
    (nginx_stream, "nginx stream", 0.95),
    (socat, "socat", 4.0),
):
    compare(
        "a connection for each request", peer, name, rate_ratio(floor),
        each_second("connections"), making(new_connections, "connection"), repeats=MANY,
    )  # fmt: skip
for what, share, ceiling in (("median", 0.5, 1.2), ("99 %", 0.99, 1.5)):
    compare(
        f"{what} latency at 5000 requests/s", haproxy, "HAProxy", time_ratio(ceiling),
        microseconds, making(latency(share), "request"),
    )  # fmt: skip
under_tls("TLS handshakes", 0.7, each_second("handshakes"), handshakes, "handshake")
under_tls(f"TLS of {DOCUMENT:g} GB", 0.8, gigabytes_each_second, download(DOCUMENT), "GB")
compare(
    "datagrams of 100 bytes", socat_udp, "socat", rate_ratio(1.5), each_second("datagrams"),
    making(datagrams(), "datagram"), udp_echo, repeats=MANY, scheme="udp",
)  # fmt: skip
compare(
    "one datagram of 100 bytes at a time on one processor", socat_udp, "socat", rate_ratio(0.9),
    each_second("datagrams"), making(datagrams(5_000, window=1), "datagram"),
    udp_echo_on_one_processor, repeats=MANY, scheme="udp",
)  # fmt: skip


def idle_connections() -> Iterator[tuple[Run, Run]]:
    """Compare the memory of idle connections, each time of relays that have had none."""

    def of(peer: Peer) -> Run:
        def run() -> float:
            with peer(target) as relay:
                return memory_per_connection(relay)

        return run

    with many_files(), web() as target:
        yield of(fildes), of(haproxy)


measure(
    "relay: private memory of each of 5,000 idle connections, beside HAProxy's",
    at_most(2, "KiB"),
    repeats=REPEATS,
    show=lambda size: f"{size:.2f} KiB",
)(idle_connections)
