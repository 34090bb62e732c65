"""How far away servers are is known beyond one document."""

from __future__ import annotations

from typing import Any

import pytest
from counting import CountingServer

import fildes
from fildes.http.planning import FIRST_BDP, Rate
from fildes.http.pool import MAX_RATES, Pool


def test_documents_share_what_was_measured() -> None:
    """How far away a server is, the next document of an Opener knows from the one before."""
    with CountingServer(bytes(1 << 20)) as server, fildes.Opener() as opener:
        rates = []
        for path in ("/a", "/b"):
            with opener.open(server.address(path)) as file:
                stream: Any = file.description.stream
                rates.append(stream.planner.rate)
        assert rates[0] is rates[1]
        with fildes.open(server.address()) as file:
            stream = file.description.stream
            assert stream.planner.rate is not rates[0]


def test_pool_remembers_so_many_rates() -> None:
    """What is known of the server that nobody asked for longest is forgotten."""
    pool = Pool()
    first, rates = pool.rate(0, Rate()), [pool.rate(key, Rate()) for key in range(1, MAX_RATES)]
    assert pool.rate(0, Rate()) is first
    pool.rate("one more", Rate())
    assert pool.rate(2, Rate()) is rates[1]
    assert pool.rate(1, Rate()) is not rates[0]


def test_connections_elsewhere_are_no_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is received to its end for its connection, whatever others an Opener keeps."""
    monkeypatch.setattr(Rate, "bdp", FIRST_BDP)
    data = bytes(3 << 20)
    with CountingServer(b"small") as other, CountingServer(data) as server:
        with fildes.Opener() as opener:
            with opener.open(other.address()) as file:
                assert file.read() == b"small"
            with opener.open(server.address()) as file:
                assert file.pread(10, 1 << 20) == bytes(10)
                assert file.pread(10, 2 << 20) == bytes(10)
        assert (other.connections, server.connections) == (1, 1)
