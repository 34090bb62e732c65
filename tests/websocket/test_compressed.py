"""ws addresses: compressed messages, with servers that do as a test says."""

from __future__ import annotations

import errno
import zlib

import pytest
from peers import StartPeer
from websocket_script import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    close_frame,
    frame,
    open_ws,
    switched,
)

import fildes

DEFLATED = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


def deflated(*parts: bytes) -> list[bytes]:
    """Return *parts* of one message, compressed."""
    codec = zlib.compressobj(wbits=-15)
    made = [codec.compress(part) + codec.flush(zlib.Z_SYNC_FLUSH) for part in parts]
    return [*made[:-1], made[-1][:-4]]


def test_compressed_messages(peer: StartPeer) -> None:
    """Compressed messages are read, also with a ping between their parts."""
    one, two, three = deflated(b"some text, ", b"some text, ", b"some text")
    sent = (
        frame(BINARY, one, last=False, rsv=4)
        + frame(PING, b"x")
        + frame(CONTINUATION, two, last=False)
        + frame(PONG)
        + frame(CONTINUATION, three)
        + frame(PING)
        + frame(BINARY, b", not compressed")
        + close_frame()
    )
    with open_ws(peer, sent, DEFLATED, deflate=True) as f:
        assert f.read() == b"some text, some text, some text, not compressed"


def test_streams_that_end(peer: StartPeer) -> None:
    """A message may end its DEFLATE stream, as in the example of RFC 7692 section 7.2.3.4."""
    hello = bytes.fromhex("f348cdc9c9070000")
    sent = frame(BINARY, hello, rsv=4) * 2
    sent += frame(BINARY, hello[:3], last=False, rsv=4) + frame(CONTINUATION, hello[3:])
    sent += frame(BINARY, deflated(b", world")[0], rsv=4)
    with open_ws(peer, sent + close_frame(), DEFLATED, deflate=True) as f:
        assert f.read() == b"HelloHelloHello, world"


def test_broken_compression(peer: StartPeer) -> None:
    """What cannot be decompressed is a ProtocolError."""
    f = open_ws(peer, frame(BINARY, b"\xff\xff", rsv=4), DEFLATED, deflate=True)
    with pytest.raises(fildes.ProtocolError):
        f.read(1)
    f.abort()


@pytest.mark.slow
def test_bomb_is_given_out_in_pieces(peer: StartPeer) -> None:
    """What expands a thousandfold is read in bounded pieces; as one message it is refused."""
    codec = zlib.compressobj(9, wbits=-15)
    zeros = bytes(1 << 20)
    bomb = b"".join(codec.compress(zeros) for _ in range(256))
    bomb += codec.flush(zlib.Z_SYNC_FLUSH)[:-4]
    sent = frame(BINARY, bomb, rsv=4) + close_frame()
    server = peer(switched(sent, DEFLATED), switched(sent, DEFLATED))
    with fildes.open(server.address("ws"), buffering=0, ws={"deflate": True}) as f:
        sizes = [
            len(vars(f.description.stream)["piece"]) for _ in iter(lambda: f.read(1 << 20), b"")
        ]
        assert max(sizes) < 5 << 20
    with fildes.open(
        server.address("ws"), ws={"deflate": True, "framing": "message", "max-message": 1 << 20}
    ) as f:
        with pytest.raises(OSError) as caught:
            f.read()
        assert caught.value.errno == errno.EMSGSIZE
        f.abort()
