"""A program that has said all and ended is not spoken to any more, and its answer arrives."""

from __future__ import annotations

import socket
import threading

import pytest
from peers import LIMIT
from relays_under_test import RelayTo
from tcp_ends import received

pytestmark = pytest.mark.slow

SIZE = 8_000_000  #: more than the queues between a program and a client hold


def speak(sock: socket.socket, size: int) -> None:
    sock.sendall(bytes(size))
    sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("way", ["", "&pipes=on"])
def test_answer_of_who_does_not_listen(way: str, relay_to: RelayTo) -> None:
    """A program that takes nothing of the question loses nothing of its answer."""
    relay = relay_to(f"exec:head?arg=-c{SIZE}&arg=/dev/zero{way}")
    with socket.create_connection(("127.0.0.1", relay.port), LIMIT) as client:
        speaker = threading.Thread(target=speak, args=(client, SIZE // 4))
        speaker.start()
        assert received(client) == (SIZE, None)
        speaker.join()
    relay.outcome()  # whether it was told that nobody listens depends on who was first


@pytest.mark.parametrize("way", ["", "&pipes=on", "&pty=on"])
def test_silent_client_does_not_keep_it(way: str, relay_to: RelayTo) -> None:
    """A relay is over with its program, though its client has never said its own end."""
    relay = relay_to(f"exec:printf?arg=all{way}")
    with socket.create_connection(("127.0.0.1", relay.port), LIMIT) as client:
        assert received(client) == (3, None)
        assert relay.outcome() is None
