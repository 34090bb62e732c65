"""Streams that are only read."""

from __future__ import annotations

import abc
import copy
import errno
from typing import TYPE_CHECKING

from fildes.streams.stream import Stream

if TYPE_CHECKING:
    from fildes.waiting import Interest


class Document(Stream):
    """A stream with one direction, towards us; the base of what brings a document.

    An error of the data path is kept and raised by each later receive. What comes
    after one must not pass for a continuation, and the kernel tells an error once:
    after a reset, recv(2) returns 0 as if the stream had ended well.
    """

    writable = False
    verdict: OSError | EOFError | None = None

    def try_recv_into(self, buffer: memoryview) -> int | None:
        if self.verdict is not None:
            raise copy.copy(self.verdict)
        try:
            return self.receive(buffer)
        except (OSError, EOFError) as error:
            # A copy has no traceback, whose frames would hold the caller's buffer.
            self.verdict = copy.copy(error)
            raise

    @abc.abstractmethod
    def receive(self, buffer: memoryview) -> int | None:
        """Do what `try_recv_into` promises, where no error came before."""

    def try_send(self, data: memoryview) -> int | None:
        raise OSError(errno.EBADF, "not open for writing")

    def send_wants(self) -> Interest:
        return {}

    async def half_close(self) -> None:
        """Do nothing: our direction was never open."""


class CarriedDocument(Document):
    """A document made of what the *inner* stream brings, which it owns."""

    inner: Stream

    def recv_wants(self) -> Interest:
        return self.inner.recv_wants()

    async def close(self) -> None:
        await self.inner.close()

    def abort(self) -> None:
        self.inner.abort()

    def interrupt(self) -> None:
        self.inner.interrupt()
