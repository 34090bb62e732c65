"""What protocol code may rely on, whichever driver runs it."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from pathlib import Path

import pytest
from loops import DRIVERS, RunProtocol

from fildes.waiting import READ, WRITE, call_blocking, wait_any, wait_readable, wait_writable

pytestmark = pytest.mark.parametrize("run", DRIVERS)

Pair = tuple[socket.socket, socket.socket]


def fill(sock: socket.socket) -> None:
    """Send until the kernel takes no more."""
    try:
        while True:
            sock.send(bytes(65536), socket.MSG_DONTWAIT)
    except BlockingIOError:
        pass


def test_the_result_is_the_coroutines(run: RunProtocol) -> None:
    """Protocol code that awaits nothing is run, and its result returned."""

    async def protocol() -> int:
        return 7

    assert run(protocol()) == 7


def test_a_readable_descriptor_is_reported(run: RunProtocol, ends: Pair) -> None:
    """Of several descriptors the ready ones are returned with what they are ready for."""
    left, right = ends
    right.send(b"x")
    interest = {left.fileno(): READ, right.fileno(): READ}
    assert run(wait_any(interest)) == {left.fileno(): READ}


def test_both_directions_of_one_descriptor(run: RunProtocol, ends: Pair) -> None:
    """A descriptor can be waited for in both directions in one request."""
    left, right = ends
    right.send(b"x")
    fd = left.fileno()
    ready = run(wait_any({fd: READ | WRITE}))
    assert set(ready) == {fd}
    fill(left)
    assert run(wait_any({fd: READ | WRITE})) == {fd: READ}


def test_the_wait_lasts_until_a_descriptor_is_ready(run: RunProtocol, ends: Pair) -> None:
    """A wait ends with the event, not before."""
    left, right = ends
    woken: list[bytes] = []

    async def protocol() -> None:
        thread = threading.Thread(target=right.send, args=(b"x",))
        await wait_writable(left.fileno())
        thread.start()
        await wait_readable(left.fileno())
        woken.append(left.recv(1, socket.MSG_DONTWAIT))
        thread.join()

    run(protocol())
    assert woken == [b"x"]


def test_a_wait_that_times_out_is_empty(run: RunProtocol, ends: Pair) -> None:
    """A time that protocol code names itself ends the wait without an error."""
    assert run(wait_any({ends[0].fileno(): READ}, 0.001)) == {}


def test_a_wait_of_no_time_looks(run: RunProtocol, ends: Pair) -> None:
    """With a timeout of zero the present readiness is returned."""
    left, right = ends
    right.send(b"x")
    assert run(wait_any({left.fileno(): READ}, 0)) == {left.fileno(): READ}


def test_a_wait_for_nothing_is_a_pause(run: RunProtocol) -> None:
    """Without descriptors a wait lasts as long as it says."""
    assert run(wait_any({}, 0.001)) == {}


def test_the_deadline_is_raised_in_the_coroutine(run: RunProtocol, ends: Pair) -> None:
    """Protocol code sees the passed deadline as ETIMEDOUT, and may clean up."""
    seen: list[OSError] = []

    async def protocol() -> None:
        try:
            await wait_readable(ends[0].fileno())
        except TimeoutError as error:
            seen.append(error)
            raise

    with pytest.raises(TimeoutError):
        run(protocol(), time.monotonic() + 0.001)
    assert [error.errno for error in seen] == [errno.ETIMEDOUT]


def test_a_deadline_cuts_a_longer_timeout(run: RunProtocol, ends: Pair) -> None:
    """Of a request's own timeout and the deadline, the earlier one counts."""
    with pytest.raises(TimeoutError):
        run(wait_any({ends[0].fileno(): READ}, 60), time.monotonic() + 0.001)
    assert run(wait_any({ends[0].fileno(): READ}, 0.001), time.monotonic() + 60) == {}


def test_the_end_of_the_peer_makes_ready(run: RunProtocol) -> None:
    """A hang-up or an error counts as ready for whatever was asked."""
    source, sink = os.pipe()
    try:
        os.close(source)
        assert set(run(wait_any({sink: WRITE}))) == {sink}
    finally:
        os.close(sink)


def test_a_refused_connect_is_ready(run: RunProtocol) -> None:
    """A connect(2) under way that fails is reported as writable."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        name = listener.getsockname()
    with socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        sock.connect_ex(name)
        assert set(run(wait_any({sock.fileno(): WRITE}))) == {sock.fileno()}


def test_a_regular_file_is_always_ready(run: RunProtocol, tmp_path: Path, ends: Pair) -> None:
    """What epoll(7) cannot watch is ready, alone or among others."""
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        assert run(wait_any({fd: READ})) == {fd: READ}
        assert fd in run(wait_any({ends[0].fileno(): READ, fd: READ | WRITE}))
    finally:
        os.close(fd)


def test_a_blocking_call_returns_its_result(run: RunProtocol) -> None:
    """A call that poll(2) cannot see is made in another thread."""
    assert run(call_blocking(threading.get_ident)) != threading.get_ident()


def test_the_error_of_a_blocking_call_is_raised(run: RunProtocol) -> None:
    """What a blocking call raises is raised at the await."""

    def fail() -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such host")

    with pytest.raises(socket.gaierror):
        run(call_blocking(fail))


def test_a_deadline_that_is_years_away(run: RunProtocol, ends: Pair) -> None:
    """A wait may be longer than any system call's."""
    ours, theirs = ends
    theirs.send(b"hello")
    deadline = time.monotonic() + 1e12
    assert run(call_blocking(lambda: 1), deadline) == 1
    assert run(wait_readable(ours.fileno()), deadline) is None


def test_the_deadline_does_not_wait_for_a_blocking_call(run: RunProtocol) -> None:
    """A passed deadline is raised although the call goes on."""
    began, over, ended = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        began.set()
        over.wait()
        ended.set()

    with pytest.raises(TimeoutError):
        run(call_blocking(call), time.monotonic() + 0.05)
    assert not ended.is_set()
    over.set()
    assert not began.is_set() or ended.wait(30)  # trio begins none that is late already


def test_an_error_of_the_coroutine_passes(run: RunProtocol, ends: Pair) -> None:
    """Protocol code's own errors reach the caller as they are."""

    async def protocol() -> None:
        await wait_writable(ends[0].fileno())
        raise OSError(errno.EPROTO, "as it is")

    with pytest.raises(OSError, match="as it is"):
        run(protocol())


def test_a_bad_descriptor_is_an_error(run: RunProtocol, ends: Pair) -> None:
    """Waiting for a closed descriptor raises instead of hanging."""
    ends[0].close()
    with pytest.raises((OSError, ValueError)):
        run(wait_any({ends[0].fileno(): READ}))
