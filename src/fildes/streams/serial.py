"""Serial lines: their settings, and a stream that puts them back; termios(3), tty_ioctl(4).

A line has no end of its own. What ends is the connection to it: the modem hangs up (if
``carrier`` is on), the adapter is unplugged, the other side of a pseudoterminal is
closed. The kernel reports all of these alike, as a hang-up, and there is no way to ask
whether the other side had said all. So, as for a pseudoterminal, it is the end of file
of what is received; to send after it is EIO.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import termios
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.streams.terminal import (
    CFLAG,
    CLOSE_TIMEOUT,
    IFLAG,
    LOOK_DELAY,
    TerminalStream,
    clear,
    make_raw,
    put,
)
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: Parity by its flags; CMSPAR of asm-generic/termbits.h is not in the termios module.
CMSPAR = 0x4000_0000
PARITIES = {
    "none": 0,
    "even": termios.PARENB,
    "odd": termios.PARENB | termios.PARODD,
    "mark": termios.PARENB | termios.PARODD | CMSPAR,
    "space": termios.PARENB | CMSPAR,
}
PARITY = termios.PARENB | termios.PARODD | CMSPAR
BITS = {5: termios.CS5, 6: termios.CS6, 7: termios.CS7, 8: termios.CS8}

#: Of a speed that has no name: asm-generic/termbits.h, and the ioctl(2) requests for
#: struct termios2, of which the last two fields are the speeds in numbers.
BOTHER, CBAUD = 0x1000, 0x100F
TCGETS2, TCSETS2 = 0x802C_542A, 0x402C_542B
TERMIOS2 = struct.Struct("4I20s2I")

#: The lines of a modem that we set.
LINES = {"dtr": termios.TIOCM_DTR, "rts": termios.TIOCM_RTS}


class Settings(NamedTuple):
    """What a line is set to.

    Attributes:
      speed: bits per second.
      carrier: a lost carrier is a hang-up.
      lines: levels by the names of `LINES`; the others are left to the driver.
    """

    speed: int
    bits: int = 8
    parity: str = "none"
    stop: int = 1
    flow: str = "none"
    carrier: bool = False
    lines: tuple[tuple[str, bool], ...] = ()

    def flags(self) -> int:
        """Return the control flags that have to be as they are asked for."""
        flags = BITS[self.bits] | PARITIES[self.parity]
        if self.stop == 2:
            flags |= termios.CSTOPB
        if self.flow == "rtscts":
            flags |= termios.CRTSCTS
        return flags

    def change(self, attributes: list[Any]) -> None:
        """Change what tcgetattr(3) returned, but for the speed; bytes pass as they are."""
        make_raw(attributes)
        clear(attributes, IFLAG, "IXOFF IXANY INPCK IGNPAR")
        clear(attributes, CFLAG, "CSIZE CSTOPB CRTSCTS CLOCAL")
        attributes[CFLAG] &= ~PARITY
        put(attributes, CFLAG, self.flags() | termios.CREAD)
        if not self.carrier:
            put(attributes, CFLAG, termios.CLOCAL)
        if self.flow == "xonxoff":
            put(attributes, IFLAG, termios.IXON | termios.IXOFF)
        if self.parity != "none":
            put(attributes, IFLAG, termios.INPCK)


#: What `Settings.flags` decides.
CHECKED = termios.CSIZE | termios.CSTOPB | termios.CRTSCTS | PARITY


def apply(fd: int, settings: Settings) -> None:
    """Set the line to *settings*.

    Raises:
      OSError: EINVAL, it cannot be set so: tcsetattr(3) is content with a part.
    """
    attributes = get_attributes(fd)
    settings.change(attributes)
    named = getattr(termios, f"B{settings.speed}", None)
    attributes[4] = attributes[5] = attributes[4] if named is None else named
    set_attributes(fd, attributes)
    if named is None:
        set_speed(fd, settings.speed)
    check(fd, settings, named)
    for name, level in settings.lines:
        request = termios.TIOCMBIS if level else termios.TIOCMBIC
        try:
            fcntl.ioctl(fd, request, struct.pack("i", LINES[name]))
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror} (option {name}: no such line)") from None


def check(fd: int, settings: Settings, named: int | None) -> None:
    """Raise unless the line is set to *settings*."""
    found = get_attributes(fd)
    if found[CFLAG] & CHECKED != settings.flags():
        framing = f"bits={settings.bits}, parity={settings.parity}, stop={settings.stop}"
        raise OSError(errno.EINVAL, f"the line cannot do {framing} with flow={settings.flow}")
    if named is not None and found[5] != named:
        raise OSError(errno.EINVAL, f"the line cannot do speed={settings.speed}")


def set_attributes(fd: int, attributes: list[Any]) -> None:
    """Set what tcgetattr(3) returned; an error is an OSError."""
    try:
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
    except termios.error as error:
        raise OSError(*error.args) from None


def get_attributes(fd: int) -> list[Any]:
    """Return the attributes of a line; an error is an OSError."""
    try:
        return termios.tcgetattr(fd)
    except termios.error as error:
        raise OSError(*error.args) from None


def get_speed(fd: int) -> int | None:
    """Return the speed of a line if it is one without a name."""
    if get_attributes(fd)[CFLAG] & CBAUD != BOTHER:
        return None
    packed = fcntl.ioctl(fd, TCGETS2, bytes(TERMIOS2.size))
    return int(TERMIOS2.unpack(packed)[-1])


def set_speed(fd: int, speed: int) -> None:
    """Set a speed that has no name.

    Raises:
      OSError: EINVAL, the line cannot do it, or the kernel has no such request.
    """
    try:
        fields = list(TERMIOS2.unpack(fcntl.ioctl(fd, TCGETS2, bytes(TERMIOS2.size))))
        fields[CFLAG] = fields[CFLAG] & ~CBAUD | BOTHER
        fields[-2:] = speed, speed
        fcntl.ioctl(fd, TCSETS2, TERMIOS2.pack(*fields))
        found = get_speed(fd)
    except OSError:
        found = None
    # A divisor hits few speeds exactly; what is off by more than that nobody understands.
    if found is None or abs(found - speed) > speed * 0.02:
        raise OSError(errno.EINVAL, f"the line cannot do speed={speed}")


class SerialStream(TerminalStream):
    """A serial line, which it owns, also when it cannot be made.

    Its settings are put back when it is closed.
    """

    def __init__(self, fd: int) -> None:
        self.exclusive = False
        try:
            super().__init__(fd)
            self.before = get_attributes(fd)
            self.speed_before = get_speed(fd)
        except BaseException:
            os.close(fd)
            raise

    def take(self) -> None:
        """Let nobody else open the line, and nobody else who asks so, either.

        The first is TIOCEXCL, which root passes; the second flock(2), which most
        programs for serial lines respect.

        Raises:
          OSError: EBUSY, another one has it.
        """
        try:
            fcntl.flock(self.source, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy() from None
        fcntl.ioctl(self.source, termios.TIOCEXCL)
        self.exclusive = True

    def receive(self, buffer: Buffer) -> int:
        try:
            return super().receive(buffer)
        except OSError as error:
            if error.errno != errno.EIO:  # a hang-up that is under way
                raise
            return 0

    async def close(self) -> None:
        """Close once what was written is out.

        Raises:
          TimeoutError: the line takes nothing any more; what is left is dropped.
        """
        try:
            if self.source >= 0 and self.writable:
                await self.sent()
            self.release()
        finally:
            self.abort()

    async def sent(self) -> None:
        """Wait until the line has sent what was written, as long as it goes on."""
        before, deadline = -1, 0.0
        while (left := self.unsent()) > 0:
            if left != before:
                before, deadline = left, time.monotonic() + CLOSE_TIMEOUT
            elif time.monotonic() > deadline:
                message = f"{left} bytes were not sent: flow control holds the line"
                raise TimeoutError(errno.ETIMEDOUT, message)
            await wait_any({}, LOOK_DELAY)
        with contextlib.suppress(termios.error):  # a hang-up
            termios.tcdrain(self.sink)  # the few bytes in the hardware's queue

    def unsent(self) -> int:
        """Return how many bytes the line has yet to send; none after a hang-up."""
        try:
            return int(struct.unpack("i", fcntl.ioctl(self.sink, termios.TIOCOUTQ, bytes(4)))[0])
        except OSError:
            return 0

    def put_back(self) -> None:
        """Give the line the settings that it had; one that was hung up has none."""
        with contextlib.suppress(OSError):
            if self.exclusive:
                fcntl.ioctl(self.source, termios.TIOCNXCL)
            set_attributes(self.source, self.before)
            if self.speed_before is not None:
                set_speed(self.source, self.speed_before)

    def abort(self) -> None:
        if self.source >= 0 and self.writable:
            with contextlib.suppress(termios.error):
                # Or close(2) would wait for a line that is held; and it is not to be sent.
                termios.tcflush(self.sink, termios.TCOFLUSH)
        self.release()

    def release(self) -> None:
        """Put the settings back and close the descriptor."""
        try:
            if self.source >= 0:
                self.put_back()
        finally:
            super().abort()


def busy() -> OSError:
    """Return the error of a line that somebody else uses."""
    message = f"{os.strerror(errno.EBUSY)}: another program uses the line; fuser(1) tells which"
    return OSError(errno.EBUSY, message)
