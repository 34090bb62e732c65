"""Failures that pass while the rest of a document is asked for: one tries again."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

import pytest
from authority import Authority
from counting import Asked, CountingServer, parse
from downloads import DATA, Sent, part
from fault_proxy import StartProxy
from faults import Faults, Plan
from http_script import END_OF_HEAD
from peers import Conversation, StartPeer

import fildes
from fildes.http import fetching

FAILURES = [
    *(
        OSError(number, os.strerror(number))
        for number in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
    ),
    socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
]


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    for module in ("resuming", "ranged"):
        monkeypatch.setattr(f"fildes.http.{module}.delay_before", lambda attempt, error: 0.0)


def failing(monkeypatch: pytest.MonkeyPatch, failures: list[OSError]) -> None:
    """Let every connect after the first one fail, with each of *failures* in turn."""
    original, script = fetching.connect, iter([None, *failures])

    async def connect(*args: Any) -> Any:
        failure = next(script, None)
        if failure is not None:
            raise failure
        return await original(*args)

    monkeypatch.setattr(fetching, "connect", connect)


def cut_once(server: CountingServer, asked: Asked) -> Sent:
    """Cut the first answer, and close its connection."""
    sent, _ = part(server, asked)
    return (sent[:-10_000], True) if server.count == 1 else (sent, False)


@pytest.mark.parametrize("hint", ["sequential", "random"])
def test_network_that_comes_back(monkeypatch: pytest.MonkeyPatch, hint: str) -> None:
    """Whatever a network says that is away for a while, the document goes on afterwards."""
    failing(monkeypatch, FAILURES)
    with CountingServer(DATA, cut_once) as server:
        with fildes.open(server.address(), http={"hint": hint}) as file:
            assert file.read() == DATA
        assert server.connections == 2


@pytest.mark.parametrize("hint", ["sequential", "random"])
@pytest.mark.parametrize("failure", [socket.gaierror(socket.EAI_NONAME, "not known"), *FAILURES])
def test_network_that_stays_away(
    monkeypatch: pytest.MonkeyPatch, hint: str, failure: OSError
) -> None:
    """After so many attempts, or at once where none can help, it is an error, and no end."""
    failing(monkeypatch, [failure] * 9)
    with (
        CountingServer(DATA, cut_once) as server,
        fildes.open(server.address(), http={"hint": hint}) as file,
        pytest.raises((OSError, EOFError)) as caught,
    ):
        file.read()
    assert failure.strerror is not None
    assert failure.strerror in str(caught.value)


class Like(CountingServer):
    """What answers are made from, without a server."""

    def __init__(self) -> None:
        self.data, self.etag = DATA, '"v1"'


def serve_once(talk: Conversation) -> None:
    """Answer one request under TLS, for all or a part of the document."""
    asked = parse(0, talk.recv_until(END_OF_HEAD).removesuffix(END_OF_HEAD))
    talk.send(part(Like(), asked)[0])


@pytest.mark.parametrize("hint", ["sequential", "random"])
def test_reset_in_the_handshake(
    peer: StartPeer, fault_proxy: StartProxy, tls_ca: Authority, hint: str
) -> None:
    """A connection that is reset while TLS shakes hands is tried again, as any lost one."""
    server = peer(serve_once, tls=tls_ca.server_context(), repeat=True)
    cut, reset = Plan(back=Faults(cut_at=40_000)), Plan(back=Faults(cut_at=100, reset=True))
    proxy = fault_proxy(("127.0.0.1", server.port), cut, reset, reset, Plan())
    address = proxy.address("https", "/").replace("127.0.0.1", "localhost")
    with fildes.open(address, http={"hint": hint}, https={"ca": str(tls_ca.ca_file)}) as file:
        assert file.read() == DATA
    assert len(proxy.connections) >= 4
