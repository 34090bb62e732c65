"""fildes relay and the PROXY protocol: the client's address goes on from hop to hop."""

from __future__ import annotations

import socket

import pytest
from relay_commands import relay_running

import fildes


@pytest.mark.slow
@pytest.mark.parametrize("spelling", ["tcp-listen://127.0.0.1:0", "TCP-LISTEN:0,fork"])
def test_client_is_told(spelling: str) -> None:
    """What a relay opens with proxy-protocol tells whom it has accepted, not itself."""
    with fildes.listen("tcp-listen://127.0.0.1:0?proxy-protocol=on") as target:
        far = f"{target.address}?proxy-protocol=v2"
        with (
            relay_running(spelling, far) as running,
            socket.create_connection(("127.0.0.1", running.port), 20) as client,
            target.accept(timeout=20) as f,
        ):
            assert f.peer == "tcp://{}:{}".format(*client.getsockname())
            assert f.local == f"tcp://127.0.0.1:{running.port}"


@pytest.mark.slow
def test_client_that_was_told_is_told_on() -> None:
    """A relay behind another one tells on whom it was told of."""
    with fildes.listen("tcp-listen://127.0.0.1:0?proxy-protocol=on") as target:
        far = f"{target.address}?proxy-protocol=v1"
        with (
            relay_running("tcp-listen://127.0.0.1:0?proxy-protocol=on", far) as running,
            socket.create_connection(("127.0.0.1", running.port), 20) as client,
        ):
            client.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 80\r\nhello\n")
            with target.accept(timeout=20) as f:
                assert (f.peer, f.readline()) == ("tcp://192.0.2.1:5000", b"hello\n")
