"""Ways of cutting a message into the segments that a connection might bring."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from hypothesis import strategies as st

WHOLE = 1 << 30
STEPS = (1, 2, 7, WHOLE)


def by(step: int, data: bytes) -> list[bytes]:
    """Return *data* in segments of *step* bytes."""
    return [data[start : start + step] for start in range(0, len(data), step)]


def at(cuts: Iterable[int], data: bytes) -> list[bytes]:
    """Return *data* cut at the offsets *cuts* that lie in it."""
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    return [data[start:stop] for start, stop in itertools.pairwise(edges)]


def cuts(data: bytes) -> st.SearchStrategy[list[int]]:
    """Return any set of offsets in *data*."""
    return st.lists(st.integers(1, max(1, len(data) - 1)), max_size=20)
