"""Whose congestion control a relay may change where much flows within a machine."""

from __future__ import annotations

import socket

import pytest
from service_bench import Bench, Log

import fildes
from fildes.drivers.loop import Loop
from fildes.relaying import splicing
from fildes.relaying.dialing import opener_of
from fildes.relaying.service import Service
from fildes.relaying.splicing import splice_from_now
from fildes.verbs import prepare

CHOSEN = "?congestion=reno"


@pytest.mark.parametrize("near", ["", CHOSEN])
@pytest.mark.parametrize("far", ["", CHOSEN])
def test_what_was_chosen_is_kept(near: str, far: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a side whose address chooses one nobody looks at it."""
    looked_at: list[socket.SocketType] = []
    monkeypatch.setattr(splicing, "unpace", looked_at.append)
    monkeypatch.setattr(splicing, "can_splice", lambda half: False)
    with (
        Loop() as loop,
        socket.create_server(("127.0.0.1", 0)) as behind,
        fildes.listen(f"tcp://127.0.0.1:0{near}") as listener,
    ):
        opening, _ = prepare(f"tcp://127.0.0.1:{behind.getsockname()[1]}{far}", "r+b", None, {})
        open_far = opener_of(opening.address, opening.policy, opening.options)
        service = Service(loop, listener.acceptor, open_far, Log())
        host, port = listener.address.removeprefix("tcp://").split(":")
        bench = Bench(loop, service, service.observer, behind, (host, int(port)))  # type: ignore[arg-type]  # it is a Log
        client, server = bench.connect()
        with client, server:
            (connection,) = service.connections
            pair = connection.pair_now()
            assert pair is not None
            splice_from_now(pair.there)
            splice_from_now(pair.back)
            expected = [
                half.to_sock for half, how in ((pair.there, far), (pair.back, near)) if not how
            ]
        service.close()
    assert looked_at == expected
