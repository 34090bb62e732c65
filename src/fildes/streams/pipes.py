"""The pipes through which bytes go from one descriptor to another without being copied.

As with the memory of `fildes.streams.buffers`, one pipe serves any number of connections,
for what was moved into it is moved out at once. Only the pipe that a slow peer has left
full is lent to its connection.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal

#: What a pipe holds, if every page is full; more is for root alone, pipe(7). On loopback
#: (Linux 6.18) a gigabyte cost 1.4 times the processor time with a quarter of it.
PIPE_SIZE = 1048576

#: Pipes of a thread: a quarter of what the kernel lets a user have of this size before all
#: new pipes of the user become small; /proc/sys/fs/pipe-user-pages-soft of pipe(7).
MAX_PIPES = 16

#: From fcntl.h: splice(2) never waits for a pipe, and may move pages.
FLAGS = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE

#: What splice(2) says of a kind of descriptor, or in a sandbox, where it cannot be used.
UNABLE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)


def breaks_quietly() -> bool:
    """Tell whether a broken pipe or connection is an error of splice(2), and no signal."""
    return signal.getsignal(signal.SIGPIPE) not in (signal.SIG_DFL, None)


class Pipe:
    """A pipe and how many bytes it holds, if it was lent."""

    __slots__ = ("held", "into", "out")

    def __init__(self) -> None:
        """Open it.

        Raises:
          OSError: as pipe(2); EPERM, the user has too many large ones.
        """
        self.held = 0
        self.out, self.into = os.pipe2(os.O_CLOEXEC)
        try:
            fcntl.fcntl(self.into, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        except BaseException:
            self.close()
            raise

    def drained(self) -> bytes:
        """Return all that it holds, and let it be empty."""
        data = b""
        while len(data) < self.held:
            data += os.read(self.out, self.held - len(data))
        self.held = 0
        return data

    def close(self) -> None:
        """Close it, and lose what it holds."""
        os.close(self.out)
        os.close(self.into)


class Pipes:
    """The pipe of one thread, and those that were lent and given back.

    Attributes:
      pipe: what to move bytes through, empty; None while all are lent.
      there: how many are open.
      users: those who use them; when nobody does, none is open.
    """

    def __init__(self) -> None:
        self.pipe: Pipe | None = None
        self.free: list[Pipe] = []
        self.there = self.users = 0

    def enter(self) -> bool:
        """Be one more user, if there is a pipe; return whether there is."""
        if self.pipe is None:
            self.find()
        self.users += self.pipe is not None
        return self.pipe is not None

    def find(self) -> None:
        """Have an empty pipe again, if there can be one more."""
        if self.free:
            self.pipe = self.free.pop()
        elif self.there < MAX_PIPES:
            with contextlib.suppress(OSError):  # no descriptors, say
                self.pipe = Pipe()
                self.there += 1

    def lend(self, held: int) -> Pipe:
        """Return the pipe, which still holds so many bytes, to who gives it back empty."""
        pipe, self.pipe = self.pipe, None
        assert pipe is not None  # the caller has used it
        pipe.held = held
        self.find()
        return pipe

    def give_back(self, pipe: Pipe) -> None:
        """Let what `lend` returned be used again, or close it if it is not empty."""
        if pipe.held:
            self.there -= 1
            pipe.close()
        elif self.pipe is None:
            self.pipe = pipe
        else:
            self.free.append(pipe)

    def leave(self) -> None:
        """Be a user no more; the last one closes all."""
        self.users -= 1
        if self.users:
            return
        if self.pipe is not None:
            self.free.append(self.pipe)
            self.pipe = None
        while self.free:
            self.there -= 1
            self.free.pop().close()
