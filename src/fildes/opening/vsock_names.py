"""What the kernel calls a vsock: a context (CID) and a port, 32 bits each; vsock(7)."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

from fildes.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: VMADDR_CID_HYPERVISOR, _LOCAL, _HOST and _ANY of linux/vm_sockets.h.
HYPERVISOR, LOCAL, HOST, ANY = 0, 1, 2, 0xFFFF_FFFF
NAMES = {"hypervisor": HYPERVISOR, "local": LOCAL, "host": HOST, "any": ANY}

#: VMADDR_PORT_ANY: bind(2) chooses a port.
ANY_PORT = 0xFFFF_FFFF

#: IOCTL_VM_SOCKETS_GET_LOCAL_CID of /dev/vsock, vsock(7).
GET_LOCAL_CID = 0x7B9

_NUMBER = re.compile(r"[0-9]{1,10}")

#: What to do about the errors that say less of a vsock than of other sockets.
ADVICE = {
    errno.EAFNOSUPPORT: "this kernel has no vsock: load its module vsock",
    errno.ENODEV: "no transport leads there: a host needs the module vhost_vsock,"
    " a guest a virtio-vsock device, the context local the module vsock_loopback",
    errno.EADDRNOTAVAIL: "this machine is not that context: listen at any, or at local"
    " with the module vsock_loopback",
    errno.ECONNRESET: "nothing listens at that port",
    errno.EACCES: "ports below 1024 are for root",
}
NO_LOOPBACK = "the context local needs the module vsock_loopback"


class Name(NamedTuple):
    """The sockaddr of a vsock."""

    context: int
    port: int

    def __str__(self) -> str:
        return f"{self.context}:{self.port}"


def parse_name(word: str, *, listening: bool = False) -> Name:
    """Return the context and port that *word* spells, as in ``host:1024`` or ``3:1024``.

    Args:
      listening: no context is `LOCAL`, and port 0 one of the kernel's choice.

    Raises:
      AddressError: it is not so.
    """
    context, colon, port = word.rpartition(":")
    if not colon:
        raise AddressError("vsock takes a context and a port, as in vsock://host:1024")
    if not context and listening:
        context = "local"
    name = Name(NAMES.get(context.lower(), -1), number(port, "port"))
    if name.context < 0:
        name = name._replace(context=number(context, "context"))
    if listening:
        return name._replace(port=name.port or ANY_PORT)
    if ANY in name:
        raise AddressError("any context and any port are for listening")
    return name


def number(text: str, what: str) -> int:
    """Return the number of 32 bits that *text* is."""
    if not _NUMBER.fullmatch(text) or int(text) > ANY:
        named = f" or one of {', '.join(NAMES)}" if what == "context" else ""
        raise AddressError(f"the {what} of a vsock is a number of 32 bits{named}")
    return int(text)


def new_socket() -> socket.socket:
    """Return a stream socket that does not wait."""
    return socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)


def own_context() -> int:
    """Return what others call this machine; `LOCAL` if nobody has given it a context."""
    try:
        fd = os.open("/dev/vsock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return LOCAL
    try:
        found: int = struct.unpack("I", fcntl.ioctl(fd, GET_LOCAL_CID, bytes(4)))[0]
    except OSError:
        return LOCAL
    finally:
        os.close(fd)
    return LOCAL if found == ANY else found


@contextlib.contextmanager
def advised(context: int) -> Iterator[None]:
    """Say what an error of a vsock in *context* means, and what to do."""
    try:
        yield
    except OSError as error:
        advice = ADVICE.get(error.errno or 0)
        if context == LOCAL and error.errno in (errno.ETIMEDOUT, errno.ENODEV):
            advice = NO_LOOPBACK
        if advice is not None:
            error.advice = advice  # type: ignore[attr-defined]  # `advice_for` looks for it
        raise
