"""ws addresses: the handshake, with servers that do as a test says."""

from __future__ import annotations

import errno
import types
from typing import Any

import pytest
from authority import Authority
from http_script import END_OF_HEAD, answering, fields_of
from peers import Conversation, StartPeer
from websocket_script import answer, close_frame, frame, key_of, recv_frame, switched

import fildes


def refused(peer: StartPeer, response: bytes) -> OSError:
    """Return what opening a server fails with that gives *response*."""
    server = peer(answering(response))
    with pytest.raises(OSError) as caught:
        fildes.open(server.address("ws", "/x"))
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "number"),
    [
        (401, PermissionError, errno.EACCES),
        (403, PermissionError, errno.EACCES),
        (404, FileNotFoundError, errno.ENOENT),
        (426, OSError, errno.EIO),
        (503, OSError, errno.EBUSY),
    ],
)
def test_status_is_the_error_of_http(
    peer: StartPeer, status: int, kind: type[OSError], number: int
) -> None:
    """A server that does not switch is the error that its status is for http."""
    error: Any = refused(peer, b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
    assert (type(error), error.errno, error.status) == (kind, number, status)
    failure = fildes.failure_of(error)
    assert failure is not None
    assert failure.step == "response"


def test_redirects_are_not_followed(peer: StartPeer) -> None:
    """A redirect is an error that tells where it leads."""
    error = refused(
        peer, b"HTTP/1.1 302 Found\r\nLocation: ws://other/\x1b\r\n\r\n".replace(b"\x1b", b"\xff")
    )
    assert "ws://other/?" in " ".join(error.__notes__)
    assert vars(error)["status"] == 302


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        b"HTTP/1.1 10",
        b"",
    ],
)
def test_what_is_no_agreement_breaks_the_protocol(peer: StartPeer, response: bytes) -> None:
    """Whoever does not answer as a WebSocket server does is a ProtocolError."""
    assert isinstance(refused(peer, response), fildes.ProtocolError)


def test_extension_that_was_not_offered(peer: StartPeer) -> None:
    """A server that compresses unasked is a ProtocolError."""
    server = peer(switched(b"", b"Sec-WebSocket-Extensions: permessage-deflate\r\n"))
    with pytest.raises(fildes.ProtocolError, match="not offered"):
        fildes.open(server.address("ws"))


@pytest.mark.parametrize(
    "parameters",
    [
        b"; client_max_window_bits=9",
        b"; server_max_window_bits=16",
        b"; server_max_window_bits",
        b"; server_max_window_bits=9; server_max_window_bits=9",
        b"; x=1",
        b"; server_no_context_takeover=1",
    ],
)
def test_parameters_of_compression_are_checked(peer: StartPeer, parameters: bytes) -> None:
    """Parameters that RFC 7692 does not let a server answer are a ProtocolError."""
    fields = b"Sec-WebSocket-Extensions: permessage-deflate" + parameters + b"\r\n"
    server = peer(switched(b"", fields))
    with pytest.raises(fildes.ProtocolError):
        fildes.open(server.address("ws"), ws={"deflate": True})


def test_request_says_what_the_options_say(peer: StartPeer) -> None:
    """Subprotocols, headers, origin and a token are part of the request."""
    server = peer(switched(close_frame(), b"Sec-WebSocket-Protocol: b\r\n"))
    options = {
        "subprotocol": ["a", "b"],
        "headers": {"X-One": "1", "User-Agent": "me"},
        "origin": "https://page.example",
        "bearer": "t0ken",
        "deflate": True,
    }
    with fildes.open(server.address("ws", "/a/b?c=d"), ws=options) as f:
        assert f.subprotocol == "b"
        assert f.response is not None
        assert f.response.status == 101
        assert f.read() == b""
    request = server.received.split(END_OF_HEAD)[0]
    assert request.startswith(b"GET /a/b?c=d HTTP/1.1\r\n")
    fields = fields_of(request)
    assert fields["sec-websocket-protocol"] == ["a, b"]
    assert fields["x-one"] == ["1"]
    assert fields["user-agent"] == ["me"]
    assert fields["origin"] == ["https://page.example"]
    assert fields["authorization"] == ["Bearer t0ken"]
    assert fields["sec-websocket-extensions"] == ["permessage-deflate"]
    assert fields["host"] == [f"{server.host}:{server.port}"]


