"""The modes of a terminal that is there already; termios(3)."""

from __future__ import annotations

import contextlib
import os
import termios
from collections.abc import Iterator, Sequence
from typing import Any

#: The flags by their names, with the place that their word has in what tcgetattr returns.
IFLAG, OFLAG, CFLAG, LFLAG, ISPEED, OSPEED, CC = range(7)
_NAMES = {
    IFLAG: "BRKINT ICRNL IGNBRK IGNCR IGNPAR IMAXBEL INLCR INPCK ISTRIP IUCLC IXANY IXOFF IXON"
    " PARMRK",
    OFLAG: "OCRNL OFDEL OFILL OLCUC ONLCR ONLRET ONOCR OPOST",
    CFLAG: "CLOCAL CREAD CRTSCTS CSTOPB HUPCL PARENB PARODD",
    LFLAG: "ECHO ECHOCTL ECHOE ECHOK ECHOKE ECHONL ECHOPRT FLUSHO ICANON IEXTEN ISIG NOFLSH PENDIN"
    " TOSTOP XCASE",
}
FLAGS: dict[str, tuple[int, int]] = {
    name.lower(): (word, getattr(termios, name))
    for word, names in _NAMES.items()
    for name in names.split()
} | {"tandem": (IFLAG, termios.IXOFF), "hup": (CFLAG, termios.HUPCL)}

#: Where the bytes are that mean something, and how many are waited for.
BYTES: dict[str, int] = {
    f"v{name.lower()}": getattr(termios, f"V{name}")
    for name in (
        *("DISCARD", "EOF", "EOL", "EOL2", "ERASE", "INTR", "KILL", "LNEXT", "MIN", "QUIT"),
        *("REPRINT", "START", "STOP", "SUSP", "TIME", "WERASE"),
    )
}

#: What each of these clears and sets; cfmakeraw in termios(3), sane in stty(1).
CLEARED_BY_RAW = {
    IFLAG: termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP
    | termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON,
    OFLAG: termios.OPOST,
    LFLAG: termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN,
    CFLAG: termios.CSIZE | termios.PARENB,
}  # fmt: skip
SET_BY_SANE = {
    IFLAG: termios.BRKINT | termios.ICRNL | termios.IXON | termios.IMAXBEL,
    OFLAG: termios.OPOST | termios.ONLCR,
    LFLAG: termios.ISIG | termios.ICANON | termios.IEXTEN | termios.ECHO | termios.ECHOE
    | termios.ECHOK,
    CFLAG: termios.CREAD,
}  # fmt: skip

Attributes = list[Any]


def changed(attributes: Attributes, modes: Sequence[tuple[str, int]]) -> Attributes:
    """Return *attributes*, as of termios.tcgetattr, with *modes* set in their order."""
    attributes = [*attributes[:CC], list(attributes[CC])]
    for name, value in modes:
        if name in ("raw", "rawer", "cfmakeraw"):
            make_raw(attributes)
        elif name == "sane":
            for word, bits in SET_BY_SANE.items():
                attributes[word] |= bits
        elif name in FLAGS:
            word, bit = FLAGS[name]
            attributes[word] = attributes[word] | bit if value else attributes[word] & ~bit
        elif name in BYTES:
            attributes[CC][BYTES[name]] = value if name in ("vmin", "vtime") else bytes([value])
        elif name.startswith("cs"):
            size = getattr(termios, name.upper())
            attributes[CFLAG] = attributes[CFLAG] & ~termios.CSIZE | size
        else:
            set_speed(attributes, name, value)
    return attributes


def make_raw(attributes: Attributes) -> None:
    """Let bytes pass as they are."""
    for word, bits in CLEARED_BY_RAW.items():
        attributes[word] &= ~bits
    attributes[CFLAG] |= termios.CS8
    attributes[CC][termios.VMIN], attributes[CC][termios.VTIME] = 1, 0


def set_speed(attributes: Attributes, name: str, value: int) -> None:
    """Set one or both speeds, in bits per second."""
    word = {"ispeed": [ISPEED], "ospeed": [OSPEED]}.get(name, [ISPEED, OSPEED])
    rate = value if name.endswith("speed") else int(name[1:])
    speed = getattr(termios, f"B{rate}", None)
    if speed is None:
        raise ValueError(f"{rate} bits per second is no speed of a terminal; termios(3) has them")
    for each in word:
        attributes[each] = speed


@contextlib.contextmanager
def terminal_in_modes(fd: int, modes: Sequence[tuple[str, int]]) -> Iterator[None]:
    """Set *modes* of the terminal *fd* during the body; what is no terminal is left alone."""
    if not modes or fd < 0 or not os.isatty(fd):
        yield
        return
    before = termios.tcgetattr(fd)
    try:
        termios.tcsetattr(fd, termios.TCSANOW, changed(before, modes))
    except termios.error as error:
        raise OSError(error.args[0], "the terminal does not take these modes") from error
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
