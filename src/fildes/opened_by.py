"""What is left of an open: what the file remembers to be pickled, what `explain` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fildes.files.modes import Mode
    from fildes.opening.opening import Opening
    from fildes.trace import Trace


class OpenedBy(NamedTuple):
    """What `open` was asked for."""

    opening: Opening
    wanted: Mode
    buffering: int
    timeout: float | None
    idle_timeout: float | None
    text: Mapping[str, str | None]

    def reduce(self, file: Any) -> tuple[Any, ...]:
        """Return what pickle stores for *file*; see `fildes.reopening`."""
        from fildes.reopening import reduced

        return reduced(file, self)


class Explanation(NamedTuple):
    """What opening an address took, and how it ended."""

    address: str
    trace: Trace
    error: Exception | None
