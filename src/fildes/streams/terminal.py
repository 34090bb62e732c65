"""Terminals: pseudoterminals and serial lines; tty(4), pty(7), termios(3).

A terminal has no end of its own direction. What comes nearest is the character VEOF,
Ctrl-D, which makes the next read at the other end return nothing, if that end is in
canonical mode. So `half_closes` depends on the mode, and whoever relays has to linger
where it is False.

poll(2) promises room for one byte only, so these descriptors are in non-blocking mode
as long as nobody else has them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios
import time
from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.streams.kernel import DescriptorStream
from fildes.waiting import READ, WRITE, wait_any

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

#: As large as what a pseudoterminal queues, and a page for each write to a line.
SEND_SIZE = 4096  # arbitrary

#: Seconds that `close` waits for what was written to be taken at the other end: closing
#: discards it.  # arbitrary
CLOSE_TIMEOUT = 1.0

#: Nothing tells when a terminal's queue is empty, so it is looked at so often.  # arbitrary
LOOK_DELAY = 0.005

#: Places in what tcgetattr(3) returns.
IFLAG, OFLAG, CFLAG, LFLAG, _ISPEED, _OSPEED, CC = range(7)

#: ioctl(2) requests of Linux's asm-generic/ioctls.h that the termios module lacks.
TIOCSPTLCK, TIOCGPTN, TIOCGPTPEER = 0x4004_5431, 0x8004_5430, 0x5441


class TerminalStream(DescriptorStream):
    """A terminal, which it owns.

    Attributes:
      shared: somebody else may hold the descriptor, so it is in blocking mode.
    """

    shared = False

    def __init__(self, fd: int) -> None:
        super().__init__(fd, fd)
        self.received_end = False
        os.set_blocking(fd, False)

    @property
    def half_closes(self) -> bool:
        return False

    def try_recv_into(self, buffer: memoryview) -> int | None:
        if self.received_end:
            return 0
        if self.shared and not wait({self.source: READ}, 0):
            return None
        try:
            received = self.receive(buffer)
        except BlockingIOError:
            return None
        self.received_end = not received
        return received

    def receive(self, buffer: Buffer) -> int:
        """Receive as readv(2) does."""
        return os.readv(self.source, [buffer])

    def try_send(self, data: memoryview) -> int | None:
        if self.shared and not wait({self.sink: WRITE}, 0):
            return None
        try:
            return os.write(self.sink, data[: 1 if self.shared else SEND_SIZE])
        except BlockingIOError:
            return None

    def fileno(self) -> int:
        if self.source >= 0 and not self.shared:
            self.shared = True
            os.set_blocking(self.source, True)
        return self.source

    def blocking_recv_into(self) -> Callable[[Buffer], int] | None:
        return None

    def blocking_send(self) -> Callable[[Buffer], int] | None:
        return None

    async def half_close(self) -> None:
        """Do nothing: a line has no end."""


class MasterStream(TerminalStream):
    """Our end of a pseudoterminal; programs use the other one.

    When no program has the other end open any more, that is the end of file.
    """

    ended = False

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self.path = slave_path(fd)

    @property
    def half_closes(self) -> bool:
        return self.sink >= 0 and bool(termios.tcgetattr(self.sink)[LFLAG] & termios.ICANON)

    def receive(self, buffer: Buffer) -> int:
        try:
            return super().receive(buffer)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return 0

    async def half_close(self) -> None:
        """Type the character that is an end of file in canonical mode.

        Twice, since behind the beginning of a line the first one only ends the wait
        for the rest of it; termios(3), VEOF.
        """
        if self.ended or not self.half_closes:
            return
        self.ended = True
        await self.send_all(termios.tcgetattr(self.sink)[CC][termios.VEOF] * 2)

    async def close(self) -> None:
        """Close once the other end has taken what was written, or has had time to."""
        try:
            if self.sink >= 0:
                await self.taken(time.monotonic() + CLOSE_TIMEOUT)
        finally:
            self.abort()

    async def taken(self, deadline: float) -> None:
        """Wait until nothing is left in the queue of the other end."""
        while self.unread() and time.monotonic() < deadline:
            await wait_any({}, LOOK_DELAY)

    def unread(self) -> int:
        """Return how many bytes a program that has the other end open has yet to read."""
        if self.received_end or wait({self.source: 0}, 0):  # a hang-up: nobody has it open
            return 0
        peer = fcntl.ioctl(self.source, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            return int(struct.unpack("i", fcntl.ioctl(peer, termios.FIONREAD, bytes(4)))[0])
        finally:
            os.close(peer)

    @property
    def local(self) -> str | None:
        return None

    @property
    def peer(self) -> str | None:
        return f"file://{self.path}"


def open_master() -> int:
    """Return our end of a new pseudoterminal; ptmx(4)."""
    fd = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, TIOCSPTLCK, struct.pack("i", 0))
    except BaseException:
        os.close(fd)
        raise
    return fd


def slave_path(master: int) -> str:
    """Return the path of the other end of a pseudoterminal."""
    number = struct.unpack("i", fcntl.ioctl(master, TIOCGPTN, bytes(4)))[0]
    return f"/dev/pts/{number}"


def make_raw(attributes: list[int | list[bytes | int]]) -> None:
    """Change what tcgetattr(3) returned so that bytes pass as they are; cfmakeraw(3)."""
    clear(attributes, IFLAG, "IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON")
    clear(attributes, OFLAG, "OPOST")
    clear(attributes, LFLAG, "ECHO ECHONL ICANON ISIG IEXTEN")
    clear(attributes, CFLAG, "CSIZE PARENB")
    put(attributes, CFLAG, termios.CS8)
    characters = attributes[CC]
    assert isinstance(characters, list)
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0


def clear(attributes: list[int | list[bytes | int]], field: int, names: str) -> None:
    """Clear the flags called *names* in one field."""
    value = attributes[field]
    assert isinstance(value, int)
    for name in names.split():
        value &= ~getattr(termios, name)
    attributes[field] = value


def put(attributes: list[int | list[bytes | int]], field: int, flags: int) -> None:
    """Set *flags* in one field."""
    value = attributes[field]
    assert isinstance(value, int)
    attributes[field] = value | flags
