"""Measures of WebSockets: a client against the `websockets` library, a relay against websockify."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import framing
from framing import LARGE, SMALL, frame
from loads import Load
from measuring import Cost, Goal, Missing, Run, measure, per_second, rate_ratio, time_ratio, timed
from relay_servers import HOST, Relay, need, running
from relays import each_second, gigabytes_each_second
from servers import free_port, server

import fildes

ROUND_TRIPS = 3000
MESSAGES = 4000  # of 64 KiB: a quarter of a gigabyte
MEGABYTES = MESSAGES * LARGE / 1e6
REPEATS = 5

#: A client's connection: how it sends a message, receives one, and is opened by whom.
Send = Callable[[bytes], object]
Recv = Callable[[], Any]
Use = Callable[[Send, Recv], None]

MakeRun = Callable[[Relay], Run]


def by_fildes(port: int, use: Use) -> None:
    with fildes.open(f"ws://{HOST}:{port}/", ws={"framing": "message"}) as f:
        use(f.write, f.read)


def by_websockets(port: int, use: Use) -> None:
    try:
        from websockets.sync.client import connect
    except ImportError:
        raise Missing("the websockets library is not installed") from None
    url = f"ws://{HOST}:{port}/"
    with connect(url, proxy=None, compression=None, max_size=None) as client:
        use(client.send, client.recv)


def as_client(kind: str, use: Use) -> Iterator[tuple[Run, Run]]:
    """Yield what uses a server of *kind* by us, and by the other library."""
    with server(kind) as port:
        yield timed(lambda: by_fildes(port, use)), timed(lambda: by_websockets(port, use))


@measure(
    f"WebSocket round trips of {SMALL} bytes, against the `websockets` library",
    rate_ratio(1.5),
    repeats=REPEATS,
    show=per_second("round trips", ROUND_TRIPS),
)
def websocket_round_trips() -> Iterator[tuple[Run, Run]]:
    def use(send: Send, recv: Recv) -> None:
        question = bytes(SMALL)
        for _ in range(ROUND_TRIPS):
            send(question)
            assert len(recv()) == SMALL

    return as_client("ws-echo", use)


@measure(
    "WebSocket messages of 64 KiB received, against the `websockets` library",
    rate_ratio(1.0),
    repeats=REPEATS,
    show=per_second("MB", int(MEGABYTES)),
)
def websocket_receiving() -> Iterator[tuple[Run, Run]]:
    def use(send: Send, recv: Recv) -> None:
        send(MESSAGES.to_bytes(8, "big"))
        for _ in range(MESSAGES):
            assert len(recv()) == LARGE

    return as_client("ws-source", use)


# It masks in C, 2.7 GB/s; nothing in the standard library does more than 1 GB/s of that.
@measure(
    "WebSocket messages of 64 KiB sent, and so masked, against the `websockets` library in C",
    rate_ratio(0.3),
    repeats=REPEATS,
    show=per_second("MB", int(MEGABYTES)),
)
def websocket_sending() -> Iterator[tuple[Run, Run]]:
    def use(send: Send, recv: Recv) -> None:
        send(MESSAGES.to_bytes(8, "big"))
        data = bytes(range(256)) * (LARGE // 256)
        for _ in range(MESSAGES):
            send(data)
        assert recv() == b"."

    return as_client("ws-sink", use)


@contextlib.contextmanager
def our_relay(target: int) -> Iterator[Relay]:
    """The command `fildes relay`, one process."""
    port = free_port()
    near, far = f"ws-listen://{HOST}:{port}", f"tcp://{HOST}:{target}"
    with running(port, sys.executable, "-m", "fildes", "relay", near, far) as relay:
        yield relay


@contextlib.contextmanager
def websockify(target: int) -> Iterator[Relay]:
    """What websockify does, in Python with numpy's masks: a process for each connection."""
    port = free_port()
    with running(port, need("websockify"), f"{HOST}:{port}", f"{HOST}:{target}") as relay:
        yield relay


def relayed_round_trips(relay: Relay) -> tuple[float, float]:
    """Ask and wait for each answer."""
    question = frame(bytes(SMALL), masked=True)
    with framing.Client(relay.port) as client:
        began = time.perf_counter()
        for _ in range(ROUND_TRIPS):
            client.sock.sendall(question)
            assert client.recv_message() == SMALL
        return (time.perf_counter() - began) / ROUND_TRIPS, ROUND_TRIPS


def relayed_down(relay: Relay) -> tuple[float, float]:
    """Receive a long answer."""
    size = MESSAGES * LARGE
    with framing.Client(relay.port) as client:
        began, left = time.perf_counter(), size
        client.sock.sendall(frame(size.to_bytes(8, "big"), masked=True))
        while left:
            left -= client.recv_message()
        return (time.perf_counter() - began) / size * 1e9, size / 1e9


def relayed_up(relay: Relay) -> tuple[float, float]:
    """Send much in messages of 64 KiB."""
    size, one = MESSAGES * LARGE, frame(bytes(LARGE), masked=True)
    with framing.Client(relay.port) as client:
        began = time.perf_counter()
        client.sock.sendall(frame(size.to_bytes(8, "big"), masked=True))
        for _ in range(MESSAGES):
            client.sock.sendall(one)
        assert client.recv_message() == 1
        return (time.perf_counter() - began) / size * 1e9, size / 1e9


def relayed(
    name: str, what: str, goal: Goal, show: Callable[[float], str], kind: str, make: MakeRun
) -> None:
    """Add the row that compares a relay of ours with websockify."""

    def setup() -> Iterator[tuple[Run, Run]]:
        with server(kind) as target, our_relay(target) as ours, websockify(target) as theirs:
            yield make(ours), make(theirs)

    setup.__name__ = f"websocket_relay_{name}"
    title = f"relay: WebSocket to tcp, {what}, against websockify"
    measure(title, goal, repeats=REPEATS, show=show)(setup)


relayed(
    "round_trips", f"round trips of {SMALL} bytes", rate_ratio(1.0), each_second("round trips"),
    "echo", lambda relay: Load(relay, relayed_round_trips, "round trip"),
)  # fmt: skip
# A source that ends would have websockify end before all of it is sent on.
relayed(
    "down", "one stream to the client", rate_ratio(1.0), gigabytes_each_second,
    "patient-source", lambda relay: Load(relay, relayed_down, "GB"),
)  # fmt: skip
relayed(
    "up", "one stream from the client", rate_ratio(1.0), gigabytes_each_second,
    "sink", lambda relay: Load(relay, relayed_up, "GB"),
)  # fmt: skip
relayed(
    "cost", "processor time of that", time_ratio(1.0), lambda seconds: f"{seconds:.2f} s per GB",
    "sink", lambda relay: Cost(Load(relay, relayed_up, "GB")),
)  # fmt: skip
