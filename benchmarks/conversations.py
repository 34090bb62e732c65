"""Measures over tcp: opening, reading much, asking and answering."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from measuring import Run, measure, per_second, rate_ratio, timed
from servers import server

import fildes

OPENS = 200
MEGABYTES = 512  # eight repeats make the 4 GB
ROUND_TRIPS = 5000
READ_SIZE = 65536


@measure(
    "open and close of tcp to a peer that is awake, against `create_connection`, `makefile`, close",
    rate_ratio(0.5),
    repeats=15,
    show=per_second("opens", OPENS),
)
def opening() -> Iterator[tuple[Run, Run]]:
    """Open and close, again and again.

    The peer must be awake. The faster of two clients keeps a sleepy one busy, while the
    slower one pays in connect(2) and close(2) for waking it up each time: some 15
    microseconds a call on a virtual machine, more than what is measured.
    """
    with server("awake") as port:
        address = f"tcp://127.0.0.1:{port}"

        def ours() -> None:
            for _ in range(OPENS):
                fildes.open(address).close()

        def theirs() -> None:
            for _ in range(OPENS):
                with socket.create_connection(("127.0.0.1", port)) as sock:
                    sock.makefile("rwb").close()

        yield timed(ours), timed(theirs)


@measure(
    "reading 4 GB with `readinto` of 64 KiB, against `recv_into` on a bare socket",
    rate_ratio(0.95),
    repeats=8,
    show=per_second("MB", MEGABYTES),
)
def reading() -> Iterator[tuple[Run, Run]]:
    size = MEGABYTES * 1_000_000
    ask = struct.pack("!Q", size)
    buffer = bytearray(READ_SIZE)
    with server("source") as port:

        def ours() -> None:
            with fildes.open(f"tcp://127.0.0.1:{port}") as file:
                file.write(ask)
                left = size
                while left:
                    left -= file.readinto(buffer)

        def theirs() -> None:
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.sendall(ask)
                left = size
                while left:
                    left -= sock.recv_into(buffer)

        yield timed(ours), timed(theirs)


@measure(
    'round trips of 64 bytes, against `socket.makefile("rwb")`',
    rate_ratio(0.9),
    repeats=15,
    show=per_second("round trips", ROUND_TRIPS),
)
def round_trips() -> Iterator[tuple[Run, Run]]:
    question = bytes(64)
    with server("echo") as port:

        def ours() -> None:
            with fildes.open(f"tcp://127.0.0.1:{port}") as file:
                for _ in range(ROUND_TRIPS):
                    file.write(question)
                    assert len(file.read(64)) == 64

        def theirs() -> None:
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with sock.makefile("rwb") as file:
                    for _ in range(ROUND_TRIPS):
                        file.write(question)
                        file.flush()
                        assert len(file.read(64)) == 64

        yield timed(ours), timed(theirs)
