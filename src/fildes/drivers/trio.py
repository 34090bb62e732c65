"""Run protocol code in trio tasks."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable
from typing import TypeVar

import trio

from fildes.drivers.blocking import wait as poll
from fildes.drivers.tasks import TaskDriver, closed_meanwhile
from fildes.waiting import READ, WRITE, Interest, Protocol, deadline_passed

T = TypeVar("T")


async def run(protocol: Protocol[T], deadline: float | None = None) -> T:
    """Run *protocol* to its end and return its result; as `TaskDriver.run`."""
    return await Driver().run(protocol, deadline)


class Driver(TaskDriver):
    """The driver of one file in the running trio loop.

    Attributes:
      waits: what `wake` has to cancel.
    """

    def __init__(self) -> None:
        self.waits: dict[trio.CancelScope, bool] = {}

    async def wait(self, interest: Interest, timeout: float | None = None) -> dict[int, int]:
        if timeout is not None and timeout <= 0:
            await trio.lowlevel.checkpoint()
            return poll(interest, 0)  # trio would cancel before it looks
        keys = [
            (fd, direction)
            for fd, events in interest.items()
            for direction in (READ, WRITE)
            if events & direction
        ]
        scope = trio.move_on_after(math.inf if timeout is None else timeout)
        self.waits[scope] = False
        ready: dict[int, int] = {}
        try:
            with scope:
                await wait_any(keys, ready)
        finally:
            woken = self.waits.pop(scope)
        if woken:
            raise closed_meanwhile()
        return ready

    async def call(self, function: Callable[[], T], timeout: float | None = None) -> T:
        with trio.move_on_after(math.inf if timeout is None else timeout):
            return await trio.to_thread.run_sync(function, abandon_on_cancel=True)
        raise deadline_passed()

    async def checkpoint(self) -> None:
        await trio.lowlevel.checkpoint()

    def wake(self) -> None:
        for scope in self.waits:
            self.waits[scope] = True
            scope.cancel()


async def wait_any(keys: list[tuple[int, int]], ready: dict[int, int]) -> None:
    """Wait for the first of *keys*, and note in *ready* what was found."""
    if not keys:
        await trio.sleep_forever()
    if len(keys) == 1:
        await wait_one(*keys[0], ready)
        return
    failures: list[OSError] = []
    async with trio.open_nursery() as nursery:

        async def first(fd: int, direction: int) -> None:
            try:
                await wait_one(fd, direction, ready)
            except OSError as error:  # raised below, without trio's ExceptionGroup
                failures.append(error)
            nursery.cancel_scope.cancel()

        for key in keys:
            nursery.start_soon(first, *key)
    if failures:
        raise failures[0]


async def wait_one(fd: int, direction: int, ready: dict[int, int]) -> None:
    """Wait until *fd* is ready in *direction*, and note it in *ready*."""
    try:
        await wait_alone(fd, direction)
    except OSError as error:
        if error.errno != errno.EPERM:  # epoll_ctl(2): the file does not support epoll
            raise
        await trio.lowlevel.checkpoint()
    ready[fd] = ready.get(fd, 0) | direction


async def wait_alone(fd: int, direction: int) -> None:
    """Wait although another task may wait for the same."""
    wait = trio.lowlevel.wait_readable if direction == READ else trio.lowlevel.wait_writable
    try:
        await wait(fd)
    except trio.BusyResourceError:
        # trio admits one task; to epoll(7) a duplicate is another descriptor.
        own = os.dup(fd)
        try:
            await wait(own)
        finally:
            os.close(own)
