"""ws addresses: frames, with servers that do as a test says."""

from __future__ import annotations

import errno
import itertools

import pytest
from peers import Conversation, StartPeer
from ways import WAYS, Way, read_sized
from websocket_script import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
    open_ws,
    recv_frame,
    switched,
)

import fildes

#: Every kind of frame in one conversation, and the bytes that it carries.
SCRIPT = (
    frame(BINARY, b"one")
    + frame(PING, b"?")
    + frame(TEXT, "zwö".encode()[:3], last=False)
    + frame(PONG)
    + frame(CONTINUATION, "zwölf".encode()[3:])
    + frame(BINARY)
    + frame(BINARY, b"x" * 200)
    + close_frame(1001, b"bye")
)
CARRIED = b"one" + "zwölf".encode() + b"x" * 200


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_of_reading(peer: StartPeer, way: Way) -> None:
    """Messages of any kind, however fragmented, are their bytes, up to the Close."""
    got = bytearray()
    with open_ws(peer, SCRIPT) as f:
        way(f, got)
    assert got == CARRIED


def test_however_tcp_cuts_it(peer: StartPeer) -> None:
    """Sent byte by byte, the same is read."""

    def slowly(talk: Conversation) -> None:
        for byte in SCRIPT:
            talk.send(bytes([byte]))

    with fildes.open(peer(switched(slowly)).address("ws")) as f:
        assert f.read() == CARRIED


@pytest.mark.slow
def test_cut_at_every_byte(peer: StartPeer) -> None:
    """A connection that ends before the Close frame does is never an end of file."""
    server = peer(*(switched(SCRIPT[:size]) for size in range(len(SCRIPT))))
    for size in range(len(SCRIPT)):
        got = bytearray()
        with fildes.open(server.address("ws"), buffering=0) as f:
            with pytest.raises(fildes.IncompleteError):
                read_sized(f, got)
            f.abort()
        assert CARRIED.startswith(got), size


@pytest.mark.slow
def test_cut_descriptor(peer: StartPeer) -> None:
    """A program that reads the descriptor of a connection that was cut fails."""
    cat = WAYS[-1]
    server = peer(*(switched(SCRIPT[:size]) for size in (0, 3, 60, len(SCRIPT) - 1)))
    for _ in range(4):
        f = fildes.open(server.address("ws"))
        with pytest.raises(OSError):
            cat(f, bytearray())
        f.abort()


def test_pings_are_answered_while_reading(peer: StartPeer) -> None:
    """Each ping has its pong, before what is written later."""

    def pings(talk: Conversation) -> None:
        talk.send(frame(PING, b"p1"))
        assert recv_frame(talk) == (PONG, b"p1")
        talk.send(frame(BINARY, b"go"))
        assert recv_frame(talk) == (BINARY, b"gone")
        talk.send(close_frame())
        assert recv_frame(talk)[0] == CLOSE

    with fildes.open(peer(switched(pings)).address("ws")) as f:
        assert f.read(2) == b"go"
        f.write(b"gone")
        assert f.read() == b""


