"""Errors of accept(2) that a listener survives; see `fildes.listening.accepting`."""

from __future__ import annotations

import errno
import warnings
from typing import TYPE_CHECKING

from fildes.advice import advice_for

if TYPE_CHECKING:
    from fildes.address import Address

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


def warn_of_shortage(address: Address, error: OSError) -> None:
    """Warn once that clients of *address* wait; *error* says what is lacking."""
    advice = advice_for(error, "accept")
    message = f"clients of {address} wait, nothing is left to accept them with: {error.strerror}"
    warnings.warn(f"{message} ({advice})" if advice else message, RuntimeWarning, stacklevel=2)
