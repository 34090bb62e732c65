"""A terminal on which the table of relays is shown."""

from __future__ import annotations

import contextlib
import fcntl
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from typing import IO, Any

from commands import LIMIT, start
from relay_commands import Running


class Screen:
    """A terminal, and what was shown on it."""

    def __init__(self, end: IO[bytes]) -> None:
        self.end = end
        self.shown = b""

    def read_until(self, pattern: bytes) -> bytes:
        """Read until *pattern* was shown; return all from its beginning."""
        deadline = time.monotonic() + LIMIT
        while not (match := re.search(pattern, self.shown, re.DOTALL)):
            left = max(deadline - time.monotonic(), 0)
            ready, _, _ = select.select([self.end], [], [], left)
            assert ready, f"{pattern!r} is not shown, but {self.shown[-4096:]!r}"
            self.shown += self.end.read(65536)
        self.shown = self.shown[match.start() :]
        return match[0]

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size; whoever has it gets SIGWINCH, tty_ioctl(4)."""
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@contextlib.contextmanager
def watching(*argv: str) -> Iterator[tuple[Running, Screen]]:
    """Run a relay with its table on a terminal of 80 columns and 24 lines."""
    with on_screen("relay", "--watch", *argv, "TCP-LISTEN:0,fork", "EXEC:cat") as (process, screen):
        yield Running(process), screen


@contextlib.contextmanager
def on_screen(*argv: str) -> Iterator[tuple[subprocess.Popen[bytes], Screen]]:
    """Run the command on a terminal of 80 columns and 24 lines; it is killed at the end."""
    ours, theirs = pty.openpty()
    with open(ours, "r+b", 0) as end:
        screen = Screen(end)
        screen.resize(80, 24)
        with open(theirs, "r+b", 0) as tty:
            how: dict[str, Any] = {"stdin": tty, "stdout": tty}
            process = start(*argv, **how)
        with process:
            try:
                yield process, screen
            finally:
                process.kill()
