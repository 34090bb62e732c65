"""Relays that splice, under random scripts of what both ends do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from relays_under_test import splice_always
from turned_relay import MakePair, NewBench, Script, narrow_pair, scripts, unix_pair

from fildes.relaying import splicing
from fildes.relaying.socket_half import SocketHalf
from fildes.relaying.splicing import HELD, SplicedHalf


@pytest.mark.slow
@pytest.mark.parametrize("kind", [unix_pair, narrow_pair])
@pytest.mark.parametrize("little", [1, 3000])
@pytest.mark.parametrize("pipe_size", [4096, 65536])
def test_scripts(
    kind: MakePair,
    little: int,
    pipe_size: int,
    new_bench: NewBench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever slow readers, ends and resets do, each end gets a prefix, or all and the end."""
    splice_always(monkeypatch, pipe_size)
    monkeypatch.setattr(splicing, "LITTLE", little)  # so that some go back, too
    met: set[object] = set()

    @settings(max_examples=250)
    @given(scripts)
    def holds(script: Script) -> None:
        bench = new_bench(kind)
        try:
            for is_left, (action, size), rounds in script:
                getattr(bench.ends[not is_left], action)(size)
                bench.turn(rounds)
                for half in bench.directions:
                    met.update((type(half), getattr(half, "left", None) is HELD))
            bench.finish()
            bench.judge()
        finally:
            bench.close()

    holds()
    assert {SocketHalf, SplicedHalf, True, False} <= met
