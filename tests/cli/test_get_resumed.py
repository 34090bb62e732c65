"""`fildes get -c`: a download that was cut goes on, and never into another version."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from commands import RunMain, fildes
from counting import Asked, CountingServer, answer, whole
from downloads import CUT, DATA, OTHER, PART, RECORD, CutFirst, Sent, folder, no_delay, part

__all__ = ["fildes", "folder", "no_delay"]

pytestmark = pytest.mark.usefixtures("folder", "no_delay")


def begin(fildes: RunMain, server: CountingServer, *argv: str) -> None:
    """Receive the beginning of the document; after that the server answers."""
    done = fildes("get", "-c", *argv, server.address())
    assert done.status == 18
    assert sorted(os.listdir()) == [PART, RECORD]
    assert Path(PART).read_bytes() == server.data[:CUT]
    assert isinstance(server.reply, CutFirst)
    server.reply.on = True
    server.asked.clear()


@pytest.mark.parametrize("validator", ['"v1"', "Wed, 25 Nov 2026 10:00:00 GMT"])
def test_download_goes_on(fildes: RunMain, validator: str) -> None:
    """What was cut goes on with the next byte, and is then complete and alone."""
    with CountingServer(DATA, CutFirst(), etag=validator) as server:
        begin(fildes, server)
        assert fildes("get", "-c", server.address()) == (0, "", "")
        assert [(each.start, each.stop) for each in server.asked] == [(CUT, len(DATA))]
    assert os.listdir() == ["document"]
    assert Path("document").read_bytes() == DATA


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"v1"', '"v2"'),
        ("Wed, 25 Nov 2026 10:00:00 GMT", "Wed, 25 Nov 2026 10:00:01 GMT"),
        ('W/"v1"', 'W/"v1"'),
        ("", ""),
    ],
)
def test_another_version_starts_again(fildes: RunMain, before: str, after: str) -> None:
    """Another validator, or none that is sure, and nothing of what is there is used."""
    with CountingServer(DATA, CutFirst(), etag=before) as server:
        begin(fildes, server)
        server.data, server.etag = OTHER, after
        done = fildes("get", "-c", server.address())
    assert done == (0, "", "fildes: document cannot be continued; starting again\n")
    assert os.listdir() == ["document"]
    assert Path("document").read_bytes() == OTHER


def test_another_size_starts_again(fildes: RunMain) -> None:
    """A strong tag that stays while the size changes is not believed."""
    with CountingServer(DATA, CutFirst()) as server:
        begin(fildes, server)
        server.data = OTHER[:-1]
        assert fildes("get", "-c", server.address()).status == 0
    assert Path("document").read_bytes() == OTHER[:-1]


def test_server_without_ranges_starts_again(fildes: RunMain) -> None:
    """The whole document that comes instead is not appended."""
    with CountingServer(DATA, CutFirst(whole)) as server:
        begin(fildes, server)
        done = fildes("get", "-c", server.address())
    assert done == (0, "", "fildes: document cannot be continued; starting again\n")
    assert Path("document").read_bytes() == DATA


def test_cut_is_the_failure(fildes: RunMain) -> None:
    """Where the server gives no parts, what is told is that the body was cut."""

    def cut(server: CountingServer, asked: Asked) -> Sent:
        return whole(server, asked)[0][:-1], True

    with CountingServer(DATA, cut) as server:
        done = fildes("get", "-c", server.address())
    assert done.status == 18
    assert "ended after 299999 of 300000 bytes" in done.err


def test_another_address_starts_again(fildes: RunMain) -> None:
    """A part of one document is not the beginning of another, whatever its tag."""
    with CountingServer(DATA, CutFirst()) as server:
        begin(fildes, server)
        server.data = OTHER
        other = server.address("/other/document")
        assert fildes("get", "-c", other).status == 0
    assert Path("document").read_bytes() == OTHER


@pytest.mark.parametrize(
    "spoil",
    [
        lambda: Path(RECORD).unlink(),
        lambda: Path(RECORD).write_text("{}"),
        lambda: Path(RECORD).write_text("[1, 2"),
        lambda: Path(RECORD).write_text(Path(RECORD).read_text().replace(str(CUT), "-1")),
        lambda: os.truncate(PART, CUT - 1),
    ],
)
def test_part_without_its_record_is_not_believed(fildes: RunMain, spoil: Any) -> None:
    """Without a record that fits, or shorter than that says, a part is of no use."""
    with CountingServer(DATA, CutFirst()) as server:
        begin(fildes, server)
        spoil()
        assert fildes("get", "-c", server.address()) == (0, "", "")
    assert os.listdir() == ["document"]
    assert Path("document").read_bytes() == DATA


def test_more_than_the_record_says(fildes: RunMain) -> None:
    """Bytes that came after the last record, before a SIGKILL say, are received again."""
    with CountingServer(DATA, CutFirst()) as server:
        begin(fildes, server)
        with open(PART, "ab") as file:
            file.write(b"no matter what" * 30_000)
        assert fildes("get", "-c", server.address()).status == 0
    assert Path("document").read_bytes() == DATA


def test_complete_part_needs_no_request(fildes: RunMain) -> None:
    """A part that lacks nothing only gets its name."""
    with CountingServer(DATA, CutFirst()) as server:
        begin(fildes, server)
        Path(PART).write_bytes(DATA)
        known = json.loads(Path(RECORD).read_text())
        Path(RECORD).write_text(json.dumps({**known, "missing": []}))
        server.asked.clear()
        assert fildes("get", "-c", server.address()) == (0, "", "")
        assert server.count == 0
    assert Path("document").read_bytes() == DATA


def test_digest_is_that_of_the_whole(fildes: RunMain) -> None:
    """Also what was there before counts; and what has another digest is not kept at all."""
    digest = hashlib.sha256(DATA).hexdigest()
    with CountingServer(DATA, CutFirst()) as server:
        begin(fildes, server)
        with open(PART, "r+b") as file:
            file.write(b"spoilt")
        done = fildes("get", "-c", "--sha256", digest, server.address())
        assert done.status == 8
        assert "its sha256 is" in done.err
        assert os.listdir() == []
        assert fildes("get", "-c", "--sha256", digest, server.address()).status == 0
    assert Path("document").read_bytes() == DATA


def test_cut_again_and_again(fildes: RunMain) -> None:
    """In one run, a connection that brings something is followed by the next."""

    def crumbs(server: CountingServer, asked: Asked) -> Sent:
        head, _, body = part(server, asked)[0].partition(b"\r\n\r\n")
        return head + b"\r\n\r\n" + body[:70_000], True

    with CountingServer(DATA, crumbs) as server:
        assert fildes("get", "-c", server.address()) == (0, "", "")
        assert [each.start for each in server.asked] == [None, 70_000, 140_000, 210_000, 280_000]
    assert Path("document").read_bytes() == DATA


def test_changed_in_between(fildes: RunMain) -> None:
    """If it changes while it is received, that is the error, and the next run starts again."""

    def changing(server: CountingServer, asked: Asked) -> Sent:
        if server.count == 2:
            server.data, server.etag = OTHER, '"v2"'
        head, _, body = part(server, asked)[0].partition(b"\r\n\r\n")
        return head + b"\r\n\r\n" + body[: CUT if server.count == 1 else None], server.count == 1

    with CountingServer(DATA, changing) as server:
        done = fildes("get", "-c", server.address())
        assert (done.status, sorted(os.listdir())) == (18, [PART, RECORD])
        assert "the document has changed on the server" in done.err
        assert fildes("get", "-c", server.address()).status == 0
    assert Path("document").read_bytes() == OTHER


def test_unknown_size(fildes: RunMain) -> None:
    """A chunked document goes on too, where its tag says which version it is."""

    def chunked(server: CountingServer, asked: Asked) -> Sent:
        if asked.start is not None:
            return part(server, asked)
        head = f"HTTP/1.1 200 OK\r\nETag: {server.etag}\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head.encode() + b"%x\r\n%s" % (len(DATA), DATA[:CUT]), True

    with CountingServer(DATA, chunked) as server:
        assert fildes("get", "-c", server.address()) == (0, "", "")
    assert Path("document").read_bytes() == DATA


def test_empty_document(fildes: RunMain) -> None:
    """Of nothing, nothing is missing."""
    with CountingServer(b"") as server:
        assert fildes("get", "-c", "-x", "4", server.address()) == (0, "", "")
    assert Path("document").read_bytes() == b""


def test_failed_open_leaves_nothing(fildes: RunMain) -> None:
    """Where nothing has come there is nothing to keep."""
    with CountingServer(DATA, lambda *_: (answer("404 Not Found"), False)) as server:
        assert fildes("get", "-c", server.address()).status == 22
    assert os.listdir() == []


def test_mirror_goes_on(fildes: RunMain) -> None:
    """Where the first address fails, a mirror with the same strong tag and size goes on."""
    with CountingServer(DATA, CutFirst()) as server, CountingServer(DATA, part) as mirror:
        argv = ["get", "-c", "--mirror", mirror.address(), server.address()]
        assert fildes(*argv) == (0, "", "")
        assert [each.start for each in mirror.asked] == [CUT]
    assert Path("document").read_bytes() == DATA


@pytest.mark.parametrize("etag", ['"v2"', "Wed, 25 Nov 2026 10:00:00 GMT"])
def test_mirror_of_another_version(fildes: RunMain, etag: str) -> None:
    """A mirror with another tag, or none, is not mixed in, unless a digest watches over it."""
    digest = hashlib.sha256(DATA).hexdigest()
    with (
        CountingServer(DATA, CutFirst(), etag=etag.replace("v2", "v1")) as server,
        CountingServer(DATA, part, etag=etag) as mirror,
    ):
        argv = ["get", "-c", "--mirror", mirror.address(), server.address()]
        assert fildes(*argv).status != 0
        assert Path(PART).read_bytes() == DATA[:CUT]
        assert fildes(*argv, "--sha256", digest).status == 0
    assert Path("document").read_bytes() == DATA
