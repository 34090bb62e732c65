"""Pings of ours, so that a peer that is gone is noticed; RFC 6455 section 5.5.2."""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING

from fildes.streams.timer import Timer
from fildes.waiting import READ, Interest

if TYPE_CHECKING:
    from fildes.websocket.frames import Frames


class Pings:
    """Sends a ping each *seconds* seconds, as long as somebody receives; 0 for never.

    A descriptor wakes who waits for the peer. Whatever comes from there is a sign of life.
    """

    def __init__(self, frames: Frames, seconds: float) -> None:
        self.frames = frames
        self.seconds = seconds
        self.timer = Timer()
        self.due = 0.0
        if seconds:
            self.start()

    def start(self) -> None:
        """Let who waits wake for the next ping."""
        self.due = time.monotonic() + self.seconds
        self.timer.start(self.seconds)

    def look(self) -> None:
        """Send a ping if one is due; a peer that was silent since the last one is gone."""
        if not self.seconds or time.monotonic() < self.due:
            return
        self.timer.clear()
        if self.frames.ended:  # nothing can be sent any more
            return
        if self.frames.heard:
            self.frames.ping()
            self.start()
        else:
            words = f"no answer to a ping in {self.seconds:g} s"
            self.frames.failure = TimeoutError(errno.ETIMEDOUT, words)

    def wants(self) -> Interest:
        """Return what wakes for the next ping."""
        return {self.timer.fd: READ} if self.timer.fd >= 0 else {}

    def close(self) -> None:
        """Release the descriptor."""
        self.timer.close()
