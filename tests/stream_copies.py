"""Copies between two streams, as a test wants them: to their ends, and nothing else."""

from __future__ import annotations

from fildes.streams.half import Half
from fildes.streams.relay import copy
from fildes.streams.stream import Stream


async def pipe_streams(source: Stream, sink: Stream, *, idle_timeout: float | None = None) -> int:
    """Copy *source* to *sink* up to its end of file; half-close *sink*; return the count."""
    half = Half(source, sink)
    await copy([half], idle_timeout)
    return half.copied


async def relay_streams(
    left: Stream, right: Stream, *, idle_timeout: float | None = None
) -> tuple[int, int]:
    """Copy both ways until both have ended; return the counts left to right and back."""
    there, back = Half(left, right), Half(right, left)
    await copy([there, back], idle_timeout)
    return there.copied, back.copied
