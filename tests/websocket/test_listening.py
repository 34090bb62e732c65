"""ws-listen: who is let in, and what the others are told."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from typing import Any

import pytest
from authority import Authority
from loops import LOOPS, RunLoop
from programs import need
from tasks import together
from websocket_listeners import KEY, MASK, REQUEST, answer_to, connected, echoing, pair
from websocket_script import BINARY, CLOSE, PING, accept, close_frame, frame

import fildes
import fildes.aio
from fildes.address import Address, parse
from fildes.opening import registry


def recv_exactly(sock: socket.socket, size: int) -> bytes:
    received = sock.recv(size, socket.MSG_WAITALL)
    assert len(received) == size
    return received


@pytest.mark.parametrize("path", ["", "/", "/chat"])
def test_address_of_the_listener_is_openable(path: str) -> None:
    """What `listener.address` says is opened, and the two ends know what was asked for."""
    with pair(f"ws://127.0.0.1:0{path}") as (f, theirs):
        assert theirs.request.target == (path or "/")
        assert theirs.request.headers["Upgrade"] == "websocket"
        f.write(b"hello\n")
        f.flush()
        assert theirs.readline() == b"hello\n"


def test_handshake_and_frames_as_bytes() -> None:
    """The answer is RFC 6455's, and what we send is not masked; the peer's Close is answered."""
    with echoing("ws-listen://127.0.0.1:0/chat") as listener, connected(listener) as sock:
        sock.sendall(REQUEST)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Accept: " + accept(KEY) + b"\r\n" in head
        sock.sendall(frame(BINARY, b"hello", mask=MASK))
        assert recv_exactly(sock, 7) == frame(BINARY, b"hello")
        sock.sendall(frame(PING, b"x", mask=MASK) + close_frame(1001, mask=MASK))
        assert recv_exactly(sock, 3) == b"\x8a\x01x"
        assert recv_exactly(sock, 4) == close_frame(1001)
        assert sock.recv(1) == b""


def test_request_byte_by_byte_and_with_frames_behind_it() -> None:
    """However TCP cuts a request, it is one; what comes with it is not lost."""
    sent = REQUEST + frame(BINARY, b"h", mask=MASK) + close_frame(mask=MASK)
    with echoing("ws-listen://127.0.0.1:0/chat") as listener:
        whole = answer_to(listener, sent)
        assert whole.endswith(frame(BINARY, b"h") + close_frame())
        with connected(listener) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in sent:
                sock.sendall(bytes([byte]))
            assert b"".join(iter(lambda: sock.recv(65536), b"")) == whole


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"/chat", b"/other", 404),
        (b"/chat", b"/chat/", 404),
        (b"GET", b"PUT", 405),
        (b"Upgrade: websocket\r\n", b"", 426),
        (b"Version: 13", b"Version: 7", 426),
        (KEY, b"x", 400),
        (b"Host: 127.0.0.1\r\n", b"", 400),
        (b"GET", b"\x16\x03\x01", 400),
        (b"Upgrade:", b"X: " + b"x" * 20000 + b"\r\nUpgrade:", 431),
        (b"\r\n\r\n", b"\r\nOrigin: https://evil.example\r\n\r\n", 403),
        (b"\r\n\r\n", b"\r\nOrigin: null\r\n\r\n", 403),
        (b"\r\n\r\n", b"\r\nOrigin: http://localhost\r\n\r\n", 403),
        (b"\r\n\r\n", b"\r\nOrigin: http://127.0.0.1:1\r\n\r\n", 403),
        # A name that was rebound to our address.
        (b"127.0.0.1\r\n", b"evil.example\r\nOrigin: http://evil.example\r\n", 403),
    ],
)
def test_wrong_requests_are_answered(old: bytes, new: bytes, status: int) -> None:
    """Who does not ask right is told so, and the listener goes on."""
    reasons = []
    with echoing("ws-listen://127.0.0.1:0/chat") as listener:
        listener.acceptor.refused = lambda peer, reason: reasons.append(reason)
        got = answer_to(listener, REQUEST.replace(old, new, 1))
        assert got.startswith(b"HTTP/1.1 %d " % status)
        with fildes.open(listener.address) as f:
            f.write(b"x")
            assert f.read(1) == b"x"
    assert f"answered {status}" in str(reasons[0])


@pytest.mark.parametrize(
    ("query", "host", "origin"),
    [
        ("", "127.0.0.1", "http://127.0.0.1"),
        ("", "localhost:8080", "http://localhost:8080"),
        ("", "[::1]:8080", "http://[::1]:8080"),
        ("?origin=https://page.example", "h", "https://page.example"),
        ("?origin=a&origin=null", "h", "null"),
        ("?origin=*", "h", "https://anybody.example"),
    ],
)
def test_pages_that_are_let_in(query: str, host: str, origin: str) -> None:
    """A page may connect to its own host, and to where its origin is an option."""
    head = f"Host: {host}\r\nOrigin: {origin}".encode()
    request = REQUEST.replace(b"Host: 127.0.0.1", head) + close_frame(mask=MASK)
    with echoing(f"ws-listen://127.0.0.1:0{query}") as listener:
        assert answer_to(listener, request).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    ("ours", "theirs", "chosen"),
    [
        (["a", "b"], ["b", "a"], "a"),
        (["a", "b"], ["b"], "b"),
        (["a"], ["b"], None),
        (["a"], [], None),
        ([], ["b"], None),
    ],
)
def test_subprotocol(ours: list[str], theirs: list[str], chosen: str | None) -> None:
    """The best of the listener's that the client offers is agreed on."""
    client = {"subprotocol": theirs}
    with pair("ws://127.0.0.1:0", client, subprotocol=ours) as (f, accepted):
        assert (f.subprotocol, accepted.subprotocol) == (chosen, chosen)


