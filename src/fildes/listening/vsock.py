"""The place of a vsock listener: a port of one context, or of any."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from fildes.address import Address
from fildes.listening.accepting import Acceptor
from fildes.listening.options import backlog_of, limits_of
from fildes.opening import vsock_names
from fildes.opening.vsock_names import ANY, Name, advised, parse_name
from fildes.streams.kernel import SocketStream

if TYPE_CHECKING:
    from fildes.opening.opening import Opening


def listen(opening: Opening, address: Address) -> Acceptor:
    """Listen where *address* says, with its options."""
    limits = limits_of(opening, address)
    backlog = backlog_of(opening, address) or socket.SOMAXCONN
    name = parse_name(address.path, listening=True)
    with contextlib.ExitStack() as undo, advised(name.context):
        sock = undo.enter_context(vsock_names.new_socket())
        sock.bind(name)
        sock.listen(backlog)
        context, port = sock.getsockname()
        told = Name(vsock_names.own_context() if context == ANY else context, port)
        acceptor = Acceptor([sock], Address("vsock", path=str(told)), SocketStream, limits=limits)
        undo.pop_all()
    return acceptor
