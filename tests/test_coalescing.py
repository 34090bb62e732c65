"""When a loop makes pauses, and what it gets by them."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator

import pytest
from loops import rounds

from fildes.drivers import coalescing as coalescing_module
from fildes.drivers.coalescing import BUSY, FIRST_HOLD, LONGEST_HOLD, LOOK, MANY, TURN, Coalescing
from fildes.drivers.loop import Loop

EDGES = select.EPOLLIN | select.EPOLLET


class Relay:
    """What moves so many bytes per second, as it seems to *coalescing*; no time passes."""

    def __init__(self, without: float, pausing: float, events: float = 2 * BUSY) -> None:
        self.rates = without, pausing
        self.events = events
        self.now, self.seen, self.bytes = 1000.0, 0.0, 0.0
        self.coalescing = Coalescing(select.epoll())
        self.coalescing.counts.add(lambda: int(self.bytes))
        self.coalescing.judge(self.now)

    def go_on(self) -> None:
        """Let time pass until something is judged."""
        passed = self.coalescing.until - self.now
        self.now += passed
        self.seen += passed * self.events
        self.bytes += passed * self.rates[self.coalescing.pausing]
        self.coalescing.events = int(self.seen)
        self.coalescing.judge(self.now)

    def try_it(self) -> bool:
        """Go on through a trial, return how it ends."""
        while not self.coalescing.turns:
            self.go_on()
        turns = []
        while self.coalescing.turns:
            turns.append(self.coalescing.pausing)
            self.go_on()
        assert turns in ([False, True] * 2, [True, False] * 2)
        return self.coalescing.pausing


@pytest.mark.parametrize(
    ("without", "pausing", "paid"),
    [(1e6, 1.2e6, True), (1e6, 1e6, False), (1e6, 1.02e6, False), (1e6, 0.7e6, False)],
    ids=["more", "as much", "hardly more", "less"],
)
def test_pauses_are_made_where_they_pay(without: float, pausing: float, paid: bool) -> None:
    """Under load pauses are made if clearly more moves with them, however often it is tried."""
    relay = Relay(without, pausing)
    assert [relay.try_it() for _ in range(4)] == [paid] * 4


def test_load_that_changes() -> None:
    """What has paid is tried again, and given up when it pays no longer."""
    relay = Relay(1e6, 1.2e6)
    assert relay.try_it()
    relay.rates = 1e6, 0.7e6
    assert not relay.try_it()
    relay.rates = 1e6, 1.2e6
    assert relay.try_it()


def test_trials_become_rare_while_they_say_the_same() -> None:
    """A load that stays as it is is tried less and less often; another one soon."""
    relay = Relay(1e6, 0.7e6)
    holds = []
    for _ in range(6):
        relay.try_it()
        holds.append(round(relay.coalescing.held - relay.now, 6))
    assert holds == [2 * FIRST_HOLD, 4 * FIRST_HOLD, *[LONGEST_HOLD] * 4]
    relay.rates = 1e6, 1.2e6
    relay.try_it()
    assert relay.coalescing.held - relay.now == pytest.approx(FIRST_HOLD)


def test_nothing_is_tried_where_little_comes() -> None:
    """A loop that is not busy makes no pauses, whatever it would get by them."""
    relay = Relay(1e6, 2e6, events=BUSY / 2)
    for _ in range(9):
        relay.go_on()
        assert not relay.coalescing.pausing
        assert not relay.coalescing.turns
        assert relay.coalescing.until - relay.now == pytest.approx(LOOK)


def test_silence_ends_the_pauses() -> None:
    """When a load is over, so are its pauses."""
    relay = Relay(1e6, 2e6)
    assert relay.try_it()
    relay.events = BUSY / 2
    relay.go_on()
    assert not relay.coalescing.pausing


def test_nothing_is_tried_where_nobody_counts() -> None:
    """Without anybody who knows what has moved, nothing tells whether pauses pay."""
    relay = Relay(1e6, 2e6)
    relay.coalescing.counts.clear()
    relay.go_on()
    assert not relay.coalescing.turns
    assert relay.coalescing.until - relay.now > TURN


@pytest.fixture
def pausing(nothing_left_behind: None) -> Iterator[Loop]:
    """A loop that makes pauses."""
    with Loop() as loop:
        loop.waiting.pausing = True
        loop.waiting.until = float("inf")
        yield loop


class Ends:
    """Pairs of sockets, one end of each watched by a loop."""

    def __init__(self, loop: Loop, count: int) -> None:
        self.pairs = [socket.socketpair() for _ in range(count)]
        self.heard: list[tuple[int, int]] = []
        self.loop = loop
        for ours, _ in self.pairs:
            loop.watch(ours.fileno(), EDGES | select.EPOLLRDHUP, self.hear)

    def hear(self, fd: int, events: int) -> None:
        self.heard.append((fd, events))

    def say(self, count: int) -> None:
        """Let the first ones get something."""
        for _, theirs in self.pairs[:count]:
            theirs.send(b"x")

    def close(self) -> None:
        for pair in self.pairs:
            self.loop.forget(pair[0].fileno())
            for end in pair:
                end.close()


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], list[float]]:
    """Have something done in each pause; return the pauses that there were."""

    def during(action: Callable[[], object]) -> list[float]:
        pauses: list[float] = []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            action()

        monkeypatch.setattr(coalescing_module, "sleep", sleep)
        return pauses

    return during


def test_what_comes_in_a_pause(
    pausing: Loop, during: Callable[[Callable[[], object]], list[float]]
) -> None:
    """It belongs to the same round; who was there already is called once, with all."""
    ends = Ends(pausing, 3)
    ends.say(2)

    def act() -> None:
        ends.pairs[1][1].close()
        ends.pairs[2][1].send(b"x")

    pauses = during(act)
    rounds(pausing, 1)
    first, second, third = (ours.fileno() for ours, _ in ends.pairs)
    both = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP
    assert sorted(ends.heard) == sorted(
        [(first, select.EPOLLIN), (second, both), (third, select.EPOLLIN)]
    )
    assert len(pauses) == 1
    ends.close()


@pytest.mark.parametrize(("count", "expected"), [(1, 0), (2, 1), (MANY - 1, 1), (MANY, 0)])
def test_rounds_with_a_pause(
    pausing: Loop,
    during: Callable[[Callable[[], object]], list[float]],
    count: int,
    expected: int,
) -> None:
    """One event alone is seen to at once, since others may never come; so are many."""
    pauses = during(lambda: None)
    ends = Ends(pausing, count)
    ends.say(count)
    rounds(pausing, 1)
    assert (len(ends.heard), len(pauses)) == (count, expected)
    ends.close()


def test_pause_in_which_nothing_comes() -> None:
    """After a real pause what was there is there still, once."""
    left, right = socket.socketpair()
    with left, right, select.epoll() as poll:
        poll.register(left, EDGES)
        right.send(b"x")
        coalescing = Coalescing(poll)
        coalescing.pausing = True
        assert coalescing.gather(coalescing.wait(0)) == [(left.fileno(), select.EPOLLIN)]
        assert coalescing.events == 1