def test_options_make_sense() -> None:
    """An address with a query is no place to listen at, nor is one without a port."""
    parsed = Address("ws", "localhost", 1, "/", "x=1")
    for address in (parsed, "ws://localhost/x", "ws-listen://:1?x=1"):
        with pytest.raises(fildes.AddressError):
            fildes.listen(address)
    text = "ws-listen://:8080/a?ping=5"
    assert str(parse(text, registry.find_scheme)) == text


def test_unmasked_frames_are_refused() -> None:
    """A client that does not mask is told that it broke the protocol."""
    with echoing("ws-listen://127.0.0.1:0/chat") as listener:
        got = answer_to(listener, REQUEST + frame(BINARY, b"x"))
    tail = got.partition(b"\r\n\r\n")[2]
    assert (tail[0], tail[2:4]) == (0x80 | CLOSE, b"\x03\xea")  # 1002


def test_slow_handshake_delays_nobody() -> None:
    """While one client takes its time over its request, others are served."""
    with echoing("ws-listen://127.0.0.1:0/chat") as listener, connected(listener) as slow:
        slow.sendall(REQUEST[:20])
        with fildes.open(listener.address) as f:
            f.write(b"x")
            assert f.read(1) == b"x"


def test_handshake_has_a_deadline() -> None:
    """A client that sends no request is cut off, and no descriptor stays."""
    with (
        echoing("ws-listen://127.0.0.1:0/chat?handshake-timeout=0.05") as listener,
        connected(listener) as slow,
        contextlib.suppress(ConnectionResetError),
    ):
        assert slow.recv(1) == b""


def test_messages_keep_their_boundaries() -> None:
    """With framing=message both ends read what was written at once, in whole."""
    options = {"framing": "message"}
    with pair("ws://127.0.0.1:0", options, **options) as (f, theirs):
        messages = [b"one", b"three", b"x" * 10_000]
        for message in messages:
            f.write(message)
        f.half_close()
        assert list(theirs) == messages


def test_under_tls(tls_ca: Authority) -> None:
    """wss-listen proves who it is; its address is one of wss."""
    identity = tls_ca.localhost
    options = {"cert": identity.cert_file, "key": identity.key_file}
    with echoing("wss://localhost:0/chat", wss=options) as listener:
        assert listener.address.startswith("wss://localhost:")
        with fildes.open(listener.address, wss={"ca": tls_ca.ca_file}) as f:
            f.write(b"hello")
            f.half_close()
            assert f.read() == b"hello"
        with pytest.raises(OSError, match="certificate"):
            fildes.open(listener.address)


def test_opened_it_accepts_one() -> None:
    """Opening a ws-listen address accepts one connection."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    got = []

    def accept_one() -> None:
        with fildes.open(f"ws-listen://127.0.0.1:{port}/x") as f:
            got.append(f.read())

    thread = threading.Thread(target=accept_one)
    thread.start()
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            with fildes.open(f"ws://127.0.0.1:{port}/x") as f:
                f.write(b"hello")
            break
    thread.join()
    assert got == [b"hello"]


@pytest.mark.parametrize("loop", LOOPS)
def test_in_event_loops(loop: RunLoop) -> None:
    """Under asyncio and trio the same is accepted and opened, messages and all."""

    async def main() -> None:
        options = {"framing": "message"}
        async with fildes.aio.listen("ws://127.0.0.1:0", ws=options) as listener:

            async def serve() -> None:
                async with await listener.accept() as f:
                    await f.write(await f.read())
                    assert await f.read() == b""

            async def client() -> None:
                async with await fildes.aio.open(listener.address, ws=options) as f:
                    await f.write(b"y" * 300_000)
                    assert await f.read() == b"y" * 300_000
                    await f.half_close()
                    assert await f.read() == b""

            await together(serve, client)

    loop(main())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status"),
    [([], "426"), (["-H", "Upgrade: websocket", "-H", "Connection: Upgrade"], "426")],
)
def test_curl_is_told(arguments: list[str], status: str) -> None:
    """curl, which asks for a document, gets a whole answer that says what is spoken here."""
    curl = need("curl")
    with echoing("ws-listen://127.0.0.1:0/chat") as listener:
        url = listener.address.replace("ws://", "http://")
        command = [curl, "-s", "-m", "20", "-w", "%{http_code}", *arguments, url]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stdout.endswith(f"\n{status}")


def test_served() -> None:
    """fildes.serve calls a handler with each WebSocket."""

    def handler(f: Any) -> None:
        f.write(f.request.target.encode() + f.read())

    with fildes.listen("ws://127.0.0.1:0") as listener:
        server = threading.Thread(target=fildes.serve, args=(listener, handler))
        server.start()
        for path in ("a", "b?c"):
            with fildes.open(f"{listener.address}{path}") as f:
                f.half_close()
                assert f.read() == f"/{path}".encode()
        listener.close()
        server.join()
