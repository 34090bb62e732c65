"""What an Opener works out once: never where it could have changed."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from counting import CountingServer, whole

import fildes
from fildes.http.remembered import MAX_REMEMBERED

DATA = b"a document\n"


def read(opener: fildes.Opener, address: str, **how: Any) -> None:
    with opener.open(address, **how) as file:
        assert file.read() == DATA


def test_changed_headers() -> None:
    """Headers that their owner changes are sent as they are then."""
    headers = {"X-Token": "one"}
    with CountingServer(DATA, whole) as server, fildes.Opener(http={"headers": headers}) as opener:
        read(opener, server.address())
        headers["X-Token"] = "two"
        read(opener, server.address())
        assert [b"X-Token: two" in asked.head for asked in server.asked] == [False, True]


def test_options_of_one_open() -> None:
    """Options of one open are not those of the next, nor the other way round."""
    with CountingServer(DATA) as server, fildes.Opener() as opener:
        read(opener, server.address())
        read(opener, server.address(), http={"hint": "sequential"})
        read(opener, server.address())
        assert [asked.start for asked in server.asked] == [0, None, 0]


def test_environment_is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that the environment names from now on is used from now on."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("http_proxy", raising=False)
    with CountingServer(DATA, whole) as server, fildes.Opener() as opener:
        read(opener, server.address())
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
        read(opener, server.address("/other"))
        read(opener, server.address())
        port = server.port
        targets = [asked.target for asked in server.asked]
    assert targets[0] == "/document"
    assert targets[1:] == [f"http://127.0.0.1:{port}/other", f"http://127.0.0.1:{port}/document"]


def test_passwords_are_not_remembered() -> None:
    """Addresses with a password, and what is made of them, are forgotten at once."""
    with CountingServer(DATA, whole) as server, fildes.Opener() as opener:
        address = server.address().replace("://", "://user:secret@")
        read(opener, address)
        read(opener, address)
        assert opener.memory is not None
        assert (opener.memory.terms, opener.memory.messages, opener.memory.forms) == ({}, {}, {})
        assert all(b"\r\nAuthorization: Basic " in asked.head for asked in server.asked)


def test_documents_of_one_site() -> None:
    """What one document taught is said of the next one, but for what is its own."""
    with CountingServer(DATA, whole) as server, fildes.Opener(http={"bearer": "t"}) as opener:
        for path in ("/a", "/b?c=d", "/b?c=%2F", "/"):
            with opener.open(server.address(path)) as file:
                assert file.read() == DATA
                assert file.response is not None
                assert file.response.address == server.address(path)
        heads = [asked.head for asked in server.asked]
        assert [asked.target for asked in server.asked] == ["/a", "/b?c=d", "/b?c=%2F", "/"]
        assert len({head.partition(b" HTTP/1.1")[2] for head in heads}) == 1
        assert b"Authorization: Bearer t" in heads[-1]
        assert server.connections == 1


def test_secrets_of_queries_are_masked() -> None:
    """The query of a document that was asked for like another one is shown masked, too."""
    with CountingServer(DATA, whole) as server, fildes.Opener() as opener:
        for text in ("token=hidden1", "token=hidden2"):
            with opener.open(server.address(f"/x?{text}")) as file:
                assert file.read() == DATA
                shown = f"{file.trace} {file.response} {file!r}"
            assert "hidden" not in shown
        assert [asked.target for asked in server.asked] == ["/x?token=hidden1", "/x?token=hidden2"]


def test_memory_is_bounded() -> None:
    """However many documents are opened, little is remembered."""
    with CountingServer(DATA, whole) as server, fildes.Opener() as opener:
        for number in range(MAX_REMEMBERED + 2):
            read(opener, server.address(f"/{number}"))
        assert opener.memory is not None
        assert len(opener.memory.terms) <= MAX_REMEMBERED
        assert len(opener.memory.messages) <= MAX_REMEMBERED
        assert len(opener.memory.forms) == 1


def test_closed_files_are_no_garbage() -> None:
    """A file that was closed is gone with its last name, and not when somebody collects."""
    with CountingServer(DATA) as server, fildes.Opener() as opener:
        gc.disable()
        try:
            file = opener.open(server.address())
            file.read()
            file.close()
            # Not what gc.collect finds: other threads and earlier tests leave garbage, too.
            parts = [
                weakref.ref(part) for part in (file, file.description, file.description.stream)
            ]
            del file
            assert [part() for part in parts] == [None, None, None]
        finally:
            gc.enable()
