"""png: the picture inside whatever comes, exactly and verified."""

from __future__ import annotations

import base64
import errno
from pathlib import Path

import pytest
from http_script import CHUNKED_HEAD, answering, chunks, document, response_of
from peers import StartPeer
from pictures import chunk, dot, header, pillow
from ways import WAYS, Way

import fildes
from fildes.wire.png import SIGNATURE

FIRST, SECOND = dot(), dot(chunk(b"tEXt", b"Title\0second"))
PAGE = b"<html>" + FIRST + b"<p>" + SECOND + b"</html>"

every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def data(content: bytes) -> str:
    return f"data:;base64,{base64.b64encode(content).decode()}"


@every_way
@pytest.mark.parametrize(
    ("address", "picture"), [("png", FIRST), ("png://0", FIRST), ("png://1", SECOND)]
)
def test_picture_is_cut_out(peer: StartPeer, address: str, picture: bytes, way: Way) -> None:
    """The picture of that number comes, from its signature to its end, and nothing else."""
    server = peer(answering(document(PAGE)))
    got = bytearray()
    with fildes.open(f"{address}::{server.address('http', '/')}") as file:
        way(file, got)
    assert got == picture


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_pictures_of_pillow(tmp_path: Path, mode: str) -> None:
    """What Pillow writes is found in a file, of any kind and size."""
    picture = pillow(mode, 200)
    (tmp_path / "page").write_bytes(b"junk" * 30000 + picture + b"junk")
    with fildes.open(f"png::{tmp_path}/page") as file:
        assert file.read() == picture


def test_picture_written_in_base64(peer: StartPeer) -> None:
    """A picture in a data: address in a page is found and decoded."""
    page = b"<img src='data:image/png;base64," + base64.b64encode(FIRST) + b"'>"
    with fildes.open(f"png::{data(page)}") as file:
        assert file.read() == FIRST


def test_picture_is_described() -> None:
    """The step of the open tells size and kind of the picture."""
    picture = SIGNATURE + header(width=640, height=480, tail=b"\x08\2\0\0\0")
    with fildes.open(f"png::{data(picture)}") as file:
        assert (file.trace[-1].name, file.trace[-1].detail) == ("decode", "png 640x480 RGB")


@pytest.mark.parametrize("content", [b"", b"junk", SIGNATURE, PAGE[:-20]])
def test_no_picture_is_an_error_of_open(content: bytes) -> None:
    """Where there is no such picture, opening says how much was seen."""
    with pytest.raises(OSError, match=r"PNG file") as caught:
        fildes.open(f"png://2::{data(content + b' ')}")
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "decode"


def test_missing_picture_is_counted() -> None:
    """The error of a missing picture tells how many bytes and pictures went by."""
    with pytest.raises(FileNotFoundError, match=f"in {len(PAGE)} bytes; 2 in all") as caught:
        fildes.open(f"png://2::{data(PAGE)}")
    assert caught.value.errno == errno.ENOENT


@every_way
def test_truncated_picture_is_an_error(way: Way) -> None:
    """A picture that ends before its end is an error in every way of reading."""
    got = bytearray()

    def read() -> None:
        with fildes.open(f"png::{data(SECOND[:-1])}") as file:
            way(file, got)

    with pytest.raises(OSError):
        read()
    assert SECOND.startswith(got)


def test_picture_truncated_at_every_byte() -> None:
    """Wherever a picture is cut, neither opening nor reading takes it for whole."""
    for size in range(len(FIRST)):
        with pytest.raises(OSError), fildes.open(f"png::{data(FIRST[:size])}") as file:
            file.read()


def test_error_of_a_truncated_picture_is_told_again() -> None:
    """Once a picture was cut short, no later read passes for its end."""
    with fildes.open(f"png::{data(FIRST[:-1])}", buffering=0) as file:
        for _ in range(3):
            with pytest.raises(fildes.IncompleteError):
                file.readall()


def test_corrupt_picture_is_an_error() -> None:
    """A flipped bit is found, and the chunk named that it is in."""
    corrupt = bytearray(SECOND)
    corrupt[SECOND.index(b"second")] ^= 1
    bad = pytest.raises(fildes.ProtocolError, match="tEXt")
    with bad, fildes.open(f"png::{data(bytes(corrupt))}") as file:
        file.read()


def test_document_that_is_cut_cuts_the_picture(peer: StartPeer) -> None:
    """A picture whose carrier breaks off is broken off."""
    server = peer(answering(CHUNKED_HEAD + chunks(PAGE[:60])))
    address = f"png::{server.address('http', '/')}"
    with pytest.raises(fildes.IncompleteError), fildes.open(address) as file:
        file.read()


def test_what_comes_after_does_not_matter(peer: StartPeer) -> None:
    """A picture that is complete is complete, though its page breaks off."""
    server = peer(answering(CHUNKED_HEAD + chunks(PAGE)))
    with fildes.open(f"png::{server.address('http', '/')}") as file:
        assert file.read() == FIRST
        assert response_of(file).status == 200


@pytest.mark.parametrize("word", ["x", "-1", "1.5", "1e3", "²", "9" * 10])
def test_number_is_a_number(word: str) -> None:
    """What is no number of a picture is no address."""
    with pytest.raises(fildes.AddressError):
        fildes.open(f"png://{word}::data:,x")


def test_carrier_fails_as_itself() -> None:
    """An error below is the one that is raised."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fildes.open("png::/nowhere/at/all")
