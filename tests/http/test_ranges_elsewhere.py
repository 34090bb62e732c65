"""Documents read at random in event loops, in child processes, and from other people's servers."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from authority import Authority
from counting import CountingServer
from loops import LOOPS, RunLoop
from web_servers import DOCUMENTS, Site, nginx, python_server

import fildes
import fildes.aio
from fildes.http.planning import MIN_BDP, Rate

DATA = random.Random(5).randbytes(3_000_000)
LARGE = DOCUMENTS["large.bin"]


@pytest.mark.parametrize("loop", LOOPS)
def test_document_in_an_event_loop(loop: RunLoop) -> None:
    """An asynchronous file is seekable and reads at offsets too."""
    with CountingServer(DATA) as server:

        async def main() -> None:
            async with fildes.aio.open(server.address()) as file:
                assert (file.size, file.seekable()) == (len(DATA), True)
                assert await file.seek(2_000_000) == 2_000_000
                assert await file.read(1000) == DATA[2_000_000:2_001_000]
                assert await file.tell() == 2_001_000
                assert await file.pread(10, 500_000) == DATA[500_000:500_010]
                ranges = [(5, 10), (1_500_000, 1_500_009), (2_999_999, 3_000_009)]
                assert await file.read_ranges(ranges) == [DATA[a:b] for a, b in ranges]
                await file.seek(0)
                assert await file.read() == DATA

        loop(main())


@pytest.mark.parametrize("loop", LOOPS)
def test_pipe_in_an_event_loop(loop: RunLoop, tmp_path: Path) -> None:
    """An asynchronous file is piped from where it was."""
    with CountingServer(DATA) as server:

        async def main() -> None:
            async with fildes.aio.open(server.address()) as file:
                assert await file.read(10) == DATA[:10]
                async with fildes.aio.open(tmp_path / "copy", "wb") as sink:
                    assert await fildes.aio.pipe(file, sink) == len(DATA) - 10

        loop(main())
    assert (tmp_path / "copy").read_bytes() == DATA[10:]


def test_cancelled_read_loses_nothing() -> None:
    """After a cancelled read the next one goes on where the last whole one ended."""
    with CountingServer(DATA) as server:

        async def main() -> None:
            async with fildes.aio.open(server.address()) as file:
                for number in range(30):
                    reading = asyncio.create_task(file.pread(10_000, number * 99_991))
                    for _ in range(number % 7):
                        await asyncio.sleep(0)
                    reading.cancel()
                    await asyncio.wait([reading])
                assert await file.read() == DATA

        asyncio.run(main())


FORKING = """
import os, sys, fildes
address, name = sys.argv[1:]
with open(name, "rb") as local:
    data = local.read()
with fildes.open(address) as file:
    file.read(100_000)
    child = os.fork()
    for step in range(20):
        place = (step * 2 + (child == 0)) * 70_001
        file.seek(place)
        assert file.read(50_000) == data[place : place + 50_000]
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.slow
def test_fork(tmp_path: Path) -> None:
    """A parent and its child read on, each over connections of its own."""
    (tmp_path / "data").write_bytes(DATA)
    with CountingServer(DATA) as server:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", FORKING, server.address(), str(tmp_path / "data")]
        subprocess.run(command, env=environment, check=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, tls_ca: Authority) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("nginx")
    with nginx(root, tls_ca) as site:
        with zipfile.ZipFile(root / "documents" / "archive.zip", "w") as members:
            for number in range(300):
                members.writestr(f"member-{number}", LARGE[number : number + 9000])
        yield site


def assert_reads_like_local(file: fildes.BufferedFile) -> None:
    places = [number * 97_003 % len(LARGE) for number in range(30)]
    for place in places:
        file.seek(place)
        assert file.read(3000) == LARGE[place : place + 3000]
    ranges = [(place, place + 3000) for place in places]
    assert file.read_ranges(ranges) == [LARGE[start:stop] for start, stop in ranges]
    file.seek(0)
    assert file.read() == LARGE


@pytest.mark.slow
def test_nginx(site: Site) -> None:
    """A document of nginx reads like a local file: plain, under TLS, on a unix socket."""
    with fildes.open(f"{site.plain}/large.bin") as file:
        assert_reads_like_local(file)
    with fildes.open(f"http://localhost/large.bin::{site.unix}") as file:
        assert_reads_like_local(file)


@pytest.mark.slow
def test_nginx_under_tls(site: Site, tls_ca: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under TLS the connection is kept between ranges as well."""
    monkeypatch.setattr(Rate, "bdp", property(lambda rate: MIN_BDP))
    tls = {"ca": str(tls_ca.ca_file)}
    with fildes.open(f"{site.secure}/large.bin", tls=tls) as file:
        assert_reads_like_local(file)
        handshakes = [step for step in file.trace if step.name == "handshake"]
        requests = [step for step in file.trace if step.name == "request"]
        assert len(handshakes) < len(requests)


@pytest.mark.slow
def test_archive_of_nginx(site: Site) -> None:
    """`zipfile` reads a member of a remote archive."""
    with fildes.open(f"{site.plain}/archive.zip") as file, zipfile.ZipFile(file) as members:
        assert members.read("member-123") == LARGE[123:9123]
        assert members.testzip() is None


@pytest.mark.slow
def test_server_of_python(tmp_path: Path) -> None:
    """Python's own server has no ranges: its documents are read from start to end."""
    with python_server(tmp_path) as address, fildes.open(f"{address}/large.bin") as file:
        assert not file.seekable()
        assert file.read() == LARGE
