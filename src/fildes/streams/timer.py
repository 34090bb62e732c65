"""A descriptor that becomes readable after a while; timerfd_create(2).

What waits for descriptors only, such as protocol code, so waits for a time as well.
Python has the calls from 3.13 on; before, libc is asked.
"""

from __future__ import annotations

import contextlib
import os
import struct

CLOCK_MONOTONIC = 1  #: time.h of Linux
TFD_NONBLOCK = os.O_NONBLOCK
TFD_CLOEXEC = os.O_CLOEXEC

NANOSECONDS = 1_000_000_000


class Timer:
    """A timer, whose descriptor is made when it is first started."""

    def __init__(self) -> None:
        self.fd = -1

    def start(self, seconds: float) -> None:
        """Let the descriptor become readable after *seconds*, which may be next to none."""
        if self.fd < 0:
            self.fd = call("timerfd_create", CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
        whole, rest = divmod(max(round(seconds * NANOSECONDS), 1), NANOSECONDS)
        # struct itimerspec: an interval of zero, so that it goes off once; then when.
        call("timerfd_settime", self.fd, 0, struct.pack("llll", 0, 0, whole, rest), None)

    def clear(self) -> None:
        """Let the descriptor be unreadable until the next start."""
        if self.fd < 0:
            return
        with contextlib.suppress(BlockingIOError):  # it has not gone off
            os.read(self.fd, 8)  # how often it has, in 64 bits

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Release the descriptor."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def call(name: str, *arguments: int | bytes | None) -> int:
    """Return what the function of libc called *name* returns; raise if it fails."""
    import ctypes  # 5 ms, for the few who need a timer

    result: int = getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
