"""RFC 6455, section by section: what comes of the frames of a peer, in both roles."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import websockets.sync.server
from websocket_cases import CASES, Case
from websocket_listeners import MASK, REQUEST, connected, echoing
from websockets.exceptions import ConnectionClosed
from wsproto.frame_protocol import FrameProtocol, Opcode

from fildes.websocket.frames import Frames

LIMIT = 20.0


class Answers(NamedTuple):
    """What frames were answered with."""

    messages: tuple[bytes, ...]
    pong: bytes | None
    code: int


def sent_in(case: Case, *, masked: bool) -> bytes:
    """Return the frames of *case* as bytes."""
    return b"".join(each.encoded(MASK if masked else b"") for each in case.frames)


def answers_of(data: bytes, *, client: bool) -> tuple[list[bytes], bytes | None, int]:
    """Return messages, the last pong and the code of the Close that a peer gets."""
    protocol, messages, pong, code = FrameProtocol(client, []), [b""], None, 0
    protocol.receive_bytes(data)
    for each in protocol.received_frames():
        payload: Any = each.payload
        if each.opcode is Opcode.CLOSE:
            code = int(payload[0])
        elif each.opcode is Opcode.PONG:
            pong = bytes(payload)
        else:
            messages[-1] += payload.encode() if isinstance(payload, str) else payload
            if each.message_finished:
                messages.append(b"")
    return messages[:-1], pong, code


def received(sent: bytes, step: int, *, client: bool) -> Answers:
    """Read *sent* in pieces of *step* bytes."""
    frames, messages, told = Frames(client=client, whole=True), [b""], b""
    for start in range(0, len(sent), step):
        frames.feed(memoryview(sent)[start : start + step])
        while (piece := frames.next_piece()) is not None:
            messages[-1] += piece.data
            if piece.last:
                messages.append(b"")
    if frames.theirs:
        frames.finish()
    told = frames.take_control()
    _, pong, code = answers_of(told, client=not client)
    return Answers(tuple(messages[:-1]), pong, code)


NAMES = [f"{case.section} {case.name}" for case in CASES]


@pytest.mark.parametrize("client", [True, False], ids=["client", "server"])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_frames(case: Case, client: bool) -> None:
    """However TCP cuts them, frames bring what the RFC says, and are answered so."""
    sent = sent_in(case, masked=not client)
    expected = Answers(case.messages, case.pong, case.code)
    for step in (1, 5, 997) if len(sent) < 1000 else (997, 65537):
        assert received(sent, step, client=client) == expected
    assert received(sent, len(sent), client=client) == expected


def test_masks_of_the_wrong_side() -> None:
    """Section 5.1: a client masks, a server does not; what else comes is a failure."""
    for client in (True, False):
        for case in CASES[:4]:
            sent = sent_in(case, masked=client)
            assert received(sent, len(sent), client=client) == Answers((), None, 1002)


def test_no_end_without_a_close() -> None:
    """Section 7.1.5: a connection that ends otherwise is 1006, which is no end of file."""
    for case in CASES:
        if case.code == 1000:
            sent = b"".join(each.encoded(b"") for each in case.frames if each.opcode != 8)
            frames = Frames(client=True)
            frames.feed(memoryview(sent))
            while frames.next_piece() is not None:
                pass
            frames.feed_end()
            assert not frames.theirs
            assert isinstance(frames.failure, EOFError | OSError)


@contextlib.contextmanager
def websockets_echo() -> Iterator[tuple[str, int]]:
    """Run an echo of the websockets library."""

    def echo(connection: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                connection.send(message)

    options: Any = {"compression": None, "max_size": None, "close_timeout": LIMIT}
    with websockets.sync.server.serve(echo, "127.0.0.1", 0, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[:2]
        finally:
            server.shutdown()
            thread.join()


def exchanged(sock: socket.socket, case: Case) -> Answers:
    """Return what a server that echoes messages answers on *sock*."""
    with sock:
        sock.settimeout(LIMIT)
        sock.sendall(REQUEST)
        got = b""
        while not got.endswith(b"\r\n\r\n"):
            got += sock.recv(1)
        sock.sendall(sent_in(case, masked=True))
        got = b""
        with contextlib.suppress(ConnectionResetError):  # it closes while more has come
            while data := sock.recv(65536):
                got += data
    messages, pong, code = answers_of(got, client=True)
    return Answers(tuple(messages), pong, code)


#: Where the RFC leaves a choice, and the websockets library makes another one.
CHOICES = {
    "no text, early": "it looks at whole messages only",
    "close without a code": "it answers without one",
}


@pytest.mark.slow
def test_cases_are_those_of_others() -> None:
    """The websockets library answers pings and ends as the table says: it is not ours alone."""
    wrong = []
    with websockets_echo() as place:
        for case in CASES:
            if case.name not in CHOICES:
                got = exchanged(socket.create_connection(place), case)
                if (got.pong, got.code) != (case.pong, case.code):
                    wrong.append((case.section, case.name, got))
    assert wrong == []


@pytest.mark.slow
def test_listener() -> None:
    """The whole listener answers all cases as the table says; empty messages are passed over."""
    options: Any = {"framing": "message"}
    wrong = []
    with echoing("ws-listen://127.0.0.1:0/chat", ws=options) as listener:
        for case in CASES:
            got = exchanged(connected(listener), case)
            messages = tuple(each for each in case.messages if each)
            if got != Answers(messages, case.pong, case.code):
                wrong.append((case.section, case.name, got))
    assert wrong == []
