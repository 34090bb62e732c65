"""Who reads a long document forward gets its bytes at once, and right, whatever happens."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from counting import Asked, CountingServer, ranged

import fildes
from fildes.http.planning import MIN_BDP, Rate
from fildes.http.ranged import RangedStream

DATA = b"".join(b"%07d\n" % number for number in range(800_000))
STEP = 1 << 17


@pytest.fixture
def site() -> Iterator[CountingServer]:
    with CountingServer(DATA) as server:
        yield server


@pytest.fixture(autouse=True)
def bdp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fix what a round trip costs: what is measured here would depend on who else works."""
    monkeypatch.setattr(Rate, "bdp", property(lambda rate: MIN_BDP))


def stream_of(file: fildes.BufferedFile | fildes.RawFile) -> RangedStream:
    stream = file.description.stream
    assert isinstance(stream, RangedStream)
    return stream


def read_forward(file: fildes.BufferedFile, size: int) -> None:
    """Read up to *size*, and make sure of every byte."""
    while file.tell() < size:
        here = file.tell()
        assert file.read(STEP) == DATA[here : here + STEP]


def test_what_passes_is_not_kept(site: CountingServer) -> None:
    """Of a document that is read forward little is kept, and all comes in few requests."""
    with fildes.open(site.address()) as file:
        read_forward(file, len(DATA))
        assert stream_of(file).passed > len(DATA) - (1 << 20)
        assert stream_of(file).extents.stored < len(DATA) // 2
    assert site.count <= 4


def test_coming_back(site: CountingServer) -> None:
    """What has passed can be read again, and from then on all is kept."""
    with fildes.open(site.address()) as file:
        read_forward(file, 5 * len(DATA) // 8)
        passed = stream_of(file).passed
        file.seek(len(DATA) // 2)
        read_forward(file, len(DATA))
        assert stream_of(file).returned
        file.seek(-STEP, os.SEEK_END)
        before = site.count
        assert file.read() == DATA[-STEP:]
        assert (site.count, stream_of(file).passed) == (before, passed)


def test_cut_while_passing() -> None:
    """An answer that is cut while it passes is asked for again, from where it was cut."""
    cut = 4 << 20

    def reply(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        sent, closing = ranged(server, asked)
        if asked.stop is None and asked.start is not None and asked.start < cut:
            head, blank, body = sent.partition(b"\r\n\r\n")
            return head + blank + body[: cut - asked.start], True
        return sent, closing

    with CountingServer(DATA, reply) as server, fildes.open(server.address()) as file:
        read_forward(file, len(DATA))
        assert stream_of(file).passed > cut
    assert any(asked.start == cut for asked in server.asked)


def test_small_reads_are_kept(site: CountingServer) -> None:
    """An unbuffered reader of little pieces has what came with them kept."""
    with fildes.open(site.address(), buffering=0) as file:
        got = b"".join(iter(lambda: file.read(1000), b""))
        assert got == DATA
        assert not stream_of(file).passed


def test_position_beside_pread(site: CountingServer) -> None:
    """Reads at offsets between those that pass do not disturb them."""
    with fildes.open(site.address()) as file:
        for start in range(0, len(DATA), STEP):
            assert file.read(STEP) == DATA[start : start + STEP]
            assert file.pread(100, start // 2) == DATA[start // 2 : start // 2 + 100]
