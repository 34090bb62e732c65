"""Telling the service manager how far we are; sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket
import time


def notify(*lines: str) -> None:
    """Send *lines* to whoever manages this process, if it said where."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path[:1] not in ("/", "@"):
        return
    name = f"\0{path[1:]}" if path.startswith("@") else path
    with (
        contextlib.suppress(OSError),  # a manager that is gone needs no word
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
    ):
        sock.sendto("\n".join(lines).encode(), name)


def ready(status: str) -> None:
    """Say that connections are accepted from now on."""
    notify("READY=1", f"STATUS={status}", f"MAINPID={os.getpid()}")


def reloading() -> None:
    """Say that the configuration is read again; `ready` has to follow."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping(status: str) -> None:
    """Say that no more connections are accepted."""
    notify("STOPPING=1", f"STATUS={status}")
