"""Several ranges at once: which windows to ask for, and what of them belongs where."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: One request of several ranges asks for no more, so that several connections share it.
MAX_RANGE = 8 << 20


def merged(ranges: Sequence[tuple[int, int]], near: int) -> list[tuple[int, int]]:
    """Return the windows to ask for so that *ranges* are all there.

    Ranges with no more than *near* bytes between them share a window; large windows
    are divided, for several connections.
    """
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(each for each in ranges if each[0] < each[1]):
        if joined and start - joined[-1][1] <= near:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop)
        else:
            joined.append((start, stop))
    return [
        (at, min(stop, at + MAX_RANGE))
        for start, stop in joined
        for at in range(start, stop, MAX_RANGE)
    ]


def copy_out(
    data: memoryview, offset: int, ranges: Sequence[tuple[int, int]], buffers: list[bytearray]
) -> None:
    """Copy of *data*, the bytes at *offset*, what belongs to each of *ranges*."""
    for (start, stop), buffer in zip(ranges, buffers, strict=True):
        low, high = max(start, offset), min(stop, offset + len(data))
        if low < high:
            buffer[low - start : high - start] = data[low - offset : high - offset]
