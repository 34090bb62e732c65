"""How the connection of a program that was served ends.

The connection belongs to the program, but this process keeps the socket, too, because
the kernel knows two ways to end one and takes the wrong one. A program that a signal kills
would have its connection closed in order: the client took half an answer for the whole. And
one that ends without having read all that its client says would have it reset, with which
the answer is lost (RFC 1122 section 4.2.2.13). So when the program has ended we say the end,
or reset.

The price is that a program which closes its connection and lives on is not heard: nothing
tells who else holds a socket. It is looked at now and then, and ended in the same order; but
if another process of its group holds the connection, that is the kernel's to end from then on.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from fildes.listening.admission import CountedSocket
from fildes.streams.bridge import BridgedStream
from fildes.streams.child import Child, is_exiting
from fildes.streams.delivering import delivered
from fildes.streams.kernel import SocketStream
from fildes.streams.parting import hear_out

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from fildes.drivers.loop_task import Timer
    from fildes.listening.admission import Slot
    from fildes.streams.stream import Stream

#: Seconds that a client may go on speaking to a program that has ended; nginx's
#: lingering_time. If it is silent it has less.
LONGEST_WORDS = 30.0

#: Seconds until a program is looked at, and the most between two looks.
FIRST_LOOK, LONGEST_PAUSE = 0.1, 1.0  # arbitrary


class Served(Child):
    """The program of one connection.

    Attributes:
      slot: what the connection takes of the limit, if it was closed before the program.
      hanging_up: the client hears the end of the connection, which the program has closed.
      pause: seconds between the last look at it and the next one.
      timer: of that one.
    """

    slot: Slot | None = None
    hanging_up = False
    timer: Timer | None = None
    pause = FIRST_LOOK / 2

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(process, "")

    def release(self) -> None:
        """Let go of what it took, once it has ended."""
        self.kill()
        if self.timer is not None:
            self.timer.cancel()
        if self.slot is not None:
            self.slot.release()

    def next_look(self) -> float:
        """Return the seconds until the next look at it: as long again as it has been there."""
        self.pause = min(2 * self.pause, LONGEST_PAUSE)
        return self.pause

    def has(self, fd: int) -> bool:
        """Tell whether it has what *fd* is open still; so does who cannot be looked at."""
        pid = self.process.pid  # as it ends it has nothing, and is seen to then
        return has_open(pid, os.fstat(fd)) or is_exiting(pid)

    def shares(self, fd: int) -> bool:
        """Tell whether anybody of its group has what *fd* is open still."""
        ours = os.fstat(fd)
        return any(has_open(pid, ours) for pid in members_of(self.process.pid))

    def leaves_others(self) -> bool:
        """Tell whether others of its group go on without it: the connection may be theirs."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True


def members_of(group: int) -> Iterator[int]:
    """Yield the processes of a process group."""
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError):  # it has ended
                if os.getpgid(int(name)) == group:
                    yield int(name)


def has_open(pid: int, state: os.stat_result) -> bool:
    """Tell whether a process has open what *state* is of, or cannot be looked at."""
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except FileNotFoundError:  # it has ended
        return False
    except OSError:
        return True
    for name in names:
        with contextlib.suppress(OSError):  # closed meanwhile
            if os.path.samestat(os.stat(f"{folder}/{name}"), state):
                return True
    return False


def let_go(stream: Stream) -> Slot | None:
    """Return the slot that the socket of *stream* had, which is the caller's from now on."""
    *_, carrier = stream.layers()
    if isinstance(carrier, SocketStream) and isinstance(carrier.sock, CountedSocket):
        return carrier.sock.keep()
    return None


async def end_in_order(stream: Stream) -> None:
    """Say the end to a client, and hear out what it says still; then close.

    Raises:
      OSError, EOFError: under TLS, the client has not said its own end in order.
    """
    with contextlib.suppress(OSError, EOFError):
        # Most have said their end: a close says ours, and there is nothing to be heard.
        if stream.try_recv_into(memoryview(bytearray(1))) != 0:
            await stream.half_close()
            await hear_out(stream, LONGEST_WORDS)
    if not stream.closes_at_once:
        await stream.close()
        return
    with contextlib.suppress(OSError):  # of a client that went away its program was told
        stream.close_now()


async def break_off(stream: Stream) -> None:
    """Reset the client of a program that was killed, once it has what that has said."""
    if isinstance(stream, BridgedStream):
        await stream.break_off(ConnectionAbortedError(errno.ECONNABORTED, "the program was killed"))
    else:
        await delivered([stream])
    stream.abort()
