"""The reading end of a named pipe that perhaps nobody has opened yet for writing; fifo(7).

read(2) takes that for an end of file, but poll(2) knows better: it tells nothing until the
first writer has written or gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.streams.kernel import DescriptorStream
from fildes.waiting import READ

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fildes.streams.stream import Direct


class UnwrittenStream(DescriptorStream):
    """A pipe that is never read before poll(2) has told of something."""

    @property
    def begun(self) -> bool:
        """Whether there is something to read, or an end that is one."""
        return bool(wait({self.source: READ}, 0))

    def direct(self) -> Direct | None:
        return super().direct() if self.begun else None

    def blocking_recv_into(self) -> Callable[[Buffer], int] | None:
        return super().blocking_recv_into() if self.begun else None
