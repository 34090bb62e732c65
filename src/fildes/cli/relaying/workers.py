"""Several processes that listen at the same ports: one for each processor.

With SO_REUSEPORT the kernel shares the connections out; socket(7). The first process
relays nothing: it starts the others, passes signals on to them, and ends when all have
ended. When one of them dies, the others are asked to end: the service manager starts
all of them anew.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from fildes.cli.errors import UsageError
from fildes.cli.relaying import readiness
from fildes.cli.reporting import say
from fildes.cli.status import Status

if TYPE_CHECKING:
    from fildes.cli.relaying.plan import Plan

#: What the service manager, the terminal and the administrator may send.
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)

PR_SET_PDEATHSIG = 1  #: linux/prctl.h

#: Serves the plans in a process that has a number, and calls back once it listens.
Serve = Callable[[Sequence["Plan"], int, Callable[[], None]], int]


def shareable(plan: Plan) -> Plan:
    """Return *plan*, listening where other processes of it may listen, too.

    Raises:
      UsageError: its listener cannot be shared.
    """
    front = plan.front
    name, _, _ = front.address.scheme.partition("-")
    if name.rstrip("46") not in ("tcp", "tls", "udp"):
        raise UsageError(f"--workers is for tcp, tls and udp listeners, not {name}")
    if front.address.port == 0:
        raise UsageError("--workers needs a port: all of them listen there")
    options = tuple(sorted({**dict(front.address.options), "reuseport": True}.items()))
    shared = front._replace(address=front.address.replace(options=options))
    return plan._replace(left=shared) if plan.left_is_front else plan._replace(right=shared)


def run_workers(count: int, plans: Sequence[Plan], serve: Serve) -> int:
    """Serve *plans* in so many processes; return the status of the first that failed."""
    shared = [shareable(plan) for plan in plans]
    listening, said = os.pipe()
    pids: list[int] = []
    try:
        with signals_passed_on(pids):
            for number in range(count):
                # Not in one step: a signal between two is passed on to those that are there.
                pids.append(start(worker(serve, shared, number, said)))  # noqa: PERF401  # see above
            os.close(said)
            said = -1
            if wait_all(listening, count):
                say(f"{count} workers listening")
                readiness.ready(f"{count} workers listening")
            return wait_for(pids)
    finally:
        for fd in (listening, said):
            if fd >= 0:
                os.close(fd)


def worker(serve: Serve, plans: Sequence[Plan], number: int, said: int) -> Callable[[], int]:
    """Return the work of one process."""
    return lambda: serve(plans, number, lambda: tell(said))


def tell(said: int) -> None:
    """Say that this process listens."""
    os.write(said, b"\n")


def wait_all(listening: int, count: int) -> bool:
    """Wait until *count* processes listen; False if one ended before."""
    while count and (told := os.read(listening, count)):
        count -= len(told)
    return not count


def start(work: Callable[[], int]) -> int:
    """Do *work* in a new process; return its id."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status: int = Status.FAILED
    try:
        # A group of its own: Ctrl-C comes once, passed on, and not from the terminal too.
        os.setpgid(0, 0)
        end_with(parent)
        os.environ.pop("NOTIFY_SOCKET", None)  # the first process speaks for all
        status = work()
    except BaseException as error:
        from fildes.cli.reporting import report

        status = report(error)
    finally:
        os._exit(status if status >= 0 else 128 - status)


def end_with(parent: int) -> None:
    """Let this process get SIGTERM when *parent* is no more; PR_SET_PDEATHSIG(2const)."""
    import ctypes  # 5 ms, for workers only

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:  # it has gone already
        os._exit(Status.FAILED)


@contextlib.contextmanager
def signals_passed_on(pids: list[int]) -> Iterator[None]:
    """Pass signals on to the processes *pids* during the body."""

    def pass_on(number: int, frame: object) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    with contextlib.ExitStack() as before:
        for number in PASSED_ON:
            before.callback(signal.signal, number, signal.signal(number, pass_on))
        yield


def wait_for(pids: list[int]) -> int:
    """Wait for all processes; return the first status that is not 0."""
    first: int = Status.COMPLETE
    while pids:
        pid, ended = os.wait()
        if pid not in pids:
            continue
        pids.remove(pid)
        code = os.waitstatus_to_exitcode(ended)
        status = code if code >= 0 else 128 - code
        if status and not first:
            first = status
            if pids:
                say(f"a worker has ended with status {status}; the others are asked to end")
            for other in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(other, signal.SIGTERM)
    return first
