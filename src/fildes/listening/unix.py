"""The place of a unix listener: a path that is private, never stolen, never left over.

A socket file stays when its process dies, and then stands in the way of the next one.
Whether it is such a rest is asked of the kernel: a connect(2) of another type finds a
live socket without disturbing it (EPROTOTYPE), even one that does not listen yet, and
a dead one not at all (ECONNREFUSED). A lock on the directory makes asking, removing
and binding one step among all who do it this way.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
from typing import TYPE_CHECKING

from fildes.address import Address
from fildes.listening.accepting import Acceptor
from fildes.listening.naming import SUFFIX
from fildes.listening.options import backlog_of, limits_of
from fildes.opening.modes import permissions
from fildes.opening.owners import NOBODY_ELSE, Owner, owner_of
from fildes.opening.unix_names import sockaddr
from fildes.streams.datagrams import socket_stream
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fildes.opening.opening import Opening

#: flock(2) cannot be polled, and is held for microseconds.  # arbitrary
RETRY_DELAY = 0.005


async def listen(opening: Opening, address: Address, kind: socket.SocketKind) -> Acceptor:
    """Listen with a socket of *kind* where *address* says, with its options."""
    limits = limits_of(opening, address)
    backlog = backlog_of(opening, address) or socket.SOMAXCONN if accepts(kind) else 0
    mode, owner = permissions(opening.option(address, "mode")), owner_of(opening, address)
    path = address.path
    real = Address(address.scheme.removesuffix(SUFFIX), path=path)
    name = sockaddr(path)
    sock, release = take_over(
        opening.leaving, name, kind, mode=mode, owner=owner, backlog=backlog
    ) or await listen_at(path, name, kind, mode=mode, owner=owner, backlog=backlog)
    if not accepts(kind):
        from fildes.listening.each import QuestionAcceptor

        return QuestionAcceptor([sock], real, limits, release=release)
    return Acceptor([sock], real, socket_stream, release, limits)


def accepts(kind: socket.SocketKind) -> bool:
    """Tell whether sockets of *kind* accept connections."""
    return kind != socket.SOCK_DGRAM


async def listen_at(
    path: str,
    name: bytes,
    kind: socket.SocketKind,
    *,
    mode: int = 0o600,
    owner: Owner = NOBODY_ELSE,
    backlog: int,
) -> tuple[socket.socket, Callable[[], None]]:
    """Return a socket that listens at *path*, and what to call before it is closed.

    Args:
      name: the sockaddr of *path*; an abstract one begins with a NUL.

    Raises:
      OSError: EADDRINUSE, there is something that is not a dead socket; it is untouched.
    """
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(socket.socket(socket.AF_UNIX, kind))
        release = await take_name(sock, path, name, mode, owner)
        undo.callback(release)
        if accepts(kind):
            sock.listen(backlog)
        undo.pop_all()
    return sock, release


def take_over(
    leaving: Sequence[Acceptor],
    name: bytes,
    kind: socket.SocketKind,
    *,
    mode: int,
    owner: Owner,
    backlog: int,
) -> tuple[socket.socket, Callable[[], None]] | None:
    """Return as `listen_at` what one of *leaving* has at *name*, which gives its file up."""
    for acceptor in leaving:
        sock = acceptor.sockets[0]
        if (sock.family, sock.type) != (socket.AF_UNIX, kind) or bound_to(sock) != name:
            continue
        release = acceptor.release
        if isinstance(release, Removal):
            if not release.is_ours():
                continue  # somebody has removed or replaced the file
            owner.give(release.path)
            os.chmod(release.path, mode)
        if accepts(kind):
            sock.listen(backlog)
        ours = sock.dup()
        acceptor.release = lambda: None
        return ours, release
    return None


def bound_to(sock: socket.socket) -> bytes:
    """Return the sockaddr that *sock* was bound to."""
    return os.fsencode(sock.getsockname())


async def take_name(
    sock: socket.socket, path: str, name: bytes, mode: int, owner: Owner = NOBODY_ELSE
) -> Callable[[], None]:
    """Bind *sock* to *path*, whose sockaddr is *name*; return what gives the path up."""
    if name.startswith(b"\0"):
        sock.bind(name)
        return lambda: None  # the kernel removes it
    # Before bind(2), so that at no moment others may connect; fchmod(2) of a socket is the
    # mode that bind gives its file. Its owner is set afterwards, and until then it is nobody's.
    os.fchmod(sock.fileno(), mode if owner == NOBODY_ELSE else 0)
    return await bind_path(sock, path, name, mode, owner)


class NamedSocket(socket.socket):
    """A socket that connects under a name of its own, whose path it removes at its close."""

    release: Callable[[], None] | None = None

    async def take(self, path: str, mode: int, owner: Owner = NOBODY_ELSE) -> None:
        """Take the name *path*, as a listener takes its own."""
        self.release = await take_name(self, path, sockaddr(path), mode, owner)

    def close(self) -> None:
        """Give the name up and close; while the socket is open nobody else takes it."""
        release, self.release = self.release, None
        try:
            if release is not None:
                release()
        finally:
            super().close()


async def bind_path(
    sock: socket.socket, path: str, name: bytes, mode: int, owner: Owner
) -> Callable[[], None]:
    """Bind *sock* to *path* under the lock; return what removes the file if it is ours."""
    directory = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        await lock(directory)
        if is_dead(path, name):
            os.unlink(path)
        sock.bind(name)
        try:
            owner.give(path)
            if stat.S_IMODE(os.lstat(path).st_mode) != mode:
                os.chmod(path, mode)  # the umask has taken bits that are wanted
            return Removal(path)
        except BaseException:
            os.unlink(path)  # under the lock it is ours for sure
            raise
    finally:
        os.close(directory)  # which unlocks it


async def lock(directory: int) -> None:
    """Take the lock on *directory*, flock(2), waiting for others to release it."""
    while True:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await wait_any({}, RETRY_DELAY)
        else:
            return


def is_dead(path: str, name: bytes) -> bool:
    """Tell whether *path* is a socket that no process holds any more."""
    try:
        before = os.lstat(path)
    except FileNotFoundError:
        return False
    if not stat.S_ISSOCK(before.st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        code = probe.connect_ex(name)
    return code == errno.ECONNREFUSED and os.path.samestat(before, os.lstat(path))


class Removal:
    """Removes the socket at a path, as long as it is the one that is there now."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)  # whatever the working directory is by then
        self.ours, self.process = os.lstat(path), os.getpid()

    def is_ours(self) -> bool:
        """Tell whether our socket is at the path still."""
        try:
            # While our socket lives no other file gets its inode number.
            return os.path.samestat(os.lstat(self.path), self.ours)
        except FileNotFoundError:
            return False

    def __call__(self) -> None:
        # A child of fork(2) has not bound it.
        if os.getpid() == self.process and self.is_ours():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
