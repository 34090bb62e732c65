"""Measures over plain http: reading a large document, opening small ones."""

from __future__ import annotations

import http.client
import shutil
import subprocess
from collections.abc import Iterator

from measuring import Missing, Run, measure, per_second, rate_ratio, timed
from servers import nginx

import fildes

MEGABYTES = 1000
READ_SIZE = 65536
OPENS = 300
SMALL = 1000  # bytes


@measure(
    "http body of 1 GB by `readinto` of 64 KiB, against `curl -o /dev/null`",
    rate_ratio(0.9),
    repeats=5,
    show=per_second("MB", MEGABYTES),
)
def large_document() -> Iterator[tuple[Run, Run]]:
    if shutil.which("curl") is None:
        raise Missing("curl is not installed")
    buffer = bytearray(READ_SIZE)
    with nginx(body=MEGABYTES * 1_000_000) as (port, _, _):
        address = f"http://127.0.0.1:{port}/body"
        curl = ["curl", "--silent", "--fail", "--output", "/dev/null", address]

        def ours() -> None:
            with fildes.open(address) as file:
                while file.readinto(buffer):
                    pass

        def theirs() -> None:
            subprocess.run(curl, check=True)

        yield timed(ours), timed(theirs)


@measure(
    "small http documents, opened, read and closed, against `http.client`",
    rate_ratio(0.5),
    repeats=15,
    show=per_second("documents", OPENS),
)
def small_documents() -> Iterator[tuple[Run, Run]]:
    with nginx(body=SMALL) as (port, _, _):
        address = f"http://127.0.0.1:{port}/body"

        def ours() -> None:
            for _ in range(OPENS):
                with fildes.open(address) as file:
                    file.read()

        def theirs() -> None:
            for _ in range(OPENS):
                connection = http.client.HTTPConnection("127.0.0.1", port)
                connection.request("GET", "/body", headers={"Connection": "close"})
                connection.getresponse().read()
                connection.close()

        yield timed(ours), timed(theirs)
