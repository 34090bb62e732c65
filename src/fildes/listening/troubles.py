"""Errors of accept(2) that a listener survives; see `fildes.listening.accepting`."""

from __future__ import annotations

import errno

#: Errors of one connection, or of the network it came from; accept(2), "Error handling".
PASSING = frozenset(
    {
        errno.EAGAIN,
        errno.ECONNABORTED,
        errno.EPROTO,
        errno.EPERM,  # a firewall's
        errno.ENETDOWN,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        errno.ENONET,
        errno.EHOSTUNREACH,
        errno.EOPNOTSUPP,
        errno.ENETUNREACH,
    }
)

#: Nothing is left to accept with.
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
