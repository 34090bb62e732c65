"""tls: how a stream ends, and how it does not."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest
from authority import Authority
from peers import Conversation, StartPeer, echo
from tls_cases import MEBIBYTE, Open, Start, pattern

import fildes


def read_by_object(f: Any, received: bytearray) -> None:
    """Read until an error is raised."""
    while True:
        received += f.read1()


def read_by_cat(f: Any, received: bytearray) -> None:
    """Let cat read the descriptor; then the file's error is raised by close."""
    result = subprocess.run(["cat"], stdin=f, capture_output=True)
    received += result.stdout
    assert result.returncode == 1
    f.close()


Read = Callable[[Any, bytearray], None]
ways = pytest.mark.parametrize("read", [read_by_object, read_by_cat])


@ways
@pytest.mark.parametrize("mode", ["r", "r+"])
@pytest.mark.parametrize("size", [0, 5, 1_000_000])
def test_missing_close_notify(
    read: Read, mode: str, size: int, start_tls: Start, open_tls: Open
) -> None:
    """T10: TCP that ends without close_notify is an error, after all the data."""
    data = pattern(size)

    def script(talk: Conversation) -> None:
        talk.send(data)
        talk.fin(close_notify=False)

    received = bytearray()
    with open_tls(start_tls(script), mode=f"{mode}b") as f, pytest.raises(ssl.SSLEOFError):
        read(f, received)
    assert received == data


def test_missing_close_notify_is_explained(start_tls: Start, open_tls: Open) -> None:
    """A cut stream's error tells the step and what it means."""
    with open_tls(start_tls(lambda talk: talk.fin(close_notify=False))) as f:
        with pytest.raises(ssl.SSLEOFError) as caught:
            f.read()
        failure = fildes.failure_of(caught.value)
        assert failure is not None
        assert (failure.step, "cut short" in failure.advice) == ("read", True)
        with pytest.raises(ssl.SSLEOFError):
            f.read()


@ways
def test_reset(read: Read, start_tls: Start, open_tls: Open) -> None:
    """A reset is an error, in which no end of file can be seen."""

    def script(talk: Conversation) -> None:
        talk.recv_exactly(1)
        talk.rst()

    received = bytearray()
    with open_tls(start_tls(script)) as f:
        f.write(b"x")
        f.flush()
        with pytest.raises(ConnectionResetError):
            read(f, received)
    assert received == b""


@pytest.mark.parametrize("damage", [0, 3, 10, -1])
def test_damaged_record(damage: int, start_tls: Start, open_tls: Open) -> None:
    """A record changed on its way is an error, and none of it is delivered."""

    def script(talk: Conversation) -> None:
        talk.send(b"good")
        talk.wire.tls.write(b"worse than nothing")  # type: ignore[attr-defined]  # a TlsWire
        record = bytearray(talk.wire.outgoing.read())  # type: ignore[attr-defined]  # as above
        record[damage] ^= 0x55
        talk.sock.sendall(record)
        talk.fin(close_notify=False)

    with open_tls(start_tls(script)) as f:
        assert f.read(4) == b"good"
        with pytest.raises(ssl.SSLError):
            f.read()


@pytest.mark.parametrize("when", ["before", "after"])
def test_injected_plaintext(when: str, peer: StartPeer, tls_ca: Authority) -> None:
    """T14: plaintext before or after our ClientHello is an error and never delivered."""

    def script(talk: Conversation) -> None:
        if when == "after":
            talk.recv_exactly(5)
        talk.send(b"250 injected\r\n")
        talk.start_tls(tls_ca.server_context())
        talk.send(b"never")

    with pytest.raises(ssl.SSLError) as caught:
        fildes.open(f"tls://localhost:{peer(script).port}", tls={"ca": tls_ca.ca_file})
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert "not speak TLS" in failure.advice


def test_injected_plaintext_behind_a_proxys_answer(peer: StartPeer, tls_ca: Authority) -> None:
    """T14: what an attacker adds to the answer of a proxy is taken for TLS and refused."""

    def script(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(b"HTTP/1.1 200 OK\r\n\r\n250 injected\r\n")
        talk.start_tls(tls_ca.server_context())

    proxy = peer(script).address("connect")
    with pytest.raises(ssl.SSLError):
        fildes.open(f"tls://localhost:1::{proxy}", tls={"ca": tls_ca.ca_file})


def test_close_is_seen_as_an_end(start_tls: Start, open_tls: Open) -> None:
    """Closing says close_notify, also when nothing was written: the peer sees no reset."""
    for data in (b"", b"last words"):
        server = start_tls(echo)
        with open_tls(server) as f:
            f.write(data)
        server.wait()
        assert (server.received, server.errors) == (data, [])


def test_close_with_an_answer_unread(start_tls: Start, open_tls: Open) -> None:
    """What was written arrives although the answer is not read."""
    server = start_tls(echo)
    data = pattern(MEBIBYTE)
    with open_tls(server) as f:
        f.write(data[:1000])
        f.write(data[1000:])
    server.wait()
    assert (server.received, server.errors) == (data, [])


def test_close_while_another_thread_reads(start_tls: Start, open_tls: Open) -> None:
    """The reader is woken, and the peer sees an end of file, no cut."""
    seen: list[bytes] = []
    server = start_tls(lambda talk: seen.append(talk.recv_all()))
    f = open_tls(server, buffering=0)

    def read() -> None:
        with pytest.raises((OSError, ValueError)):
            f.read(1)

    reader = threading.Thread(target=read)
    reader.start()
    while not f.description.receiving:  # an instant before it waits
        pass
    f.close()
    reader.join()
    server.wait()
    assert seen == [b""]


def test_abort_is_seen_as_an_error(start_tls: Start, open_tls: Open) -> None:
    """Aborting says no close_notify: the peer cannot take it for an end."""
    server = start_tls(echo)
    f = open_tls(server)
    f.write(b"half")
    f.abort()
    server.wait()
    assert len(server.errors) == 1


def test_exception_aborts(start_tls: Start, open_tls: Open) -> None:
    """An exception inside `with` is no end of what was written."""
    server = start_tls(echo)

    def fail() -> None:
        with open_tls(server) as f:
            f.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    server.wait()
    assert len(server.errors) == 1


@pytest.mark.slow
def test_close_does_not_wait_for_a_peer_that_never_ends(start_tls: Start, open_tls: Open) -> None:
    """A peer that neither reads nor ends holds up closing for a second, no more."""

    def script(talk: Conversation) -> None:
        talk.stall()

    with open_tls(start_tls(script)) as f:
        f.write(b"hello")
