"""ssh: through a host that ssh(1) logs in to, by ``ssh -W``.

The system's ssh does it, with the user's keys, agent and configuration. It does not
say on its own when the host at the far end has been connected, so its log is read, in
which it does; the log has to be read on anyway, or ssh would wait for its reader.

Our half-close reaches the far end, and its answer comes. The other way round ssh ends
both directions when the far end has ended its own (channels.c, force_drain).
"""

from __future__ import annotations

import errno
import os
import re
import socket
import threading
import time
from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.errors import AddressError
from fildes.opening.proxying import shown
from fildes.scheme import Example, Option, Scheme, Shape
from fildes.schemes.exec import start_on_pipes
from fildes.streams.kernel import DescriptorStream
from fildes.streams.programs import PipedProgram
from fildes.streams.stream import RECV_SIZE
from fildes.waiting import READ, Interest, wait_any

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.child import Child
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="ssh",
    shape=Shape.ENDPOINT,
    summary="through a host that the ssh program logs in to",
    default_port=22,
    tunnels=True,
    userinfo=True,
    options=(
        Option("identity", "text", "the file with our private key; as ssh -i"),
        Option("config", "text", "the configuration file to use; as ssh -F"),
        Option("known-hosts", "text", "the file with the keys of hosts"),
        Option("option", "list", "NAME=VALUE of ssh_config(5); as ssh -o, repeated for more"),
        Option("ask", "flag", "let ssh ask for passwords and new hosts on the terminal", False),
    ),
    examples=(
        Example("tcp://db:5432::ssh://me@jump.example.com", "a database behind a jump host"),
        Example("https://intranet/::ssh://jump?config=./ssh_config", "a document behind one"),
    ),
)

#: Seconds that `close` gives ssh to deliver what was written.  # arbitrary
CLOSE_TIMEOUT = 5.0

#: Of the log, as much as is kept: its end.
NOTES_SIZE = 8192  # arbitrary

#: The line of the log that says that the far end has been connected: OpenSSH's
#: channels.c, channel_input_open_confirmation, since 2000.
CONFIRMED = re.compile(rb"^debug2: channel \d+: open confirm ", re.MULTILINE)

#: The line that says that the far end has ended its direction: nchan.c, chan_rcvd_eof.
ENDED = re.compile(rb"^debug2: channel \d+: rcvd eof", re.MULTILINE)

