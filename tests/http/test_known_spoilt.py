"""Answers of a known site that are spoilt: read as where nothing is known of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from counting import Asked, CountingServer, Reply, ranged, whole
from known import DATA, in_chunks, public, read

import fildes
from fildes import aio

#: What is done to a sound answer: put in instead of what, or behind it.
SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "as it was": lambda sent: sent,
    "other reason": lambda sent: sent.replace(b"Partial Content", b"Some"),
    "no reason": lambda sent: sent.replace(b" Partial Content", b""),
    "whole": lambda sent: sent.replace(b"206 Partial Content", b"200 OK"),
    "old": lambda sent: sent.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "new": lambda sent: sent.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "gone": lambda sent: sent.replace(b"206 Partial Content", b"410 Gone"),
    "moved": lambda sent: sent.replace(b"206 Partial Content", b"302 Found"),
    "interim": lambda sent: b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + sent,
    "interim with a body": lambda sent: b"HTTP/1.1 103\r\nContent-Length: 1\r\n\r\n" + sent,
    "more fields": lambda sent: sent.replace(b"ETag:", b"Age: 1\r\nETag:"),
    "one field less": lambda sent: sent.replace(b'ETag: "v1"\r\n', b""),
    "field twice": lambda sent: sent.replace(b"ETag:", b"ETag: a\r\nETag:"),
    "bare LF": lambda sent: sent.replace(b'"v1"\r\n', b'"v1"\n'),
    "bare CR": lambda sent: sent.replace(b'"v1"', b'"v\r1"'),
    "folded": lambda sent: sent.replace(b'"v1"', b'"v1\r\n "'),
    "NUL": lambda sent: sent.replace(b'"v1"', b'"v\0"'),
    "blank before colon": lambda sent: sent.replace(b"ETag:", b"ETag :"),
    "no colon": lambda sent: sent.replace(b"ETag:", b"ETag"),
    "Latin-1": lambda sent: sent.replace(b'"v1"', b'"\xe9"'),
    "tab": lambda sent: sent.replace(b'"v1"', b'\t"v1"\t'),
    "two lengths": lambda sent: sent.replace(b"ETag: ", b"Content-Length: 1020\r\nETag: "),
    "other length": lambda sent: sent.replace(b"Length: 1020", b"Length: 1019"),
    "length with a sign": lambda sent: sent.replace(b"Length: 1020", b"Length: +1020"),
    "length with zeros": lambda sent: sent.replace(b"Length: 1020", b"Length: 01020"),
    "length of many digits": lambda sent: sent.replace(b"Length: ", b"Length: " + b"0" * 18),
    "length in blanks": lambda sent: sent.replace(b"Length: 1020", b"Length:  1020 "),
    "chunked": lambda sent: sent.replace(b"ETag: ", b"Transfer-Encoding: chunked\r\nETag: "),
    "chunked instead": lambda sent: sent.replace(b"Content-Length: 1020", b"Transfer-Encoding: a"),
    "coded": lambda sent: sent.replace(b"ETag: ", b"Content-Encoding: gzip\r\nETag: "),
    "identity": lambda sent: sent.replace(b"ETag: ", b"Content-Encoding: identity\r\nETag: "),
    "the last": lambda sent: sent.replace(b"ETag: ", b"Connection: close\r\nETag: "),
    "no range": lambda sent: sent.replace(b"Content-Range", b"Content-Rage"),
    "two ranges": lambda sent: sent.replace(b"ETag: ", b"Content-Range: bytes 0-0/1\r\nETag: "),
    "other range": lambda sent: sent.replace(b"bytes 0-", b"bytes 1-"),
    "larger": lambda sent: sent.replace(b"/1020", b"/1021"),
    "smaller": lambda sent: sent.replace(b"/1020", b"/1019"),
    "unknown": lambda sent: sent.replace(b"/1020", b"/*"),
    "other unit": lambda sent: sent.replace(b"bytes 0-", b"lines 0-"),
    "unit in capitals": lambda sent: sent.replace(b"bytes 0-", b"BYTES 0-"),
    "more behind": lambda sent: sent + b"HTTP/1.1 200 OK\r\n\r\n",
    "less": lambda sent: sent[:-1],
    "no body": lambda sent: sent[:-1020],
    "half a head": lambda sent: sent[:40],
    "chunked by another name": lambda sent: sent.replace(b"chunked", b"CHUNKED"),
    "chunks of HTTP/1.0": lambda sent: sent.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a chunk too short": lambda sent: sent.replace(b"\r\n1fe\r\n", b"\r\n1fd\r\n"),
    "a chunk too long": lambda sent: sent.replace(b"\r\n1fe\r\n", b"\r\n1ff\r\n"),
    "an extension": lambda sent: sent.replace(b"\r\n1fe\r\n", b"\r\n01FE;a=b\r\n"),
    "trailers": lambda sent: sent.replace(b"\r\n0\r\n", b"\r\n0\r\nExpires: never\r\n"),
    "no last chunk": lambda sent: sent.removesuffix(b"0\r\n\r\n"),
    "no end": lambda sent: sent.removesuffix(b"\r\n"),
    "SSH": lambda sent: b"SSH-2.0-\r\n" + sent,
    "nothing": lambda sent: b"",
}


every_answer = pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
every_server = pytest.mark.parametrize("sound", [ranged, whole, in_chunks])


def spoilt(site: CountingServer, sound: Reply, spoil: Callable[[bytes], bytes]) -> str:
    """Let *site* answer so once on each connection, and end that; return an address."""
    assert len(DATA) == 1020

    def reply(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        return spoil(sound(server, asked)[0]), True

    site.reply = reply
    return site.address("/spoilt")


@every_server
@every_answer
def test_spoilt_answers(
    site: CountingServer, spoil: Callable[[bytes], bytes], sound: Reply
) -> None:
    """An answer means what it means where nothing is known, or is the same error."""
    with fildes.Opener(http={"resume": False}) as opener:
        site.reply = sound
        for _ in range(2):
            assert read(opener, site.address()) == DATA
        address = spoilt(site, sound, spoil)
        quick = outcome(opener, address)
        with fildes.Opener(http={"resume": False}) as other:
            assert quick == outcome(other, address)


def outcome(opener: fildes.Opener, address: str) -> object:
    """Return what comes of reading the document at *address*, and what it says of itself."""
    try:
        with opener.open(address) as file:
            return file.read(), said_by(file)
    except OSError as error:
        return type(error), error.errno, str(error), getattr(error, "__notes__", None)


@every_server
@every_answer
def test_spoilt_answers_in_tasks(
    site: CountingServer, spoil: Callable[[bytes], bytes], sound: Reply
) -> None:
    """The same, in an event loop."""
    site.reply = sound

    async def work() -> None:
        async with aio.Opener(http={"resume": False}) as opener:
            for _ in range(2):
                async with opener.open(site.address()) as file:
                    assert await file.read() == DATA
            address = spoilt(site, sound, spoil)
            quick = await outcome_in_tasks(opener, address)
            async with aio.Opener(http={"resume": False}) as other:
                assert quick == await outcome_in_tasks(other, address)

    asyncio.run(work())


async def outcome_in_tasks(opener: aio.Opener, address: str) -> object:
    """Return what `outcome` does."""
    try:
        async with opener.open(address) as file:
            return await file.read(), said_by(file)
    except OSError as error:
        return type(error), error.errno, str(error), getattr(error, "__notes__", None)


def said_by(file: object) -> dict[str, object]:
    """Return what *file* says, but for what is of its connection."""
    said = public(file)
    del said["trace"], said["local"]
    return said
