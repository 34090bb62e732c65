"""Every kind of stream that is a conversation, with the stream of its peer."""

from __future__ import annotations

import os
import socket
import ssl
from typing import Any

import pytest
from authority import Authority
from pair_ends import HOST, Pair, abstract_name, accepted, connected
from program_pairs import PROGRAM_PAIRS
from websocket_pairs import WEBSOCKET_MESSAGE_PAIRS, WEBSOCKET_PAIRS

from fildes.streams.bridge import build
from fildes.streams.datagrams import socket_stream
from fildes.streams.kernel import DescriptorStream, SocketStream
from fildes.streams.stream import Stream
from fildes.testing import both, open_stream
from fildes.tls.stream import TlsStream
from fildes.verbs import prepare_to_listen


async def socketpair(authority: Authority) -> Pair:
    left, right = socket.socketpair()
    return SocketStream(left), SocketStream(right)


async def pipes(authority: Authority) -> Pair:
    (source, to_source), (from_sink, sink) = os.pipe(), os.pipe()
    return DescriptorStream(source, sink), DescriptorStream(from_sink, to_source)


async def tcp(authority: Authority) -> Pair:
    with socket.create_server((HOST, 0)) as listener:
        return await connected(listener, f"tcp://{HOST}:{listener.getsockname()[1]}")


async def tcp6(authority: Authority) -> Pair:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        return await connected(listener, f"tcp6://[::1]:{listener.getsockname()[1]}")


async def unix(authority: Authority) -> Pair:
    return await unix_of(socket.SOCK_STREAM, "unix")


async def unix_seqpacket(authority: Authority) -> Pair:
    return await unix_of(socket.SOCK_SEQPACKET, "unix-seqpacket")


async def unix_of(kind: socket.SocketKind, scheme: str) -> Pair:
    name = abstract_name()
    with socket.socket(socket.AF_UNIX, kind) as listener:
        listener.bind("\0" + name[1:])
        listener.listen(1)
        return await connected(listener, f"{scheme}:{name}")


async def udp(authority: Authority) -> Pair:
    right = socket.socket(type=socket.SOCK_DGRAM)
    right.bind((HOST, 0))
    left = await open_stream(f"udp://{HOST}:{right.getsockname()[1]}")
    assert isinstance(left, SocketStream)
    right.connect(left.sock.getsockname())
    return left, socket_stream(right)


async def fd(authority: Authority) -> Pair:
    left, right = socket.socketpair()
    with left:
        return await open_stream(f"fd:{left.fileno()}"), SocketStream(right)


async def tls12(authority: Authority) -> Pair:
    return await tls(authority, ssl.TLSVersion.TLSv1_2)


async def tls13(authority: Authority) -> Pair:
    return await tls(authority, ssl.TLSVersion.TLSv1_3)


async def tls(authority: Authority, version: ssl.TLSVersion) -> Pair:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        client = open_stream(f"tls://localhost:{port}?ca={authority.ca_file}")
        return await both(client, tls_accepted(listener, authority, version))


async def tls_accepted(
    listener: socket.socket, authority: Authority, version: ssl.TLSVersion
) -> TlsStream:
    """Return the server's end of the next connection."""
    return await tls_server(await accepted(listener), authority, version)


async def tls_server(inner: Stream, authority: Authority, version: ssl.TLSVersion) -> TlsStream:
    """Do the server's side of a handshake over *inner*."""
    context = authority.localhost.server_context()
    context.maximum_version = version
    server = TlsStream(inner, context, server_side=True)
    await server.handshake()
    return server


async def tls_in_tls(authority: Authority) -> Pair:
    left, right = await tls13(authority)
    context = ssl.create_default_context(cafile=authority.ca_file)
    inside = TlsStream(left, context, server_name="localhost")
    serving = tls_server(right, authority, ssl.TLSVersion.TLSv1_3)
    _, server = await both(inside.handshake(), serving)
    return inside, server


