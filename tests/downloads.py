"""What the tests of `fildes get` in parts share: servers that are cut, and versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from counting import Asked, CountingServer, Reply, answer, bounds

#: The document, what it is changed into, and where its first answer is cut.
DATA = bytes(number * 7 % 251 for number in range(300_000))
OTHER = bytes(reversed(DATA))
CUT = 123_456
PART, RECORD = "document.fildes-part", "document.fildes-part.json"

Sent = tuple[bytes, bool]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr("fildes.cli.crew.delay_before", lambda attempt, error: 0.0)


def plain(server: CountingServer, asked: Asked) -> Sent:
    """Answer a request without a range, which every server can."""
    return answer("200 OK", server.data, **validators(server)), False


def validators(server: CountingServer) -> dict[str, str]:
    """Return the validator that the server tells: a tag, a time, a weak tag, or none."""
    if not server.etag:
        return {}
    return {"Last_Modified" if server.etag.endswith("GMT") else "ETag": server.etag}


def part(server: CountingServer, asked: Asked) -> Sent:
    """Answer a range, with the validators of the server."""
    if asked.start is None:
        return plain(server, asked)
    start, stop = bounds(server, asked)
    where = f"bytes {start}-{stop - 1}/{len(server.data)}"
    fields = {"Content_Range": where, **validators(server)}
    return answer("206 Partial Content", server.data[start:stop], **fields), False


class CutFirst:
    """Cuts the first answer; until `on` is set no more come, then those of *reply*."""

    def __init__(self, reply: Reply = part) -> None:
        self.reply = reply
        self.begun = self.on = False

    def __call__(self, server: CountingServer, asked: Asked) -> Sent:
        if self.begun:
            return self.reply(server, asked) if self.on else (b"", True)
        self.begun = True
        head, _, body = plain(server, asked)[0].partition(b"\r\n\r\n")
        return head + b"\r\n\r\n" + body[:CUT], True
