"""How many requests the usual ways of reading may cost, however far away the server is."""

from __future__ import annotations

import io
import os
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

import pytest
from counting import CountingServer

import fildes
from fildes.http.planning import FIRST_BDP, MAX_BDP, MIN_BDP, Rate

K, M = 1 << 10, 1 << 20

pytestmark = pytest.mark.slow


@pytest.fixture(params=[MIN_BDP, FIRST_BDP, MAX_BDP], ids=["near", "first", "far"], autouse=True)
def bdp(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Fix what a round trip costs: what is measured on this machine is another thing."""
    monkeypatch.setattr(Rate, "bdp", property(lambda rate: request.param))
    size: int = request.param
    return size


@pytest.fixture(scope="module")
def archive() -> bytes:
    """Return a zip of 2,000 members, which cannot be made smaller."""
    noise = random.Random(1).randbytes(2000 * 12 * K)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        for number in range(2000):
            at = number * 12 * K
            members.writestr(f"folder/member-{number:04}", noise[at : at + 12 * K])
    return file.getvalue()


def opened(server: CountingServer, hint: str = "random") -> fildes.BufferedFile:
    return fildes.open(server.address(), http={"hint": hint})


@pytest.fixture
def site(archive: bytes) -> Iterator[CountingServer]:
    with CountingServer(archive) as server:
        yield server


@pytest.mark.parametrize(("hint", "most"), [("random", 3), ("tail", 2)])
def test_list_of_a_zip(site: CountingServer, hint: str, most: int) -> None:
    """The directory of an archive costs one request after those for its place."""
    with opened(site, hint) as file, zipfile.ZipFile(file) as members:
        assert len(members.namelist()) == 2000
    assert site.count <= most


def test_one_member_of_a_zip(site: CountingServer, archive: bytes) -> None:
    """One member costs one request more than the list."""
    with opened(site, "tail") as file, zipfile.ZipFile(file) as members:
        data = members.read("folder/member-0777")
    assert data == zipfile.ZipFile(io.BytesIO(archive)).read("folder/member-0777")
    assert site.count <= 3


def test_one_member_by_its_address(site: CountingServer, archive: bytes) -> None:
    """One member that an address names costs as much."""
    with fildes.open(f"zip://folder/member-0777::{site.address()}") as file:
        assert file.read() == zipfile.ZipFile(io.BytesIO(archive)).read("folder/member-0777")
    assert site.count <= 3


def test_list_by_address(site: CountingServer) -> None:
    """The directory of the archive that an address names costs two requests."""
    assert len(fildes.ls(f"zip::{site.address()}")) == 2000
    assert site.count <= 2


def test_random_members_of_a_zip(site: CountingServer, archive: bytes) -> None:
    """Twenty members at random cost one request each, besides the list."""
    names = random.Random(2).sample(range(2000), 20)
    ours, theirs = [], []
    with opened(site) as file, zipfile.ZipFile(file) as members:
        ours = [members.read(f"folder/member-{number:04}") for number in names]
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        theirs = [members.read(f"folder/member-{number:04}") for number in names]
    assert ours == theirs
    assert site.count <= 23


def test_footer() -> None:
    """With the tail hint a footer and what it leads to cost one request, as in Parquet."""
    footer = os.urandom(30 * K) + struct.pack("<I", 30 * K) + b"PAR1"
    with CountingServer(bytes(20 * M) + footer) as server, opened(server, "tail") as file:
        file.seek(-8, os.SEEK_END)
        size, _ = struct.unpack("<I4s", file.read(8))
        file.seek(-8 - size, os.SEEK_END)
        assert file.read(size) == footer[: 30 * K]
        assert server.count == 1


def picture() -> bytes:
    """Return a PNG file of 600 x 600 pixels that cannot be made smaller."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    header = struct.pack(">IIBBBBB", 600, 600, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + random.Random(3).randbytes(1800) for _ in range(600))
    data = zlib.compress(rows, 0)
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_size_of_a_picture() -> None:
    """The header of a picture costs one request."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    with CountingServer(picture()) as server, opened(server) as file:
        assert image.open(file).size == (600, 600)
        assert server.count == 1


def test_pixels_of_a_picture() -> None:
    """A picture has the same pixels from a server as from memory."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    data = picture()
    with CountingServer(data) as server, opened(server) as file:
        assert image.open(file).tobytes() == image.open(io.BytesIO(data)).tobytes()


@pytest.mark.parametrize(("hint", "most"), [("random", 3), ("sequential", 1)])
def test_everything(site: CountingServer, archive: bytes, hint: str, most: int) -> None:
    """All of a document from start to end costs three requests, one if that was said."""
    with opened(site, hint) as file:
        assert file.read() == archive
    assert site.count <= most


@pytest.mark.parametrize("size", [100, 8 * K, 64 * K, 1 * M])
def test_everything_piece_by_piece(site: CountingServer, archive: bytes, size: int) -> None:
    """How large the reads are does not change the number of requests."""
    with opened(site) as file:
        for start in range(0, 5 * M, size):
            assert file.read(size) == archive[start : start + size]
    assert site.count <= 3


def test_everything_as_text() -> None:
    """Text is read in one request."""
    with CountingServer(b"line\n" * 100_000) as server:
        with fildes.open(server.address(), "rt") as file:
            assert sum(1 for _ in file) == 100_000
        assert server.count == 1


def test_everything_backward() -> None:
    """Backward through 16 MiB in 64 KiB steps costs nine requests."""
    data = random.Random(4).randbytes(16 * M)
    with CountingServer(data) as server, opened(server) as file:
        for start in range(len(data) - 64 * K, -1, -64 * K):
            file.seek(start)
            assert file.read(64 * K) == data[start : start + 64 * K]
        assert server.count <= 9


def test_members_of_a_tar() -> None:
    """The list of a tar of large members costs no more than a request for each."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as members:
        for number in range(10):
            header = tarfile.TarInfo(f"member-{number}")
            header.size = 10 * M
            members.addfile(header, io.BytesIO(bytes(10 * M)))
    with CountingServer(file.getvalue()) as server, opened(server) as remote:
        with tarfile.open(fileobj=remote) as members:
            assert len(members.getnames()) == 10
        assert server.count <= 13
