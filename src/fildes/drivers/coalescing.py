"""Letting events come together, where more gets done that way.

A round of a loop sees to what is ready. Where many small messages come, most rounds find one
or two of them, and each round costs a wait, a wake-up and a switch, here and in those who
send. Network cards have the same trouble, and coalesce: behind the first event they wait
a moment for others.

Whether that helps depends on who has something to do meanwhile: a few clients, all of
whom wait for us, would lose. So it is tried. Under load turns with pauses alternate with
turns without, and pauses are made as long as more bytes per second move with them. What
comes at a rate of its own moves as fast either way: so they are made only where all is as
fast as it can be, and delay nobody else.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import select
    from collections.abc import Callable

#: Descriptors, and what they are ready for.
Events = list[tuple[int, int]]

#: Events of one round; more come in the next one, so that timers are looked at. It is so
#: small that malloc(3) need not look for the room for them each time.
MAX_EVENTS = 64

#: Events of a round that need no others.
MANY = 8  # arbitrary

#: Seconds of a pause: the shortest that there is. The kernel makes it 60 microseconds or so,
#: for it lets timers of ordinary processes be late; PR_SET_TIMERSLACK of prctl(2).
PAUSE = 1e-5

#: Events per second below which nothing is tried.
BUSY = 20_000  # arbitrary

#: Seconds between two looks at how busy it is.
LOOK = 0.05  # arbitrary

#: Seconds of a turn of a trial, with pauses or without, and the number of turns. Shorter ones
#: are still much as the one before: messages that travel together do so for some rounds.
TURN, TURNS = 0.04, 4  # arbitrary

#: Seconds after a trial until the next one, and at most, if they go on saying the same.
FIRST_HOLD, LONGEST_HOLD = 1.0, 8.0  # arbitrary

#: So many times as much is worth the delay.
GAIN = 1.04  # arbitrary


class Coalescing:
    """Waits for events, and makes pauses where they pay.

    Attributes:
      counts: return the bytes moved so far, by all who know; nothing is tried without.
      now: the `time.monotonic` moment at which the last wait ended.
      pausing: pauses are made.
      until: the moment at which `judge` is called next.
      events: how many there were.
    """

    def __init__(self, poll: select.epoll) -> None:
        self.poll = poll
        self.counts: set[Callable[[], int]] = set()
        self.now = self.until = 0.0
        self.pausing = self.paid = False
        self.since, self.before = 0.0, 0  # of this turn: its beginning, and the bytes then
        self.events = self.seen = 0  # so far, and before the last look
        self.turns = 0  # that are left of a trial
        self.hold, self.held = FIRST_HOLD, 0.0  # how long, and until when, nothing is tried
        self.times, self.bytes = [0.0, 0.0], [0, 0]  # of a trial, without pauses and with

    def wait(self, patience: float) -> Events:
        """Return descriptors that are ready, and for what; as `select.epoll.poll`.

        Args:
          patience: seconds to wait for the first one; negative for ever.
        """
        happened = self.poll.poll(patience, MAX_EVENTS)
        self.now = now = monotonic()
        if self.pausing and 1 < len(happened) < MANY:
            happened = self.gather(happened)
        self.events += len(happened)
        if now >= self.until:
            self.judge(now)
        return happened

    def gather(self, happened: Events) -> Events:
        """Return what *happened*, and what has come after a pause."""
        sleep(PAUSE)
        return list(dict(happened + self.poll.poll(0, MAX_EVENTS)).items())

    def judge(self, now: float) -> None:
        """Go on with a trial, or see whether to begin one."""
        if self.turns:
            self.end_turn(now, self.moved())
            return
        busy = self.events - self.seen > BUSY * (now - self.since) and bool(self.counts)
        self.since, self.seen = now, self.events
        self.until = now + LOOK
        if not busy:
            self.pausing, self.hold, self.held = False, FIRST_HOLD, 0.0
        elif now >= self.held:
            self.times, self.bytes = [0.0, 0.0], [0, 0]
            self.turns, self.before = TURNS, self.moved()
            self.until = now + TURN

    def moved(self) -> int:
        """Return the bytes moved so far."""
        return sum(count() for count in self.counts)

    def end_turn(self, now: float, moved: int) -> None:
        """Note what was *moved*; begin the next turn, or end the trial."""
        self.times[self.pausing] += now - self.since
        self.bytes[self.pausing] += moved - self.before
        self.since, self.before, self.seen = now, moved, self.events
        self.turns -= 1
        if self.turns:
            self.pausing = not self.pausing
            self.until = now + TURN
            return
        paid, self.paid = self.paid, self.rate(pausing=True) > GAIN * self.rate(pausing=False)
        self.pausing = self.paid
        self.hold = min(2 * self.hold, LONGEST_HOLD) if paid == self.paid else FIRST_HOLD
        self.held, self.until = now + self.hold, now + LOOK

    def rate(self, *, pausing: bool) -> float:
        """Return the bytes per second of the trial."""
        return self.bytes[pausing] / self.times[pausing]
