"""tls carried by tls, and our own server's end of it."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable

import pytest
from authority import Authority
from peers import Conversation, ScriptedPeer, StartPeer, echo
from stream_copies import relay_streams
from tls_cases import MEBIBYTE, Open, pattern

import fildes
from fildes.drivers import blocking
from fildes.streams.kernel import SocketStream
from fildes.tls.stream import TlsStream


class CutStream(TlsStream):
    """A server's end that ends the connection below and says no close_notify."""

    async def half_close(self) -> None:
        await self.inner.half_close()


def carry(
    server: ScriptedPeer, context: ssl.SSLContext, kind: type[TlsStream]
) -> Callable[[Conversation], None]:
    """Return a script that takes TLS off and passes on what is inside to *server*."""

    def script(talk: Conversation) -> None:
        sock = talk.sock.dup()
        sock.settimeout(None)  # with a timeout, Python waits in spite of MSG_DONTWAIT
        there = SocketStream(socket.create_connection((server.host, server.port)))
        here = kind(SocketStream(sock), context, server_side=True)
        try:
            blocking.run(here.handshake())
            blocking.run(relay_streams(here, there))
            blocking.run(here.close())
        finally:
            here.abort()
            there.abort()

    return script


@pytest.fixture
def open_nested(peer: StartPeer, tls_ca: Authority) -> Open:
    """Open TLS in TLS: to a script at the end, through a carrier that removes one."""

    def open_nested(
        script: Callable[[Conversation], None], carrier: type[TlsStream] = TlsStream
    ) -> object:
        server = peer(script, tls=tls_ca.server_context())
        outside = peer(carry(server, tls_ca.server_context(), carrier))
        layers = f"tls://localhost:{server.port}::tls://localhost:{outside.port}"
        return fildes.open(layers, tls={"ca": tls_ca.ca_file})

    return open_nested


def test_conversation(open_nested: Open) -> None:
    """TLS is carried by TLS: both ways at once, half-close and all."""
    data = pattern(MEBIBYTE)
    with open_nested(echo) as f:
        writer = threading.Thread(target=lambda: (f.write(data), f.half_close()))
        writer.start()
        assert f.read() == data
        writer.join()
        assert [step.name for step in f.trace][-2:] == ["handshake", "handshake"]


def test_descriptor(open_nested: Open) -> None:
    """A program reads what is inside both."""
    data = pattern(MEBIBYTE)
    with open_nested(lambda talk: talk.send(data)) as f:
        assert subprocess.run(["cat"], stdin=f, stdout=subprocess.PIPE).stdout == data


@pytest.mark.parametrize("carrier", [TlsStream, CutStream])
def test_cut(carrier: type[TlsStream], open_nested: Open) -> None:
    """A close_notify that is missing in either layer is an error, after the data."""

    def script(talk: Conversation) -> None:
        talk.send(b"half")
        talk.fin(close_notify=False)

    with open_nested(script, carrier) as f:
        assert f.read(4) == b"half"
        with pytest.raises(ssl.SSLEOFError):
            f.read()


def test_end_inside_is_enough(open_nested: Open) -> None:
    """The end of what is inside is proved by its own close_notify alone."""
    with open_nested(lambda talk: talk.send(b"whole"), CutStream) as f:
        assert f.read() == b"whole"
