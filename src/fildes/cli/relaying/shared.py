"""One side of a relay that all connections share, one after the other or at once."""

from __future__ import annotations

from fildes.streams.shaped import OpenEndedStream


class SharedStream(OpenEndedStream):
    """A stream that outlives whoever uses it: ``end-close`` of socat."""

    async def close(self) -> None:
        """Leave it to the next user."""

    def abort(self) -> None:
        """Leave it to the next user."""

    def release(self) -> None:
        """End it, for there will be no next one."""
        self.inner.abort()
