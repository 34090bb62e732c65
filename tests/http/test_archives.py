"""Members of archives on web servers, in few requests."""

from __future__ import annotations

import errno
import io
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import RunMain
from commands import fildes as command
from counting import CountingServer
from http_script import answering, document, response_of
from peers import StartPeer

import fildes

__all__ = ["command"]

NOISE = random.Random(3).randbytes(300_000)
NAMES = [f"folder/{number:03}" for number in range(300)]


@pytest.fixture(scope="module")
def archive() -> bytes:
    """Return a zip of 300 members of 30 kB, which cannot be made smaller."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as members:
        for number, name in enumerate(NAMES):
            members.writestr(name, NOISE[number * 900 : number * 900 + 30_000])
    return file.getvalue()


@pytest.fixture
def site(archive: bytes) -> Iterator[CountingServer]:
    with CountingServer(archive) as server:
        yield server


def test_member_of_a_zip(site: CountingServer) -> None:
    """One member costs one request for the end of the archive and one for its data."""
    with fildes.open(f"zip:folder/100::{site.address()}") as file:
        assert file.read() == NOISE[90_000:120_000]
    assert site.count <= 2


def zipped(name: str, data: bytes) -> bytes:
    """Return an archive of one member, not compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        members.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize("size", [10, 300_000])
@pytest.mark.parametrize("depth", [1, 2])
def test_member_has_the_response(size: int, depth: int) -> None:
    """A member tells what the server said of its archive, small or large, nested or not."""
    data = NOISE[:size]
    for _ in range(depth):
        data = zipped("m", data)
    with CountingServer(data) as server:
        address = "zip:m::" * depth + server.address()
        with fildes.open(address) as file:
            assert response_of(file).headers["ETag"] == server.etag
            assert response_of(file).address == server.address()
            assert file.read() == NOISE[:size]


def test_list_of_a_zip(site: CountingServer) -> None:
    """The list of an archive costs one request."""
    assert [entry.name for entry in fildes.ls(f"zip::{site.address()}")] == NAMES
    assert site.count == 1


def test_layers_on_a_member(site: CountingServer) -> None:
    """What stands on a member of a remote archive reads it like any other bytes."""
    with (
        pytest.raises(FileNotFoundError, match="no PNG file in 30000 bytes"),
        fildes.open(f"png::zip:folder/100::{site.address()}"),
    ):
        pass
    assert site.count <= 2


def test_members_in_the_shell(command: RunMain, site: CountingServer, tmp_path: Path) -> None:
    """The command lists and reads members with as few requests."""
    assert command("ls", f"zip::{site.address()}").out.split() == NAMES
    assert site.count == 1
    place = tmp_path / "member"
    assert command("get", "-o", str(place), f"zip:folder/100::{site.address()}") == (0, "", "")
    assert place.read_bytes() == NOISE[90_000:120_000]
    assert site.count <= 3


def test_server_without_ranges(peer: StartPeer, archive: bytes) -> None:
    """Where a server has no parts of documents, the error says what to do."""
    server = peer(answering(document(archive[-90_000:])))
    with pytest.raises(OSError, match="save it first, with fildes get") as caught:
        fildes.open(f"zip:folder/100::{server.address('http', '/x.zip')}")
    assert caught.value.errno == errno.ESPIPE
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (failure.step, failure.address) == ("decode", caught.value.filename)
