"""Measures under TLS: reading through the object, and through the bridge."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator

from measuring import Missing, Run, measure, per_second, rate_ratio, timed
from servers import authority, nginx, server

import fildes

MEGABYTES = 256
READ_SIZE = 65536


@measure(
    "TLS read through the object, against `recv_into` on `ssl.SSLSocket`",
    rate_ratio(0.9),
    repeats=9,
    show=per_second("MB", MEGABYTES),
)
def tls_reading() -> Iterator[tuple[Run, Run]]:
    size = MEGABYTES * 1_000_000
    ask = struct.pack("!Q", size)
    buffer = bytearray(READ_SIZE)
    with (
        authority() as ca,
        server("tls-source", ca.localhost.cert_file, ca.localhost.key_file) as port,
    ):
        context = ca.client_context()
        options = {"ca": str(ca.ca_file)}

        def ours() -> None:
            with fildes.open(f"tls://localhost:{port}", tls=options) as file:
                file.write(ask)
                read_all(file.readinto)

        def theirs() -> None:
            raw = socket.create_connection(("localhost", port))
            with context.wrap_socket(raw, server_hostname="localhost") as sock:
                sock.sendall(ask)
                read_all(sock.recv_into)

        def read_all(read_into: Callable[[bytearray], int]) -> None:
            left = size
            while left:
                left -= read_into(buffer)

        yield timed(ours), timed(theirs)


@measure(
    "https body through the bridge into `cat >/dev/null`, against `curl -s`",
    rate_ratio(0.7),
    repeats=9,
    show=per_second("MB", MEGABYTES),
)
def bridge() -> Iterator[tuple[Run, Run]]:
    if shutil.which("curl") is None:
        raise Missing("curl is not installed")
    with nginx(body=MEGABYTES * 1_000_000) as (_, port, ca_file):
        address = f"https://localhost:{port}/body"
        options = {"ca": str(ca_file)}
        curl = ["curl", "--silent", "--fail", "--cacert", str(ca_file), address]

        def ours() -> None:
            with fildes.open(address, tls=options) as file:
                subprocess.run(["cat"], stdin=file, stdout=subprocess.DEVNULL, check=True)

        def theirs() -> None:
            subprocess.run(curl, stdout=subprocess.DEVNULL, check=True)

        yield timed(ours), timed(theirs)
