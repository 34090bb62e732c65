"""The armed socket pairs of `fildes.streams.bridge`: closing one's end tells of a break."""

from __future__ import annotations

import contextlib
import errno
import socket

from fildes.streams.kernel import LINGER_RESET

#: Moved at once from the stream to the pair. Large, since each move is a system call
#: and a switch to the reader; measured in benchmarks/.
PUMP_SIZE = 262144


def unix_pair() -> tuple[socket.socket, socket.socket]:
    """Return a reader's end and the pump's end, armed: one byte lies unread there."""
    theirs, ours = socket.socketpair()
    with contextlib.ExitStack() as undo:
        undo.enter_context(theirs)
        undo.enter_context(ours)
        theirs.send(b"!")
        theirs.shutdown(socket.SHUT_WR)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PUMP_SIZE)
        undo.pop_all()
    return theirs, ours


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Return a user's end and the pump's end, armed: closing the latter is a reset."""
    with contextlib.ExitStack() as undo, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        theirs = undo.enter_context(socket.socket())
        theirs.connect(listener.getsockname())
        ours, peer = listener.accept()
        undo.enter_context(ours)
        if peer != theirs.getsockname():
            raise ConnectionAbortedError(errno.ECONNABORTED, "a stranger took the bridge's port")
        for end in (theirs, ours):
            # A write is handed on whole: Nagle's wait (RFC 896) only adds delay.
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        undo.pop_all()
    return theirs, ours
