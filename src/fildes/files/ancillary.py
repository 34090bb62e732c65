"""The faces of a file that sends and receives descriptors; see `fildes.streams.ancillary`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Buffer

    from fildes.files.async_description import AsyncDescription
    from fildes.files.description import Description
    from fildes.streams.ancillary import Received


class HasDescriptor(Protocol):
    """A file, or a socket."""

    def fileno(self) -> int: ...


class DescriptorPassing:
    """Sends and receives descriptors, over a unix socket."""

    description: Description

    def send_fds(self, data: Buffer, fds: Iterable[int | HasDescriptor]) -> int:
        """Send what was written, then all of *data* with duplicates of *fds*.

        The duplicates arrive with the first byte of *data*, which must not be empty. Ours
        stay open and ours.

        Args:
          fds: numbers, or what has a `fileno`; at most 253.

        Returns:
          The size of *data*.

        Raises:
          io.UnsupportedOperation: this is no unix socket, or not open for writing.
          OSError: as sendmsg(2).
        """
        from fildes.streams import ancillary

        description = self.description
        description.check_open()
        stream, view = ancillary.carrier(description.stream), filled(data)
        check_direction(description, reading=False)
        numbers = numbers_of(fds)
        with description.sending:
            description.check_sendable()
            description.send_pending()
            try:
                while (sent := ancillary.try_send_fds(stream, view, numbers)) is None:
                    description.wait(stream.send_wants())
            except OSError as error:
                description.blame(error, "write")
                raise
            description.send_all(view[sent:])
        return len(view)

    def recv_fds(self, size: int, maxfds: int) -> Received:
        """Return up to *size* bytes, and the descriptors that came with them.

        They are close-on-exec, and yours to close. A plain read of bytes that carry
        descriptors drops these, so nothing may have been read ahead.

        Args:
          size: at least 1.
          maxfds: how many descriptors are taken; at most 253.

        Returns:
          Bytes, empty at the end of file, and descriptors.

        Raises:
          io.UnsupportedOperation: this is no unix socket, or bytes were read ahead, as
            `read` and `readline` of a buffered file do: open it with ``buffering=0``.
          OSError: EMSGSIZE, there were more descriptors, or the datagram is longer than
            *size*: all is lost, and no descriptor left open.
        """
        from fildes.streams import ancillary

        description = self.description
        description.check_open()
        stream = ancillary.carrier(description.stream)
        check_receiving(description, self.count_ahead(), size, maxfds)
        description.receiving = True
        try:
            description.send_before_receiving()
            while (received := ancillary.try_recv_fds(stream, size, maxfds)) is None:
                description.wait(description.recv_wants())
        except OSError as error:
            description.blame(error, "read")
            raise
        finally:
            description.receiving = False
        if not received[0]:
            description.check_end()
        return received

    def count_ahead(self) -> int:
        """Return how many bytes were read ahead."""
        return 0


class AsyncDescriptorPassing:
    """The same with `await`. A receive that is cancelled has received nothing."""

    description: AsyncDescription

    async def send_fds(self, data: Buffer, fds: Iterable[int | HasDescriptor]) -> int:
        """As `DescriptorPassing.send_fds`; *fds* stay open until it returns."""
        from fildes.streams import ancillary

        description = self.description
        description.check_open()
        stream, view = ancillary.carrier(description.stream), filled(data)
        check_direction(description, reading=False)
        numbers = numbers_of(fds)
        description.check_sendable()
        await description.flush()
        try:
            while (sent := ancillary.try_send_fds(stream, view, numbers)) is None:
                await description.wait(stream.send_wants())
                await description.flush()  # what another task has written meanwhile
        except OSError as error:
            description.blame(error, "write")
            raise
        if sent < len(view):
            await description.write(view[sent:])
            await description.flush()
        return len(view)

    async def recv_fds(self, size: int, maxfds: int) -> Received:
        """As `DescriptorPassing.recv_fds`."""
        from fildes.streams import ancillary

        description = self.description
        await description.take_turns()
        stream = ancillary.carrier(description.stream)
        check_receiving(description, len(getattr(self, "ahead", b"")), size, maxfds)
        try:
            description.send_before_receiving()
            while (received := ancillary.try_recv_fds(stream, size, maxfds)) is None:
                await description.wait(description.recv_wants())
        except OSError as error:
            description.blame(error, "read")
            raise
        if not received[0]:
            description.check_end()
        return received


def check_receiving(
    description: Description | AsyncDescription, ahead: int, size: int, most: int
) -> None:
    """Raise unless descriptors can be received."""
    from fildes.streams import ancillary

    check_direction(description, reading=True)
    if ahead:
        raise io.UnsupportedOperation(
            f"{ahead} bytes were read ahead, and what came with them is lost: "
            "open the file with buffering=0"
        )
    if size < 1 or not 0 <= most <= ancillary.MAX_DESCRIPTORS:
        raise ValueError(
            f"descriptors come with at least 1 byte, and are at most {ancillary.MAX_DESCRIPTORS}"
        )


def check_direction(description: Description | AsyncDescription, *, reading: bool) -> None:
    """Raise unless the file is open in that direction."""
    stream = description.stream
    if not (stream.readable if reading else stream.writable):
        raise io.UnsupportedOperation(f"not open for {'reading' if reading else 'writing'}")


def filled(data: Buffer) -> memoryview:
    """Return a view of *data*, which is not empty."""
    view = memoryview(data).cast("B")
    if not view:
        raise ValueError("descriptors travel with data: send at least one byte")
    return view


def numbers_of(fds: Iterable[int | HasDescriptor]) -> list[int]:
    """Return the numbers of *fds*."""
    return [each if isinstance(each, int) else each.fileno() for each in fds]