#: What ssh says, in the words of strerror(3) and gai_strerror(3), and its errno.
REASONS = {
    os.strerror(number): number
    for number in (
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
        errno.ECONNRESET,
        errno.EACCES,
    )
}
RESOLVER_REASONS = {
    "Name or service not known": socket.EAI_NONAME,
    "No address associated with hostname": socket.EAI_NONAME,
    "Temporary failure in name resolution": socket.EAI_AGAIN,
}
REFUSALS = ("Permission denied", "administratively prohibited", "Host key verification failed")


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Have ssh log in, and the host there connect to *target*."""
    assert target is not None, "the parser lets a proxy only stand below another layer"
    argv = command(opening, address, target)
    with opening.step("proxy", f"{shown(target)} through ssh to {address.host}"):
        stream = start(argv)
        try:
            await stream.connected()
        except BaseException:
            stream.abort()
            raise
    return stream


def command(opening: Opening, address: Address, target: Target) -> list[str]:
    """Return the arguments of ssh."""
    if address.password is not None:
        raise AddressError("ssh takes no password: use a key or an agent, or ask=on")
    argv = ["ssh", "-W", shown(target), "-p", str(opening.port_of(address))]
    if address.user is not None:
        argv += ["-l", address.user]
    for name, flag in (("identity", "-i"), ("config", "-F")):
        if value := opening.option(address, name):
            argv += [flag, value]
    for setting in settings(opening, address):
        argv += ["-o", setting]
    return [*argv, "-vv", "--", address.host]


def settings(opening: Opening, address: Address) -> list[str]:
    """Return what is set by -o; of several values ssh takes the first."""
    chosen = list(opening.option(address, "option") or ())
    if any("=" not in setting[1:] for setting in chosen):
        raise AddressError("option option of ssh takes NAME=VALUE")
    if known_hosts := opening.option(address, "known-hosts"):
        quoted = known_hosts.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
        chosen.append(f'UserKnownHostsFile="{quoted}"')
    if not opening.option(address, "ask"):
        chosen.append("BatchMode=yes")
    # A connection of our own: one that others share would not be ours to end.
    return [*chosen, "ControlPath=none"]


def start(argv: list[str]) -> SshStream:
    """Start ssh with its log in a pipe."""
    log, to_log = os.pipe()
    try:
        # Its messages are read below: in English, whatever the user's language is.
        how = {"stderr": to_log, "env": {**os.environ, "LC_ALL": "C"}}
        program = start_on_pipes(argv, "r+b", how)
        return SshStream(program.source, program.sink, program.child, log)
    except BaseException:
        os.close(log)
        raise
    finally:
        os.close(to_log)


class SshStream(PipedProgram):
    """The standard input and output of an ssh, whose log is read beside.

    Attributes:
      log: where the log comes from, -1 after its end.
      notes: the end of it.
      confirmed: the log has told that the far end has been connected.
      far_ended: the log has told of the far end's end of file.
    """

    def __init__(self, source: int, sink: int, child: Child, log: int) -> None:
        super().__init__(source, sink, child)
        self.log = log
        self.notes = b""
        self.reading = threading.Lock()
        self.confirmed = self.far_ended = self.output_ended = False

    async def connected(self) -> None:
        """Wait until the far end is connected, which may have said all and closed since.

        Raises:
          OSError: it could not be, with the errno that ssh's message stands for.
        """
        while True:
            ended = bool(wait({self.child.pidfd: READ}, 0))
            self.read_log()
            output = wait({self.source: READ}, 0).get(self.source, 0)
            if self.confirmed or output & READ:
                return
            if ended:
                if self.child.process.wait():
                    raise self.failure()
                return
            interest = {self.child.pidfd: READ} if output else {self.source: READ}
            await wait_any(self.and_log({**interest, self.child.pidfd: READ}))

    def read_log(self) -> None:
        """Take what there is of the log, unless another thread does."""
        if not self.reading.acquire(blocking=False):
            return
        try:
            while self.log >= 0 and wait({self.log: READ}, 0):
                data = os.read(self.log, NOTES_SIZE)
                if not data:
                    os.close(self.log)
                    self.log = -1
                self.note(self.notes + data)
        finally:
            self.reading.release()

    def note(self, notes: bytes) -> None:
        """Look at *notes* for what matters, and keep their end."""
        self.confirmed = self.confirmed or bool(CONFIRMED.search(notes))
        self.far_ended = self.far_ended or bool(ENDED.search(notes))
        self.notes = notes[-NOTES_SIZE:]

    def failure(self) -> OSError:
        """Return the error that the log tells of."""
        lines = self.notes.decode("ascii", "replace").splitlines()
        told = [line.strip() for line in lines if line.strip() and not line.startswith("debug")]
        return error_of([line for line in told if "stdio forwarding failed" not in line])

    def try_recv_into(self, buffer: memoryview) -> int | None:
        received = DescriptorStream.try_recv_into(self, buffer)
        if received:
            return received
        self.read_log()
        self.output_ended = received == 0
        if received is None or self.far_ended:
            return received
        if not wait({self.child.pidfd: READ}, 0):
            return None
        self.read_log()
        if self.child.process.wait():
            raise self.failure()
        return 0

    def try_send(self, data: memoryview) -> int | None:
        sent = super().try_send(data)
        if sent is None:
            self.read_log()
        return sent

    def recv_wants(self) -> Interest:
        if self.output_ended:  # how ssh ends tells whether the far end did
            return self.and_log({self.child.pidfd: READ})
        return self.and_log(super().recv_wants())

    def send_wants(self) -> Interest:
        return self.and_log(super().send_wants())

    def and_log(self, interest: Interest) -> Interest:
        """Return *interest* and the log, so that ssh never waits for its reader."""
        return {**interest, self.log: READ} if self.log >= 0 else interest

    async def close(self) -> None:
        """End our direction, and give ssh time to deliver it.

        Its output is received meanwhile: a broken one would make ssh drop its input.
        """
        if self.child.pidfd < 0:
            return
        try:
            await self.half_close()
            await self.drain(time.monotonic() + CLOSE_TIMEOUT)
        finally:
            self.abort()

    async def drain(self, deadline: float) -> None:
        """Drop the output until ssh has ended, or up to *deadline*."""
        rest = memoryview(bytearray(RECV_SIZE))
        while not wait({self.child.pidfd: READ}, 0) and (left := deadline - time.monotonic()) > 0:
            self.read_log()
            received = None if self.output_ended else DescriptorStream.try_recv_into(self, rest)
            self.output_ended = self.output_ended or received == 0
            if not received:
                await wait_any({**self.recv_wants(), self.child.pidfd: READ}, left)

    def abort(self) -> None:
        log, self.log = self.log, -1
        if log >= 0:
            os.close(log)
        super().abort()

    def blocking_recv_into(self) -> None:
        return None

    def blocking_send(self) -> None:
        return None

    def fileno(self) -> int:
        return -1


def error_of(told: list[str]) -> OSError:
    """Return the error that ssh's messages, without its log, stand for."""
    message = told[-1] if told else "ssh ended before the far end was connected"
    for line in reversed(told):
        reason = line.rpartition(": ")[2]
        if reason in RESOLVER_REASONS:
            return socket.gaierror(RESOLVER_REASONS[reason], line)
        if reason in REASONS:
            return OSError(REASONS[reason], line)
        if any(refusal in line for refusal in REFUSALS):
            return PermissionError(errno.EACCES, line)
    return ConnectionAbortedError(errno.ECONNABORTED, message)
