"""Answers to ranges that are odd, wrong, or of another version of the document."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from counting import Asked, CountingServer, Reply, answer, bounds, ranged, whole

import fildes

DATA = bytes(number * 7 % 256 for number in range(1 << 20))
FAR = 900_000

Sent = tuple[bytes, bool]


def opened(server: CountingServer, **http: Any) -> fildes.BufferedFile:
    return fildes.open(server.address(), http=http)


def later(reply: Reply) -> Reply:
    """Return the reply that does it right once, and then as *reply*."""
    return lambda server, asked: (ranged if server.count == 1 else reply)(server, asked)


def read_far(reply: Reply) -> bytes:
    """Return bytes read far from the beginning of a document; the second request on is *reply*."""
    with CountingServer(DATA, later(reply)) as server, opened(server) as file:
        file.seek(FAR)
        return file.read(1000)


def part(
    server: CountingServer, start: int, stop: int, total: int | str | None = None, **fields: str
) -> bytes:
    size = len(server.data) if total is None else total
    said = {"Content_Range": f"bytes {start}-{stop - 1}/{size}", "ETag": server.etag, **fields}
    return answer("206 Partial Content", server.data[start:stop], **said)


def early(server: CountingServer, asked: Asked) -> Sent:
    start, stop = bounds(server, asked)
    return part(server, max(0, start - 777), stop), False


def short(server: CountingServer, asked: Asked) -> Sent:
    start, stop = bounds(server, asked)
    return part(server, start, min(stop, start + 301)), False


def long(server: CountingServer, asked: Asked) -> Sent:
    start, stop = bounds(server, asked)
    return part(server, start, min(len(server.data), stop + 5000)), False


def in_chunks(server: CountingServer, asked: Asked) -> Sent:
    start, stop = bounds(server, asked)
    head = part(server, start, stop).split(b"\r\n\r\n")[0]
    head = head.replace(b"Content-Length: %d" % (stop - start), b"Transfer-Encoding: chunked")
    body = server.data[start:stop]
    return head + b"\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), False


HONEST = {"early": early, "short": short, "longer than asked": long, "chunked": in_chunks}


@pytest.mark.parametrize("reply", HONEST.values(), ids=HONEST)
def test_odd_ranges_are_right(reply: Reply) -> None:
    """An answer that says honestly to be another part than the one asked for is used."""
    assert read_far(reply) == DATA[FAR : FAR + 1000]
    with CountingServer(DATA, reply) as server, opened(server) as file:
        assert file.read() == DATA


def elsewhere(server: CountingServer, asked: Asked) -> Sent:
    start, stop = bounds(server, asked)
    return part(server, start + 500, stop + 500), False


def nowhere(server: CountingServer, asked: Asked) -> Sent:
    start, stop = bounds(server, asked)
    return answer("206 Partial Content", server.data[start:stop]), False


def shorter_than_said(server: CountingServer, asked: Asked) -> Sent:
    start, stop = bounds(server, asked)
    where = f"bytes {start}-{stop - 1}/{len(server.data)}"
    return answer("206 Partial Content", server.data[start : stop - 9], Content_Range=where), False


def longer_than_said(server: CountingServer, asked: Asked) -> Sent:
    start, stop = bounds(server, asked)
    where = f"bytes {start}-{stop - 9}/{len(server.data)}"
    return answer("206 Partial Content", server.data[start:stop], Content_Range=where), False


def chunks_shorter_than_said(server: CountingServer, asked: Asked) -> Sent:
    reply, closing = in_chunks(server, asked)
    head, _, _ = reply.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n", closing


def whole_instead(server: CountingServer, asked: Asked) -> Sent:
    return whole(server, asked)


def compressed(server: CountingServer, asked: Asked) -> Sent:
    start, stop = bounds(server, asked)
    return part(server, start, stop, Content_Encoding="gzip"), False


LYING = {
    "another start (H40)": elsewhere,
    "no Content-Range": nowhere,
    "shorter (H41)": shorter_than_said,
    "longer (H41)": longer_than_said,
    "shorter in chunks (H41)": chunks_shorter_than_said,
    "whole document (H42)": whole_instead,
    "encoded": compressed,
}


@pytest.mark.parametrize("reply", LYING.values(), ids=LYING)
def test_wrong_range_is_an_error(reply: Reply) -> None:
    """An answer that is not the part asked for is never taken for it."""
    with pytest.raises(fildes.ProtocolError) as caught:
        read_far(reply)
    failure = fildes.failure_of(caught.value)
    assert failure is not None


def new_tag(server: CountingServer, asked: Asked) -> Sent:
    server.etag = '"v2"'
    return ranged(server, asked)


def new_tag_and_no_ranges(server: CountingServer, asked: Asked) -> Sent:
    server.etag = '"v2"'
    return whole(server, asked)


def new_total(server: CountingServer, asked: Asked) -> Sent:
    start, stop = bounds(server, asked)
    return part(server, start, stop, len(server.data) + 1), False


def shrunk(server: CountingServer, asked: Asked) -> Sent:
    return answer("416 Range Not Satisfiable", Content_Range="bytes */5"), False


CHANGED = {
    "ETag (H44)": new_tag,
    "ETag of the whole (H44)": new_tag_and_no_ranges,
    "total (H45)": new_total,
    "total in a refusal": shrunk,
}


@pytest.mark.parametrize("reply", CHANGED.values(), ids=CHANGED)
def test_changed_document_is_stale(reply: Reply) -> None:
    """Bytes of another version are never mixed in: the read fails with ESTALE."""
    with pytest.raises(OSError, match="open it again") as caught:
        read_far(reply)
    assert caught.value.errno == errno.ESTALE


def test_modification_time_tells_versions_apart() -> None:
    """Without strong tags the time of the last modification has to stay; a weak tag need not."""

    def reply(server: CountingServer, asked: Asked) -> Sent:
        start, stop = bounds(server, asked)
        tag = f'W/"{server.count}"'
        return part(server, start, stop, ETag=tag, Last_Modified=server.etag), False

    with CountingServer(DATA * 4, reply) as server, opened(server) as file:
        assert file.pread(5, FAR) == DATA[FAR : FAR + 5]
        server.etag = "later"
        with pytest.raises(OSError, match="changed") as caught:
            file.pread(5, 3_000_000)
        assert caught.value.errno == errno.ESTALE
        assert file.pread(5, FAR) == DATA[FAR : FAR + 5]


def test_refused_range_inside() -> None:
    """A refusal of a range inside a document of known size is an error, no end (H46)."""
    size = f"bytes */{len(DATA)}"
    refusal = answer("416 Range Not Satisfiable", Content_Range=size)
    with pytest.raises(OSError, match="416") as caught:
        read_far(lambda server, asked: (refusal, False))
    assert caught.value.errno == errno.EIO
