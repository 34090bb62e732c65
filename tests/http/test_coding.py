"""Documents that come compressed, and documents that need not come."""

from __future__ import annotations

import gzip
import resource
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from http_script import answering, document, fields_of, response_of
from peers import StartPeer
from web_servers import DOCUMENTS, nginx

import fildes
from fildes.http.coding import accepted

TEXT = b"all work and no play\n" * 1000
DECODE = {"decode": True}


def brotli(data: bytes) -> bytes:
    compressed: bytes = pytest.importorskip("brotli").compress(data)
    return compressed


def zstd(data: bytes) -> bytes:
    compressed: bytes = pytest.importorskip("backports.zstd").compress(data)
    return compressed


def thrice(data: bytes) -> bytes:
    return gzip.compress(zlib.compress(gzip.compress(data)))


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli,
    "zstd": zstd,
    "identity": bytes,
    "gzip, deflate ,identity, gzip": thrice,
}


@pytest.mark.parametrize("coding", CODINGS)
def test_codings(peer: StartPeer, coding: str) -> None:
    """With decode=True what a server has compressed is read as it was."""
    body = CODINGS[coding](TEXT)
    server = peer(answering(document(body, b"Content-Encoding: %s\r\n" % coding.encode())))
    with fildes.open(server.address("http", "/x"), http=DECODE) as file:
        assert file.read() == TEXT
        assert response_of(file).headers["content-encoding"] == coding
    assert fields_of(server.received)["accept-encoding"] == [accepted()]


def test_uncompressed_document(peer: StartPeer) -> None:
    """A server that does not compress is as good."""
    server = peer(answering(document(TEXT)))
    with fildes.open(server.address("http", "/x"), http=DECODE) as file:
        assert file.read() == TEXT


def test_compressed_nothing(peer: StartPeer) -> None:
    """An empty document is empty, whatever its coding is said to be."""
    server = peer(answering(document(b"", b"Content-Encoding: gzip\r\n")))
    with fildes.open(server.address("http", "/x"), http=DECODE) as file:
        assert file.read() == b""


def test_identity_by_default(peer: StartPeer) -> None:
    """Without the option no coding is offered, and none is taken."""
    server = peer(answering(document(gzip.compress(TEXT), b"Content-Encoding: gzip\r\n")))
    with pytest.raises(OSError, match="only identity was accepted"):
        fildes.open(server.address("http", "/x"))
    assert fields_of(server.received)["accept-encoding"] == ["identity"]


@pytest.mark.parametrize(
    ("coding", "message"),
    [("compress", "not offered"), ("gzip, exi?", "exi"), (", ".join(["gzip"] * 100), "100 times")],
)
def test_codings_that_are_refused(peer: StartPeer, coding: str, message: str) -> None:
    """An unknown coding, or too many of them, is an error before anything is decoded."""
    fields = b"Content-Encoding: %s\r\n" % coding.encode()
    with pytest.raises(OSError, match=message):
        fildes.open(peer(answering(document(b"x", fields))).address("http", "/"), http=DECODE)


@pytest.mark.parametrize("cut", [1, 9, 30])
def test_compressed_document_cut_short(peer: StartPeer, cut: int) -> None:
    """A document whose compressed form is not complete is an error, not an end of file."""
    body = gzip.compress(TEXT)[:-cut]
    server = peer(answering(document(body, b"Content-Encoding: gzip\r\n")))
    with (
        pytest.raises(fildes.IncompleteError),
        fildes.open(server.address("http", "/x"), http=DECODE) as file,
    ):
        file.read()


@pytest.mark.slow
def test_bomb(peer: StartPeer) -> None:
    """A megabyte that is a gigabyte ends at the limit, in little memory."""
    packer = zlib.compressobj(9, wbits=31)
    part = bytes(1 << 20)
    body = b"".join(packer.compress(part) for _ in range(1024)) + packer.flush()
    server = peer(answering(document(body, b"Content-Encoding: gzip\r\n")))
    options = {"decode": True, "max_size": 1 << 26}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    file = fildes.open(server.address("http", "/x"), http=options)
    with pytest.raises(OSError, match="max-size"):
        all(iter(lambda: file.read(65536), b""))
    file.abort()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024  # KiB; getrusage(2)


def test_nginx_compresses(tmp_path: Path, tls_ca: Authority) -> None:
    """What nginx compresses for us is the document."""
    with (
        nginx(tmp_path, tls_ca) as site,
        fildes.open(f"{site.plain}/gzip/large.bin", http=DECODE) as file,
    ):
        assert file.read() == DOCUMENTS["large.bin"]
        assert response_of(file).headers["content-encoding"] == "gzip"


UNCHANGED = b'HTTP/1.1 304 Not Modified\r\nETag: "e"\r\n\r\n'


@pytest.mark.parametrize("option", ["if_none_match", "if_modified_since"])
def test_unchanged_document(peer: StartPeer, option: str) -> None:
    """A document that the caller has already is a NotModifiedError with the headers."""
    server = peer(answering(UNCHANGED))
    options: dict[str, Any] = {option: '"e"'}
    with pytest.raises(fildes.NotModifiedError) as caught:
        fildes.open(server.address("http", "/x"), http=options)
    assert vars(caught.value)["headers"]["etag"] == '"e"'
    assert isinstance(caught.value, FileExistsError)
    assert fields_of(server.received)[option.replace("_", "-")] == ['"e"']


def test_changed_document(peer: StartPeer) -> None:
    """A document that has changed comes as ever."""
    server = peer(answering(document(b"new")))
    with fildes.open(server.address("http", "/x"), http={"if_none_match": '"e"'}) as file:
        assert file.read() == b"new"


def test_conditions_of_nginx(tmp_path: Path, tls_ca: Authority) -> None:
    """What nginx says of a document is what it recognizes."""
    with nginx(tmp_path, tls_ca) as site:
        with fildes.open(f"{site.plain}/small.txt") as file:
            headers = response_of(file).headers
        for option, name in (("if_none_match", "ETag"), ("if_modified_since", "Last-Modified")):
            with pytest.raises(fildes.NotModifiedError):
                fildes.open(f"{site.plain}/small.txt", http={option: headers[name]})
