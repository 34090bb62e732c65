"""The options of pseudoterminals, which exec and pty share."""

from __future__ import annotations

import fcntl
import re
import struct
import termios
from typing import TYPE_CHECKING

from fildes.errors import AddressError
from fildes.scheme import Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.address import Address
    from fildes.opening.opening import Opening

TERMINAL_OPTIONS = (
    Option("raw", "flag", "of the terminal: pass bytes as they are", False),
    Option("echo", "flag", "of the terminal: send back what is written"),
    Option("size", "text", "of the terminal: COLUMNSxROWS, as in 80x24"),
)

_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")


def terminal_settings(opening: Opening, address: Address) -> Callable[[int], None]:
    """Return what gives a terminal the modes and size that the options of *address* say."""
    from fildes.streams.terminal import LFLAG, clear, make_raw, put

    raw, echo, size = (opening.option(address, name) for name in ("raw", "echo", "size"))
    match = _SIZE.fullmatch(size or "0x0")
    if not match or max(columns := int(match[1]), rows := int(match[2])) > 0xFFFF:
        raise AddressError("option size takes COLUMNSxROWS, as in 80x24")

    def apply(fd: int) -> None:
        attributes = termios.tcgetattr(fd)
        if raw:
            make_raw(attributes)
        if echo is not None:
            put(attributes, LFLAG, termios.ECHO) if echo else clear(attributes, LFLAG, "ECHO")
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
        if size:
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    return apply
