"""exec: a conversation with a program, its standard input and output.

One socket pair is both, so that the conversation has one descriptor and half-close
is shutdown(2). Never through a shell: each argument is one element of argv. The
child holds the descriptors 0, 1 and 2, and no others.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

from fildes.errors import AddressError
from fildes.scheme import Example, Option, Scheme, Shape
from fildes.streams.kernel import RECV_FLAGS, SocketStream
from fildes.waiting import wait_readable

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="exec",
    shape=Shape.PATH,
    summary="a conversation with a program",
    options=(
        Option("arg", "list", "an argument of the program; repeated for more"),
        Option("cwd", "text", "the directory that it starts in"),
        Option("env", "list", "NAME=VALUE, added to our environment", secret=True),
        Option(
            "stderr",
            "text",
            "where its error messages go: with ours, nowhere, or into the conversation",
            "inherit",
            choices=("inherit", "null", "stdout"),
        ),
        Option(
            "setsid", "flag", "in a session of its own, which our terminal's Ctrl-C spares", False
        ),
    ),
    examples=(
        Example("exec:sort?arg=-n", "write lines, half-close, read them sorted"),
        Example("exec:/bin/ls?arg=-l&cwd=/", "a program by its path, in a directory"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Start the program.

    Opened for reading only, its standard input is empty; for writing only, its
    standard output is ours, as with popen(3).
    """
    how = start_options(opening, address)
    argv = [address.path, *(opening.option(address, "arg") or ())]
    with opening.step("connect", f"program {address.path}"):
        return start(argv, opening.mode, how)


def start_options(opening: Opening, address: Address) -> dict[str, Any]:
    """Return the arguments of `subprocess.Popen` that the options stand for."""
    import subprocess  # 10 ms, needed for programs only

    stderr = {"null": subprocess.DEVNULL, "stdout": subprocess.STDOUT}
    added = opening.option(address, "env") or ()
    for text in added:
        if "=" not in text[1:]:
            raise AddressError("option env of exec takes NAME=VALUE")
    return {
        "cwd": opening.option(address, "cwd"),
        "env": {**os.environ, **dict(text.split("=", 1) for text in added)} if added else None,
        "stderr": stderr.get(opening.option(address, "stderr")),
        "start_new_session": bool(opening.option(address, "setsid")),
    }


def start(argv: list[str], mode: str, how: dict[str, Any]) -> ProgramStream:
    """Start a program with one end of a socket pair as its standard input and output."""
    import subprocess

    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL if mode == "rb" else theirs.fileno(),
                stdout=None if mode == "wb" else theirs.fileno(),
                **how,
            )
        except BaseException:
            ours.close()
            raise
    return ProgramStream(ours, process, argv[0])


class ProgramStream(SocketStream):
    """A socket whose other end is the standard input and output of a child."""

    def __init__(self, sock: socket.socket, process: subprocess.Popen[bytes], name: str) -> None:
        self.process, self.name = process, name
        self.pidfd = -1
        try:
            super().__init__(sock)
            self.pidfd = os.pidfd_open(process.pid)
        except BaseException:
            self.sock = sock
            self.abort()
            raise

    def try_recv_into(self, buffer: memoryview) -> int | None:
        try:
            return super().try_recv_into(buffer)
        except ConnectionResetError:
            return self.end()

    def blocking_recv_into(self) -> Callable[[Buffer], int]:
        return self.recv_into_waiting

    def recv_into_waiting(self, buffer: Buffer) -> int:
        """Receive, waiting in the kernel."""
        try:
            received = self.sock.recv_into(buffer)
        except ConnectionResetError:
            return self.end()
        self.received_end = not received
        return received

    def end(self) -> int:
        """Return the end of file: the program ended without reading all its input.

        A unix socket closed with unread input resets its peer, after the data sent;
        whether that was a failure is for the program's status to say.
        """
        self.received_end = True
        return 0

    async def close(self) -> None:
        """Close the conversation and wait for the program to end.

        A program whose output is not read to its end may die of that; this is no
        error, as in a shell's ``yes | head``.

        Raises:
          ChildProcessError: EIO, it ended with a status other than 0, which is the
            error's attribute ``status``; negative for the signal that killed it.
        """
        if self.pidfd < 0:
            return
        try:
            cut_off = self.has_output()
            self.sock.close()
            await wait_readable(self.pidfd)
        finally:
            self.abort()  # has ended, unless this wait was cut short
        status = self.process.returncode
        if status and not cut_off and (status != -signal.SIGPIPE or self.received_end):
            raise self.failure(status)

    def has_output(self) -> bool:
        """Tell whether the program wrote what we do not read: then it may well fail."""
        try:
            return bool(self.sock.recv(1, RECV_FLAGS | socket.MSG_PEEK))
        except (BlockingIOError, ConnectionResetError):
            return False

    def failure(self, status: int) -> ChildProcessError:
        """Return the error that says how the program ended."""
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        error = ChildProcessError(errno.EIO, f"{self.name} {how}")
        error.status = status  # type: ignore[attr-defined]  # for programs to read
        return error

    def abort(self) -> None:
        """Kill the program if it still runs, and take its status: no zombie stays."""
        self.sock.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        pidfd, self.pidfd = self.pidfd, -1
        if pidfd >= 0:
            os.close(pidfd)

    @property
    def peer(self) -> str | None:
        return None
