"""Real web servers that are reloaded, ended or given other documents while they are read."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import commands
import pytest
from programs import (
    children_of,
    free_port,
    need,
    running,
    serving,
    wait_listening,
    wait_until,
)

import fildes

#: More than fits in the buffers between a server and who reads slowly.
SIZE = 40_000_000
DATA = random.Random(31).randbytes(SIZE)
OTHER = DATA[::-1]

NGINX = """
daemon off; {user} worker_processes 1; pid {root}/pid; error_log {root}/log;
worker_shutdown_timeout 1ms;
events {{ }}
http {{
  access_log off; default_type text/plain;
  client_body_temp_path {root}; proxy_temp_path {root}; fastcgi_temp_path {root};
  uwsgi_temp_path {root}; scgi_temp_path {root};
  server {{ listen 127.0.0.1:{port} sndbuf=64k; root {root}/documents; }}
}}
"""


class Site:
    """A web server that serves one folder.

    Attributes:
      master: its first process.
    """

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port = root, port
        wait_until(self.has_begun)

    def has_begun(self) -> bool:
        """Tell whether it has processes that serve: before, a signal would end it."""
        try:
            self.master = int((self.root / "pid").read_text())
        except (FileNotFoundError, ValueError):  # it listens before it writes that
            return False
        return bool(children_of(self.master))

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def reload(self) -> None:
        """Let new processes take over; wait until the old ones are gone, with all they served."""
        old = [os.pidfd_open(pid) for pid in children_of(self.master)]
        os.kill(self.master, signal.SIGHUP)
        for worker in old:
            assert select.select([worker], [], [], commands.LIMIT)[0]
            os.close(worker)


def put(root: Path, name: str, data: bytes, age: int = 1000) -> None:
    """Replace a document in one step; its version shows in its time."""
    place = root / "documents" / name
    new = place.with_suffix(".new")
    new.write_bytes(data)
    os.utime(new, (age, age))
    new.rename(place)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the documents, which servers can read."""
    (tmp_path / "documents").mkdir()
    tmp_path.chmod(0o755)
    put(tmp_path, "large", DATA)
    return tmp_path


