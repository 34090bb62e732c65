"""Vsocks without a virtual machine: sockets of unix(7) that go by the names of vsock(7).

Few kernels have the module vsock_loopback, and without it no vsock reaches its own
machine. So beside a test of the real thing there are these: an abstract unix socket for
each context and port.
"""

from __future__ import annotations

import itertools
import os
import socket
from typing import Any

import pytest

from fildes.opening import vsock_names

PORTS = itertools.count(5000)

#: Of whoever connects without a name.
OWN_CONTEXT = 3


def abstract(name: tuple[int, int]) -> str:
    """Return the unix socket that stands for *name*."""
    return f"\0fildes-vsock-{os.getpid()}-{name[0]}-{name[1]}"


class FakeVsock(socket.socket):
    """A unix socket that says it is a vsock."""

    name: tuple[int, int] = (OWN_CONTEXT, 0)
    peer: tuple[int, int] | None = None

    @classmethod
    def new(cls) -> FakeVsock:
        return cls(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)

    @property
    def family(self) -> Any:
        return socket.AF_VSOCK

    def bind(self, name: Any) -> None:
        context, port = name
        self.name = (context, next(PORTS) if port == vsock_names.ANY_PORT else port)
        super().bind(
            abstract((OWN_CONTEXT if context == vsock_names.ANY else context, self.name[1]))
        )

    def connect_ex(self, name: Any) -> int:
        self.peer = tuple(name)
        return super().connect_ex(abstract(name))

    def accept(self) -> tuple[FakeVsock, Any]:
        fd, _ = self._accept()  # type: ignore[attr-defined]  # as the socket module does
        accepted = type(self)(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fd)
        accepted.name, accepted.peer = (OWN_CONTEXT, self.name[1]), (OWN_CONTEXT, next(PORTS))
        return accepted, accepted.peer

    def getsockname(self) -> Any:
        return self.name

    def getpeername(self) -> Any:
        super().getpeername()
        return self.peer


@pytest.fixture
def fake_vsocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every vsock be a fake one, on a machine whose context is `OWN_CONTEXT`."""
    monkeypatch.setattr(vsock_names, "new_socket", FakeVsock.new)
    monkeypatch.setattr(vsock_names, "own_context", lambda: OWN_CONTEXT)


def has_vsocks() -> bool:
    """Tell whether the kernel has vsocks, and lets us bind one."""
    return can_bind(vsock_names.ANY)


def has_loopback() -> bool:
    """Tell whether the kernel connects a vsock to its own machine."""
    return can_bind(vsock_names.LOCAL)


def can_bind(context: int) -> bool:
    """Tell whether a vsock can be bound to *context*."""
    try:
        with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as sock:
            sock.bind((context, vsock_names.ANY_PORT))
    except OSError:
        return False
    return True
