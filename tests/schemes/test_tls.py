"""tls: bytes both ways."""

from __future__ import annotations

import threading

import pytest
from peers import Conversation, echo
from tls_cases import MEBIBYTE, Open, Start, pattern


def test_half_close_then_a_long_answer(start_tls: Start, open_tls: Open) -> None:
    """T16: after our close_notify the answer still comes, all of it."""
    answer = pattern(MEBIBYTE)

    def script(talk: Conversation) -> None:
        assert talk.recv_all() == b"question"
        talk.send(answer)

    with open_tls(start_tls(script)) as f:
        f.write(b"question")
        f.half_close()
        assert f.read() == answer
        assert f.read() == b""


def test_half_close_with_data_under_way(start_tls: Start, open_tls: Open) -> None:
    """Data that is there before our close_notify, read or unread, is not lost by it."""
    data = pattern(MEBIBYTE)
    server = start_tls(lambda talk: (talk.send(data), talk.recv_all(), talk.send(b"end"))[0])
    with open_tls(server) as f:
        assert f.read(1) == data[:1]
        f.half_close()
        f.half_close()
        assert f.read() == data[1:] + b"end"


def test_write_after_half_close(start_tls: Start, open_tls: Open) -> None:
    """What is written after our end is BrokenPipeError, as for a socket."""
    with open_tls(start_tls(echo), buffering=0) as f:
        f.half_close()
        with pytest.raises(BrokenPipeError):
            f.write(b"more")
        assert f.read() == b""


def test_write_after_the_peers_end(start_tls: Start, open_tls: Open) -> None:
    """The peer's close_notify ends its direction only; ours goes on."""

    def script(talk: Conversation) -> None:
        talk.wire.say_goodbye()
        assert talk.recv_all() == b"still here"

    server = start_tls(script)
    with open_tls(server) as f:
        assert f.read() == b""
        f.write(b"still here")
    server.wait()
    assert server.received == b"still here"


@pytest.mark.slow
def test_both_ways_at_once(start_tls: Start, open_tls: Open) -> None:
    """16 MiB go out in one thread while they come back in another, unharmed."""
    data = pattern(16 * MEBIBYTE)
    with open_tls(start_tls(echo)) as f:

        def write() -> None:
            f.write(data)
            f.half_close()

        writer = threading.Thread(target=write)
        writer.start()
        received = f.read()
        writer.join()
    assert received == data


@pytest.mark.slow
def test_reader_is_not_held_up_by_a_blocked_writer(start_tls: Start, open_tls: Open) -> None:
    """While a writer waits for a peer that reads nothing, a reader gets what comes."""
    data = pattern(16 * MEBIBYTE)

    def script(talk: Conversation) -> None:
        talk.send(b"first")
        talk.stall()
        assert talk.recv_exactly(len(data)) == data

    server = start_tls(script)
    with open_tls(server) as f:
        writer = threading.Thread(target=f.write, args=(data,))
        writer.start()
        assert f.read(5) == b"first"
        server.release()
        writer.join()
        f.flush()