async def listened(address: str, query: str = "", **options: Any) -> Pair:
    """Listen at *address*, and return what is accepted and what was opened."""
    opening, _ = prepare_to_listen(address, None, None, options, {"max-connections": 9})
    acceptor = await opening.listen()
    try:
        return await both(acceptor.accept_stream(), open_stream(f"{acceptor.address}{query}"))
    finally:
        acceptor.close()


async def tcp_listen(authority: Authority) -> Pair:
    return await listened(f"tcp-listen://{HOST}:0?max-per-peer=1")


async def unix_listen(authority: Authority) -> Pair:
    return await listened(f"unix-listen:{abstract_name()}")


async def unix_seqpacket_listen(authority: Authority) -> Pair:
    return await listened(f"unix-seqpacket-listen:{abstract_name()}")


async def udp_listen(authority: Authority) -> Pair:
    opening, _ = prepare_to_listen("udp-listen://127.0.0.1:0", None, None, {}, {})
    acceptor = await opening.listen()
    try:
        theirs = await open_stream(str(acceptor.address))
        await theirs.send_all(b"hello")
        ours = await acceptor.accept_stream()
        assert await ours.recv() == b"hello"
        return ours, theirs
    finally:
        acceptor.close()


async def tls_listen(authority: Authority) -> Pair:
    identity = authority.localhost
    tls = {"cert": identity.cert_file, "key": identity.key_file}
    return await listened("tls://localhost:0", f"?ca={authority.ca_file}", tls=tls)


async def bridged(authority: Authority) -> Pair:
    left, right = await tls13(authority)
    return build(left, b"", None), right


#: Each with the names of the checks that its kind cannot pass.
STREAM_PAIRS = [
    # A unix socket says that it was aborted only to a peer that has left bytes unread.
    pytest.param(socketpair, {"abort_is_seen", "exception_aborts"}, id="socketpair"),
    pytest.param(unix, {"abort_is_seen", "exception_aborts"}, id="unix"),
    pytest.param(fd, {"abort_is_seen", "exception_aborts"}, id="fd"),
    # A pipe has no abort, no way to wake its reader, and two descriptors.
    pytest.param(
        pipes,
        {"abort_is_seen", "exception_aborts", "interrupt_wakes", "genuine_descriptor"},
        id="pipes",
    ),
    pytest.param(tcp, set(), id="tcp"),
    pytest.param(tcp6, set(), id="tcp6"),
    *PROGRAM_PAIRS,
    pytest.param(tls12, set(), id="tls-1.2"),
    pytest.param(tls13, set(), id="tls-1.3"),
    pytest.param(tls_in_tls, set(), id="tls-in-tls"),
    pytest.param(bridged, set(), id="bridged"),
    pytest.param(tcp_listen, set(), id="tcp-listen"),
    pytest.param(unix_listen, {"abort_is_seen", "exception_aborts"}, id="unix-listen"),
    pytest.param(tls_listen, set(), id="tls-listen"),
    *WEBSOCKET_PAIRS,
]

MESSAGE_PAIRS = [
    pytest.param(unix_seqpacket, set(), id="unix-seqpacket"),
    pytest.param(unix_seqpacket_listen, set(), id="unix-seqpacket-listen"),
    # A datagram socket that was shut down polls readable and receives nothing.
    pytest.param(udp, {"interrupt_wakes"}, id="udp"),
    pytest.param(udp_listen, {"interrupt_wakes"}, id="udp-listen"),
    *WEBSOCKET_MESSAGE_PAIRS,
]

#: For files one of a kind will do: closing TLS in TLS waits for a peer that closes too,
#: and accepted streams are of the same classes as opened ones.
FILE_PAIRS = [
    each
    for each in STREAM_PAIRS
    if each.id not in ("tls-in-tls", "tcp6", "ws-deflate") and "listen" not in str(each.id)
]
