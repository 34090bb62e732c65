"""gzip, bzip2, xz, zstd and br as layers, read and written."""

from __future__ import annotations

import base64
import errno
import gzip
from pathlib import Path
from typing import Any

import pytest
from compressed import LIBRARIES, Library, every_format
from http_script import CHUNKED_HEAD, answering, chunks, document
from loops import LOOPS, RunLoop
from peers import StartPeer
from pictures import dot
from ways import WAYS, Way

import fildes
from fildes import aio

TEXT = b"".join(b"line %d\n" % number for number in range(3000))


def data(content: bytes) -> str:
    return f"data:;base64,{base64.b64encode(content).decode()}"


@every_format
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_to_read(peer: StartPeer, library: Library, way: Way) -> None:
    """A compressed document is read like any other, in every way."""
    server = peer(answering(document(library.compress(TEXT))))
    got = bytearray()
    with fildes.open(f"{library.name}::{server.address('http', '/x')}") as file:
        way(file, got)
    assert got == TEXT


@every_format
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_truncated_data_is_an_error_in_every_way(library: Library, way: Way) -> None:
    """Compressed data without its end is an error, whoever reads it."""
    short = library.compress(TEXT)[:-1]
    got = bytearray()
    with pytest.raises(OSError), fildes.open(f"{library.name}::{data(short)}") as file:
        way(file, got)
    assert TEXT.startswith(got)


@every_format
def test_carrier_must_end_cleanly_too(peer: StartPeer, library: Library) -> None:
    """All members may be there: if the carrier then breaks off, more may have been coming."""
    server = peer(answering(CHUNKED_HEAD + chunks(library.compress(TEXT))))
    with (
        pytest.raises(fildes.IncompleteError),
        fildes.open(f"{library.name}::{server.address('http', '/x')}") as file,
    ):
        file.read()


@every_format
def test_text_and_lines(library: Library) -> None:
    """Text modes work on what is decompressed."""
    with fildes.open(f"{library.name}::{data(library.compress(TEXT))}", "rt") as file:
        assert file.readline() == "line 0\n"
        assert list(file)[-1] == "line 2999\n"


@every_format
@pytest.mark.parametrize("loop", LOOPS)
def test_asynchronous(loop: RunLoop, library: Library, tmp_path: Path) -> None:
    """The asynchronous face compresses and decompresses the same."""
    place = f"{library.name}::{tmp_path}/x"

    async def there_and_back() -> bytes:
        async with aio.open(place, "wb") as file:
            await file.write(TEXT)
        async with aio.open(place) as file:
            got: bytes = await file.read()
        return got

    assert loop(there_and_back()) == TEXT


def test_layers_nest() -> None:
    """Layers stand on layers, up to as many as an address has."""
    content, address = TEXT, ""
    for library in (LIBRARIES * 3)[:14]:
        content, address = library.compress(content), f"{address}{library.name}::"
    with fildes.open(f"{address}{data(content)}") as file:
        assert file.read() == TEXT
    with pytest.raises(fildes.AddressError, match="at most 16 layers"):
        fildes.open("gzip::" * 16 + "data:,x")


def test_picture_in_a_compressed_page(peer: StartPeer) -> None:
    """A picture is found in what is decompressed."""
    server = peer(answering(document(gzip.compress(b"<html>" + dot()))))
    with fildes.open(f"png::gzip::{server.address('http', '/page')}") as file:
        assert file.read() == dot()


@every_format
def test_other_data_is_an_error_of_open(library: Library) -> None:
    """What is not of the format at all is found out when it is opened."""
    with pytest.raises(fildes.ProtocolError, match=library.name) as caught:
        fildes.open(f"{library.name}::{data(b'<html>' * 9)}").close()
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "decode"


@every_format
def test_empty_file_is_no_compressed_file(library: Library) -> None:
    """A compressed nothing has bytes; without any, something was lost."""
    with pytest.raises(fildes.IncompleteError):
        fildes.open(f"{library.name}::data:,")


def test_size_limit(tmp_path: Path) -> None:
    """The limit on the size stands in the address or is given to open."""
    bomb = data(gzip.compress(bytes(1_000_000)))
    options: list[tuple[str, dict[str, Any]]] = [
        (f"gzip:?max-size=1000::{bomb}", {}),
        (f"gzip::{bomb}", {"gzip": {"max-size": 1000}}),
    ]
    for address, given in options:
        with pytest.raises(OSError, match="max-size=1000") as caught:
            fildes.verbs.open(address, **given)
        assert caught.value.errno == errno.EFBIG


def test_word_and_level_are_checked() -> None:
    """A name, or a level that there is not, is an error of the address."""
    for address in ("gzip://name::data:,x", "gzip:?level=10::data:,x", "br:?level=-1::data:,x"):
        with pytest.raises(fildes.AddressError):
            fildes.open(address)


@every_format
def test_untrusted_addresses_may_decompress(library: Library) -> None:
    """A decompressor reaches nothing by itself, so that strangers may use it."""
    content = data(library.compress(TEXT))
    address = f"{library.name}:?max-size=1000000::{content}"
    with fildes.open(address, policy=fildes.Policy.untrusted()) as file:
        assert file.read() == TEXT


@pytest.mark.parametrize(
    ("suffix", "name"),
    [("gz", "gzip"), ("bz2", "bzip2"), ("xz", "xz"), ("zst", "zstd"), ("br", "br"), ("GZ", "gzip")],
)
def test_compression_is_inferred_from_the_name(tmp_path: Path, suffix: str, name: str) -> None:
    """With compression="infer" the suffix names the layer, for writing and reading."""
    library = next(each for each in LIBRARIES if each.name == name)
    place = tmp_path / f"notes.{suffix}"
    with fildes.open(place, "wb", compression="infer") as file:
        file.write(TEXT)
    assert library.decompress(place.read_bytes()) == TEXT
    with fildes.open(place, compression="infer") as file:
        assert file.read() == TEXT
        assert file.address == f"{name}::file://{place}"
    with fildes.open(place) as file:
        assert file.read() == place.read_bytes()


def test_other_names_infer_nothing(tmp_path: Path) -> None:
    """A name without such a suffix, or none at all, means the bytes as they are."""
    for name in ("notes.txt", "gz", "notes.gz.txt"):
        (tmp_path / name).write_bytes(b"x")
        with fildes.open(tmp_path / name, compression="infer") as file:
            assert file.read() == b"x"
    with fildes.open("data:,a.gz", compression="infer") as file:
        assert file.read() == b"a.gz"


def test_name_must_tell_the_truth(tmp_path: Path) -> None:
    """What is not compressed as its name says is an error."""
    (tmp_path / "x.gz").write_bytes(b"plain text")
    with pytest.raises(fildes.ProtocolError, match="no gzip data"):
        fildes.open(tmp_path / "x.gz", compression="infer")


def test_compression_is_infer_or_a_layer() -> None:
    """Another value of compression is an error that says what to write."""
    with pytest.raises(ValueError, match="gzip::ADDRESS"):
        fildes.verbs.open("data:,x", compression="gzip")
