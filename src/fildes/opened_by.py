"""What is left of an open: what the file remembers to be pickled, what `explain` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.opening.opening import Opening

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fildes.address import Address
    from fildes.files.modes import Mode
    from fildes.trace import Trace


class OpenedBy(NamedTuple):
    """What `open` was asked for."""

    opening: Opening
    wanted: Mode
    buffering: int
    timeout: float | None
    idle_timeout: float | None
    text: Mapping[str, str | None]

    def of(self, address: Address) -> OpenedBy:
        """Return what another document was opened by, in the same way."""
        before = self.opening
        opening = Opening(address, before.mode, before.policy, before.options)
        return self._replace(opening=opening)

    def reduce(self, file: Any) -> tuple[Any, ...]:
        """Return what pickle stores for *file*; see `fildes.reopening`."""
        from fildes.reopening import reduced

        return reduced(file, self)


class Explanation(NamedTuple):
    """What opening an address took, and how it ended."""

    address: str
    trace: Trace
    error: Exception | None
