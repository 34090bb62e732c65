"""A small answer of a web server, cut at each of its bytes: never a short document."""

from __future__ import annotations

import pytest
from fault_proxy import FaultProxy
from faults import Faults, Plan
from http_script import CHUNKED_HEAD, LENGTH_20, answering, chunks
from peers import LIMIT, StartPeer
from ways import Way, cat, read, readinto

import fildes

DOCUMENT = b"one\ntwo\nthree\nfour\n."

ANSWERS = {
    "length": LENGTH_20 + DOCUMENT,
    "chunked": CHUNKED_HEAD + chunks(DOCUMENT) + b"0\r\n\r\n",
}

#: Seconds without a byte that are a stall here.  # arbitrary
STALL = 0.02


def faults_at(place: int, how: str) -> Faults:
    """Return what happens to an answer at *place*."""
    if how == "stall":
        return Faults(stall_at=place)
    return Faults(cut_at=place, reset=how == "reset")


@pytest.mark.slow
@pytest.mark.parametrize("way", [read, readinto, cat], ids=lambda way: way.__name__)
@pytest.mark.parametrize("how", ["end", "reset"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_cut_at_each_byte(peer: StartPeer, answer: bytes, how: str, way: Way) -> None:
    """An end, a reset or silence at any byte is an error, and what came before is a prefix."""
    server = peer(answering(answer), repeat=True)
    for place in range(len(answer)):
        got = bytearray()
        with FaultProxy(server.name, Plan(back=faults_at(place, how))) as proxy:
            with pytest.raises((OSError, EOFError)):
                read_all(proxy.address("http", "/"), way, got)
            assert DOCUMENT.startswith(got), place


@pytest.mark.slow
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_silence_at_each_byte(peer: StartPeer, answer: bytes) -> None:
    """A server that says no more at any byte is a time-out, with a prefix before it."""
    server = peer(answering(answer), repeat=True)
    for place in range(len(answer)):
        got = bytearray()
        with FaultProxy(server.name, Plan(back=faults_at(place, "stall"))) as proxy:
            with pytest.raises(TimeoutError):
                read_all(proxy.address("http", "/"), read, got, limit=STALL)
            assert DOCUMENT.startswith(got), place


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_cut_behind_the_last_byte(peer: StartPeer, answer: bytes) -> None:
    """What is cut behind its end is whole."""
    server = peer(answering(answer), repeat=True)
    for how in ("end", "stall"):
        got = bytearray()
        with FaultProxy(server.name, Plan(back=faults_at(len(answer), how))) as proxy:
            read_all(proxy.address("http", "/"), read, got)
        assert got == DOCUMENT


def read_all(address: str, way: Way, got: bytearray, limit: float = LIMIT) -> None:
    with fildes.open(address, idle_timeout=limit, timeout=limit) as file:
        way(file, got)
