"""serial: a serial line; termios(3)."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from fildes.scheme import Example, Option, Scheme, Shape
from fildes.streams.serial import LINES, SerialStream, Settings, apply, busy

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="serial",
    shape=Shape.PATH,
    summary="a serial line",
    options=(
        Option(
            "speed",
            "integer",
            "bits per second; also such as have no name",
            9600,
            least=1,
            most=20_000_000,
        ),
        Option("bits", "integer", "bits of a character, 5 to 8", 8, least=5, most=8),
        Option(
            "parity",
            "text",
            "of each character",
            "none",
            choices=("none", "even", "odd", "mark", "space"),
        ),
        Option("stop", "integer", "stop bits, 1 or 2", 1, least=1, most=2),
        Option(
            "flow",
            "text",
            "how a receiver says wait: by a wire, or by the bytes 19 and 17",
            "none",
            choices=("none", "rtscts", "xonxoff"),
        ),
        Option("carrier", "flag", "end when the modem has no carrier", False),
        Option("dtr", "flag", "set or clear the line DTR, which resets many boards"),
        Option("rts", "flag", "set or clear the line RTS"),
        Option("exclusive", "flag", "let no other program open the line meanwhile", True),
    ),
    examples=(
        Example("serial:///dev/ttyUSB0?speed=115200", "8 bits, no parity, 1 stop bit"),
        Example("serial:/dev/ttyS0?bits=7&parity=even&flow=rtscts", "an old terminal"),
        Example("serial:/dev/ttyACM0?speed=250000&dtr=off", "a board that DTR would reset"),
    ),
)

FLAGS = {"rb": os.O_RDONLY, "wb": os.O_WRONLY, "r+b": os.O_RDWR}

#: Without O_NONBLOCK an open(2) would wait for the carrier; termios(3), CLOCAL.
QUIET = os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Open the line at the path and set it as the options say.

    Its settings are put back when it is closed. A hang-up (the adapter is unplugged, the
    carrier lost) is the end of file: a line cannot say that it has said all.
    """
    settings, path = settings_of(opening, address), address.path
    with opening.step("connect", path):
        stream = SerialStream(open_line(path, FLAGS[opening.mode]))
        try:
            if opening.option(address, "exclusive"):
                stream.take()
            apply(stream.source, settings)
        except BaseException:
            stream.abort()
            raise
    return stream


def open_line(path: str, flags: int) -> int:
    """Return a descriptor of the line at *path*.

    Raises:
      OSError: ENOTTY, there is something else; EBUSY, another program has it.
    """
    try:
        fd = os.open(path, flags | QUIET)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise busy() from None
        raise
    try:
        if not os.isatty(fd):
            raise OSError(errno.ENOTTY, f"no serial line: open it as file:{path}")
    except BaseException:
        os.close(fd)
        raise
    return fd


def settings_of(opening: Opening, address: Address) -> Settings:
    """Return the settings that the options of *address* say."""
    given = opening.given(address)
    lines = tuple((name, bool(given[name])) for name in LINES if given.get(name) is not None)
    kept = {name: given[name] for name in ("speed", "bits", "parity", "stop", "flow", "carrier")}
    return Settings(**kept, lines=lines)
