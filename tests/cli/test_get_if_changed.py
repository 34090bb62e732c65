"""`fildes get --if-changed`: a file is received again only when there is another version."""

from __future__ import annotations

import errno
import json
import os
import re
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from commands import RunMain, fildes
from counting import Asked, CountingServer, answer
from downloads import DATA, OTHER, Sent, folder, no_delay

__all__ = ["fildes", "folder", "no_delay"]

pytestmark = pytest.mark.usefixtures("folder", "no_delay")

TIME = "Wed, 25 Nov 2026 10:00:00 GMT"
LATER = "Wed, 25 Nov 2026 10:00:01 GMT"
DEMAND = re.compile(rb"(?im)^(if-none-match|if-modified-since): (.*?)\r?$")


class Versions:
    """A document that tells its tag, its time or both, and says 304 as RFC 9110 section 13 has it.

    Attributes:
      demands: the condition of each request; None for none.
    """

    def __init__(self, etag: str | None, modified: str | None) -> None:
        self.etag, self.modified = etag, modified
        self.demands: list[str | None] = []

    def __call__(self, server: CountingServer, asked: Asked) -> Sent:
        match = DEMAND.search(asked.head)
        self.demands.append(match and match[2].decode())
        told = {"ETag": self.etag, "Last_Modified": self.modified}
        fields = {name: value for name, value in told.items() if value is not None}
        if match is not None and self.is_known(match[1].lower(), match[2].decode()):
            return answer("304 Not Modified", b"", **fields), False
        return answer("200 OK", server.data, **fields), False

    def is_known(self, condition: bytes, value: str) -> bool:
        if condition == b"if-none-match":
            return value == self.etag
        if self.modified is None:
            return False
        return parsedate_to_datetime(self.modified) <= parsedate_to_datetime(value)


def no_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no file have extended attributes, as on many file systems."""

    def unsupported(*args: object) -> bytes:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "setxattr", unsupported)
    monkeypatch.setattr(os, "getxattr", unsupported)


VALIDATORS = [('"v1"', None), ('W/"v1"', None), (None, TIME), ('"v1"', TIME)]


@pytest.mark.parametrize(("etag", "modified"), VALIDATORS)
def test_unchanged_is_not_received(fildes: RunMain, etag: str | None, modified: str | None) -> None:
    """The second time the server says that nothing has changed, and nothing does."""
    versions = Versions(etag, modified)
    with CountingServer(DATA, versions) as server:
        assert fildes("get", "--if-changed", server.address()) == (0, "", "")
        before = os.stat("document")
        assert fildes("get", "--if-changed", server.address()) == (0, "", "")
    assert versions.demands == [None, etag or modified]
    after = os.stat("document")
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert Path("document").read_bytes() == DATA
    assert os.listdir() == ["document"]


@pytest.mark.parametrize(("etag", "modified"), VALIDATORS)
def test_another_version_replaces(fildes: RunMain, etag: str | None, modified: str | None) -> None:
    """A new version takes the place of the old, and is remembered then."""
    versions = Versions(etag, modified)
    with CountingServer(DATA, versions) as server:
        assert fildes("get", "--if-changed", server.address()).status == 0
        versions.etag, versions.modified = etag and '"v2"', modified and LATER
        server.data = OTHER
        assert fildes("get", "--if-changed", server.address()) == (0, "", "")
        assert Path("document").read_bytes() == OTHER
        assert fildes("get", "--if-changed", server.address()) == (0, "", "")
    assert versions.demands == [None, etag or modified, versions.etag or versions.modified]


def test_time_without_attributes(fildes: RunMain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files have no attributes, the file has the document's time, and that is asked with."""
    no_attributes(monkeypatch)
    versions = Versions('"v1"', TIME)
    with CountingServer(DATA, versions) as server:
        assert fildes("get", "--if-changed", server.address()).status == 0
        assert os.stat("document").st_mtime == parsedate_to_datetime(TIME).timestamp()
        assert fildes("get", "--if-changed", server.address()).status == 0
        versions.modified, server.data = LATER, OTHER
        assert fildes("get", "--if-changed", server.address()).status == 0
    assert versions.demands == [None, TIME, TIME]
    assert Path("document").read_bytes() == OTHER


def test_file_that_was_edited_is_received(fildes: RunMain) -> None:
    """What is no longer the version that came is not called unchanged."""
    versions = Versions('"v1"', TIME)
    with CountingServer(DATA, versions) as server:
        assert fildes("get", "--if-changed", server.address()).status == 0
        if not os.listxattr("document"):
            pytest.skip("files have no extended attributes here")
        Path("document").write_text("edited")
        assert fildes("get", "--if-changed", server.address()).status == 0
    assert versions.demands == [None, None]
    assert Path("document").read_bytes() == DATA


def test_another_address_is_another_document(fildes: RunMain) -> None:
    """The tag of one document says nothing about another."""
    versions = Versions('"v1"', TIME)
    with CountingServer(DATA, versions) as server:
        assert fildes("get", "--if-changed", server.address()).status == 0
        if not os.listxattr("document"):
            pytest.skip("files have no extended attributes here")
        assert fildes("get", "--if-changed", server.address("/other/document")).status == 0
    assert versions.demands == [None, None]


def test_records_say_what_changed(fildes: RunMain) -> None:
    """--json tells the two apart; both are complete."""
    with CountingServer(DATA, Versions('"v1"', TIME)) as server:
        for changed in (True, False):
            done = fildes("get", "--if-changed", "--json", server.address())
            (record,) = json.loads(done.out)
            assert (record["status"], record["changed"]) == (0, changed)
            assert (record["file"], record["size"]) == ("document", len(DATA))


def test_cut_version_replaces_nothing(fildes: RunMain) -> None:
    """A new version that is cut leaves the old one as it was."""
    versions = Versions('"v1"', TIME)
    with CountingServer(DATA, versions) as server:
        assert fildes("get", "--if-changed", server.address()).status == 0
        versions.etag = '"v2"'
        server.reply = lambda at, asked: (versions(at, asked)[0][:5000], True)
        assert fildes("get", "--if-changed", server.address()).status == 18
    assert Path("document").read_bytes() == DATA


def test_other_conditions_are_errors(fildes: RunMain) -> None:
    """A condition of the user's own that is not met is told as ever."""
    with CountingServer(DATA, Versions('"v1"', TIME)) as server:
        done = fildes("get", "-O", 'http.if_none_match="v1"', server.address())
    assert (done.status, os.listdir()) == (22, [])
