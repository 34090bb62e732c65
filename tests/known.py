"""A small document that an Opener knows: one that came whole, and can be asked for again."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from counting import Asked, CountingServer, answer

import fildes
from fildes.wire.http1_body import LAST_CHUNK, encode_chunk

DATA = b"a small document\n" * 60


@pytest.fixture
def site() -> Iterator[CountingServer]:
    """A server of the small document."""
    with CountingServer(DATA) as server:
        yield server


@pytest.fixture
def opener() -> Iterator[fildes.Opener]:
    """An Opener that knows nothing yet."""
    with fildes.Opener() as opener:
        yield opener


def read(opener: fildes.Opener, address: str, **how: Any) -> bytes:
    with opener.open(address, **how) as file:
        data: bytes = file.read()
    return data


def known(opener: fildes.Opener, site: CountingServer) -> str:
    """Open the document as often as it takes to be known; return its address."""
    address = site.address()
    for _ in range(2):
        assert read(opener, address) == DATA
    assert opener.sites[address.rpartition("/")[0]].shapes
    return address


def of_its_own(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    """Answer with a document that tells its target, of its own size and version."""
    data = asked.target.encode()
    where = f"bytes 0-{len(data) - 1}/{len(data)}"
    return answer("206 Partial Content", data, Content_Range=where, ETag=f'"{len(data)}"'), False


def whole_of_its_own(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    """Answer as `of_its_own`, by a server without ranges."""
    data = asked.target.encode()
    return answer("200 OK", data, ETag=f'"{len(data)}"'), False


def in_chunks(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    """Answer with the whole document in two chunks."""
    head = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: "v1"\r\n\r\n'
    half = len(server.data) // 2
    chunks = encode_chunk(server.data[:half]) + encode_chunk(server.data[half:])
    return head + chunks + LAST_CHUNK, False


#: What each file has for itself.
OF_THIS_FILE = {"made", "origin", "description", "raw", "source", "buffer_size", "elsewhere"}
OF_THIS_FILE |= {"face", "here", "driver", "ahead", "chunk", "unread", "read_so_far"}

#: What says something only if it is called.
ASKED = {"readable", "writable", "seekable", "isatty", "peek"}


def public(file: Any) -> dict[str, object]:
    """Return all that a file says without being read."""
    said = {}
    for name in dir(file):
        if name.startswith("_") or name in OF_THIS_FILE:
            continue
        value: Any = getattr(file, name, None)
        if name in ASKED and not inspect.iscoroutinefunction(value):
            said[name] = value()
        elif name == "trace":
            said[name] = [(step.name, step.detail, step.error) for step in value]
        elif name == "response":
            said[name] = (value, value.headers.fields, value.summary)
        elif not callable(value):
            said[name] = value
    return {**said, "repr": repr(file)}