def test_user_of_the_address_is_sent(peer: StartPeer) -> None:
    """User and password of the address are HTTP Basic's, and nothing shows them."""
    server = peer(switched(close_frame()))
    with fildes.open(f"ws://me:pass@{server.host}:{server.port}/") as f:
        f.read()
        assert "pass" not in f"{f!r} {f.trace}"
    assert fields_of(server.received)["authorization"] == ["Basic bWU6cGFzcw=="]


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Upgrade": "x"}},
        {"headers": {"Sec-WebSocket-Key": "x"}},
        {"headers": {"X": "a\r\nb"}},
        {"subprotocol": ["a b"]},
        {"subprotocol": ["a", "a"]},
        {"bearer": "t", "headers": {"Authorization": "x"}},
        {"max-message": 0},
        {"framing": "no"},
    ],
)
def test_what_cannot_be_asked_is_refused_here(options: dict[str, Any]) -> None:
    """Headers and subprotocols that would break the request are errors before anything opens."""
    with pytest.raises(ValueError):
        fildes.open("ws://127.0.0.1:9/", ws=options)


def test_keys_are_random(peer: StartPeer) -> None:
    """Each handshake has a key of its own."""
    server = peer(switched(close_frame()), switched(close_frame()))
    for _ in range(2):
        fildes.open(server.address("ws")).close()
    keys = {key_of(bytes(talk.received)) for talk in server.conversations}
    assert len(keys) == 2


def test_bytes_behind_the_answer_are_not_lost(peer: StartPeer) -> None:
    """What a server sends together with its answer is received."""

    def together(talk: Conversation) -> None:
        key = key_of(talk.recv_until(END_OF_HEAD))
        talk.send(answer(key) + frame(2, b"early") + close_frame())

    server = peer(together)
    with fildes.open(server.address("ws")) as f:
        assert f.read() == b"early"


def test_over_tls(peer: StartPeer, tls_ca: Authority) -> None:
    """wss is ws under TLS, with the options of tls; an unknown CA is refused."""

    def echo(talk: Conversation) -> None:
        assert recv_frame(talk) == (2, b"hello")
        talk.send(frame(2, b"hello") + close_frame())
        assert recv_frame(talk)[0] == 8

    server = peer(switched(echo), switched(echo), tls=tls_ca.server_context())
    address = f"wss://localhost:{server.port}/"
    with fildes.open(address, wss={"ca": tls_ca.ca_file}) as f:
        f.write(b"hello")
        assert f.read() == b"hello"
        assert f.tls is not None
        assert f.tls.version == "TLSv1.3"
    with pytest.raises(OSError, match="certificate"):
        fildes.open(address)


def test_through_a_proxy_of_the_environment(
    peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy for http is passed by CONNECT, as RFC 6455 section 4.1 asks for."""

    def tunnel(talk: Conversation) -> None:
        assert talk.recv_until(END_OF_HEAD).startswith(b"CONNECT far.example:80 ")
        talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
        switched(close_frame())(talk)

    server = peer(tunnel)
    monkeypatch.setenv("http_proxy", f"http://{server.host}:{server.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    with fildes.open("ws://far.example/") as f:
        assert f.read() == b""
        assert [step.name for step in f.trace][-2:] == ["request", "response"]


def test_explained(peer: StartPeer) -> None:
    """The steps of an open tell the request and the answer."""

    def quiet(talk: Conversation) -> None:
        talk.recv_all()

    server = peer(switched(quiet))
    steps = fildes.explain(server.address("ws", "/x")).trace
    assert [step.name for step in steps] == ["connect", "request", "response"]
    assert steps[2].detail == "101 Switching Protocols"


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without wsproto nothing is opened or listened at, and the error says what to install."""

    def missing(wanted: str) -> None:
        raise ModuleNotFoundError(name=wanted)

    importing = types.SimpleNamespace(import_module=missing)
    monkeypatch.setattr("fildes.opening.requiring.importlib", importing)
    for use in (fildes.open, fildes.listen):
        with pytest.raises(OSError, match=r"pip install 'fildes\[ws\]'") as caught:
            use("ws://127.0.0.1:9/")
        assert caught.value.errno == errno.ENOPKG