def test_pings_are_answered_while_only_writing(
    peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who never reads answers pings all the same, when it writes."""
    monkeypatch.setattr("fildes.websocket.stream.LOOK_INTERVAL", -1.0)

    def pings(talk: Conversation) -> None:
        talk.send(frame(BINARY, b"unread") + frame(PING, b"p"))
        talk.pause.reached.release()
        frames = iter(lambda: recv_frame(talk), (PONG, b"p"))
        assert {opcode for opcode, _ in frames} == {BINARY}
        talk.send(close_frame())
        assert recv_frame(talk)[0] in (BINARY, CLOSE)

    server = peer(switched(pings))
    with fildes.open(server.address("ws"), buffering=0) as f:
        server.wait_stalled()
        for _ in range(3):
            f.write(b"x")
        assert f.read(6) == b"unread"
        f.write(b"x")
        assert f.read(1) == b""


def test_a_flood_of_pings_is_answered_once(peer: StartPeer) -> None:
    """Of many pings at once the last one is answered: nothing piles up."""

    def floods(talk: Conversation) -> None:
        talk.send(b"".join(frame(PING, b"%d" % n) for n in range(1000)) + frame(BINARY, b"x"))
        seen: list[tuple[int, bytes]] = []
        while not seen or seen[-1] != (PONG, b"999"):
            seen.append(recv_frame(talk))
        assert len(seen) < 1000
        talk.send(close_frame())

    with fildes.open(peer(switched(floods)).address("ws")) as f:
        assert f.read() == b"x"


def test_silence_after_a_ping_is_the_end(peer: StartPeer) -> None:
    """With ping=, a peer that answers nothing is an error after twice that time."""

    def silent(talk: Conversation) -> None:
        assert recv_frame(talk)[0] == PING
        talk.stall()

    f = fildes.open(peer(switched(silent)).address("ws"), ws={"ping": 0.02})
    with pytest.raises(TimeoutError, match="ping"):
        f.read(1)
    f.abort()


def test_pongs_keep_a_connection(peer: StartPeer) -> None:
    """With ping=, a peer that answers is read from as long as it takes."""

    def answers(talk: Conversation) -> None:
        for _ in range(4):
            opcode, data = recv_frame(talk)
            assert opcode == PING
            talk.send(frame(PONG, data))
        talk.send(frame(BINARY, b"x") + close_frame())

    with fildes.open(peer(switched(answers)).address("ws"), ws={"ping": 0.05}) as f:
        assert f.read() == b"x"


def test_half_close_sends_a_close_and_reads_on(peer: StartPeer) -> None:
    """After half_close nothing more can be written, and what the peer still sends comes."""

    def answers(talk: Conversation) -> None:
        assert recv_frame(talk) == (BINARY, b"question")
        assert recv_frame(talk) == (CLOSE, b"\x03\xe8")
        talk.send(frame(BINARY, b"answer") + close_frame())

    with fildes.open(peer(switched(answers)).address("ws")) as f:
        f.write(b"question")
        f.half_close()
        assert f.read() == b"answer"
        with pytest.raises(BrokenPipeError):
            f.write(b"x")


def test_held_half_close_sends_nothing(peer: StartPeer) -> None:
    """With half-close=hold the peer sees our Close only when the file is closed."""

    def answers(talk: Conversation) -> None:
        assert recv_frame(talk) == (BINARY, b"question")
        talk.send(frame(BINARY, b"answer"))
        assert recv_frame(talk)[0] == CLOSE
        talk.send(close_frame())

    with fildes.open(peer(switched(answers)).address("ws"), ws={"half-close": "hold"}) as f:
        f.write(b"question")
        f.half_close()
        assert f.read(6) == b"answer"


def test_text_is_cut_between_characters(peer: StartPeer) -> None:
    """Written as text, messages hold whole characters, however they are written."""
    text = "aäé€😀"
    got: list[tuple[int, bytes]] = []

    def listens(talk: Conversation) -> None:
        while (one := recv_frame(talk))[0] != CLOSE:
            got.append(one)
        talk.send(close_frame())

    with fildes.open(
        peer(switched(listens)).address("ws"), buffering=0, ws={"messages": "text"}
    ) as f:
        for byte in text.encode():
            assert f.write(bytes([byte])) == 1
        f.half_close()
        assert f.read() == b""
    assert {opcode for opcode, _ in got} == {TEXT}
    assert [data.decode() for _, data in got] == list(text)


@pytest.mark.parametrize("data", [b"\xff", b"x\xc3"])
def test_what_is_no_text_is_not_sent_as_text(peer: StartPeer, data: bytes) -> None:
    """Bytes that are no UTF-8 are an error of the sender's, at the end at the latest."""
    f = fildes.open(peer(switched(lambda talk: None)).address("ws"), ws={"messages": "text"})
    f.write(data)
    with pytest.raises(OSError) as caught:
        f.half_close()
    assert caught.value.errno == errno.EILSEQ
    f.abort()


@pytest.mark.parametrize("size", [1, 125, 126, 65535, 65536, 300_000])
def test_messages_of_every_length(peer: StartPeer, size: int) -> None:
    """Each form of the length is written and read; as messages they stay whole."""
    data = bytes(itertools.islice(itertools.cycle(range(251)), size))

    def echoes(talk: Conversation) -> None:
        opcode, got = recv_frame(talk)
        talk.send(frame(opcode, got) + close_frame())

    server = peer(switched(echoes), switched(echoes))
    with fildes.open(server.address("ws"), ws={"framing": "message"}) as f:
        f.write(data)
        assert f.read() == data
        assert f.read() == b""
    small = data[: 1 << 16]
    with fildes.open(server.address("ws"), buffering=1 << 20) as f:
        f.write(small)
        assert f.read() == small