@pytest.fixture
def nginx(folder: Path) -> Iterator[Site]:
    program = need("nginx")

    def argv(port: int) -> list[str]:
        user = "user root;" if os.geteuid() == 0 else ""  # others cannot enter the folder
        (folder / "nginx.conf").write_text(NGINX.format(root=folder, port=port, user=user))
        return [program, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", f"{folder}/log"]

    with serving(argv) as port:
        yield Site(folder, port)


def requests(file: Any) -> int:
    """Return how many requests *file* has taken so far."""
    return sum(step.name == "request" for step in file.trace.steps)


@pytest.mark.slow
def test_reload_while_read_in_order(nginx: Site) -> None:
    """A slow reader gets the document over several reloads, each of which cuts what comes."""
    got = bytearray()
    with fildes.open(nginx.address("large"), http={"hint": "sequential"}) as file:
        for number in range(1, 4):
            while requests(file) < number:  # what lies in buffers comes nevertheless
                got += file.read(100_000)
            nginx.reload()
        got += file.read()
        assert requests(file) == 4
    assert got == DATA


@pytest.mark.slow
def test_reload_below_a_decoder(nginx: Site) -> None:
    """So does who reads what is compressed."""
    put(nginx.root, "large.gz", gzip.compress(DATA, 1))
    with fildes.open(f"gzip::{nginx.address('large.gz')}") as file:
        got = file.read(1_000_000)
        nginx.reload()
        got += file.read()
        assert requests(file) == 2
    assert got == DATA


@pytest.mark.slow
def test_reload_while_a_child_reads(nginx: Site) -> None:
    """So does a program that reads the descriptor, and knows of nothing."""
    with fildes.open(nginx.address("large"), http={"hint": "sequential"}) as file:
        program = [sys.executable, "-c", CHILD]
        with subprocess.Popen(program, stdin=file, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"part\n"
            nginx.reload()
            child.send_signal(signal.SIGUSR1)
            assert int(child.stdout.read()) == sum(DATA) % 65521
        assert requests(file) == 2
    assert child.returncode == 0


#: Reads a part, waits for a signal, reads the rest, and prints a sum of all bytes.
CHILD = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
total = sum(os.read(0, 1000))
print("part", flush=True)
signal.sigwait([signal.SIGUSR1])
while data := os.read(0, 1 << 20):
    total += sum(data)
print(total % 65521)
"""


@pytest.mark.slow
def test_reload_while_read_at_random(nginx: Site) -> None:
    """Reads at random are right over reloads, whatever connections were left."""
    places = random.Random(32)
    with fildes.open(nginx.address("large")) as file:
        for number in range(120):
            if number % 20 == 10:
                nginx.reload()
            offset, size = places.randrange(SIZE), places.choice([1, 1000, 100_000, 900_000])
            if number % 2:
                file.seek(offset)
                assert file.read(size) == DATA[offset : offset + size]
            else:
                assert file.pread(size, offset) == DATA[offset : offset + size]
        ranges = [(start, start + 1000) for start in places.sample(range(SIZE), 20)]
        nginx.reload()
        assert file.read_ranges(ranges) == [DATA[start:stop] for start, stop in ranges]


@pytest.mark.slow
def test_replaced_while_read_in_order(nginx: Site) -> None:
    """What is cut and then is another document is stale, and no byte of that was delivered."""
    got = bytearray()
    with fildes.open(nginx.address("large"), "rb", 0, http={"hint": "sequential"}) as file:
        got += file.read(100_000)
        put(nginx.root, "large", OTHER, 2000)
        nginx.reload()
        with pytest.raises(OSError, match="changed on the server") as caught:
            read_on(file, got)
    assert caught.value.errno == errno.ESTALE
    assert len(got) < SIZE
    assert DATA.startswith(got)


@pytest.mark.slow
@pytest.mark.parametrize("other", [OTHER, DATA + b"!", DATA[:-1]], ids=["same", "more", "less"])
def test_replaced_while_read_at_random(nginx: Site, other: bytes) -> None:
    """Reads of a document that was replaced are stale, unless what they want is here."""
    places = random.Random(33)
    failures: list[int | None] = []
    with fildes.open(nginx.address("large")) as file:
        assert file.pread(1000, 5_000_000) == DATA[5_000_000:5_001_000]
        put(nginx.root, "large", other, 2000)
        nginx.reload()
        for _ in range(40):
            offset = places.randrange(SIZE)
            try:
                assert file.pread(1000, offset) == DATA[offset : offset + 1000]
            except OSError as error:
                failures.append(error.errno)
        assert file.pread(1000, 5_000_000) == DATA[5_000_000:5_001_000]
    assert len(failures) > 5
    assert set(failures) == {errno.ESTALE}


def read_on(file: Any, got: bytearray) -> None:
    """Read all that is left of *file* into *got*, piece by piece."""
    while data := file.read(65536):
        got += data


@contextlib.contextmanager
def python_server(root: Path, port: int) -> Iterator[None]:
    """Serve by Python's http.server, which has no ranges, until it is killed."""
    place = ["--bind", "127.0.0.1", "--directory", str(root / "documents"), str(port)]
    argv = [sys.executable, "-m", "http.server", *place]
    with running(argv, signal.SIGKILL) as program:
        assert wait_listening(program, port)
        yield


@pytest.mark.slow
@pytest.mark.parametrize("change", [False, True], ids=["as it was", "changed"])
def test_server_without_ranges_that_starts_again(folder: Path, change: bool) -> None:
    """Killed while it sends, and started again, it cannot go on: an error says what came."""
    port, got = free_port(), bytearray()
    with contextlib.ExitStack() as stack:
        with python_server(folder, port):
            file = stack.enter_context(fildes.open(f"http://127.0.0.1:{port}/large", "rb", 0))
            got += file.read(100_000)
        if change:
            put(folder, "large", OTHER, 2000)
        stack.enter_context(python_server(folder, port))
        with pytest.raises(OSError, match=f"of {SIZE}") as caught:
            read_on(file, got)
    assert caught.value.errno == (errno.ESTALE if change else errno.EPROTO)
    assert f"{len(got)} of {SIZE}" in str(caught.value)
    assert DATA.startswith(got)
