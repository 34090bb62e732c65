"""Listeners under TLS for tests, and clients of them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from authority import Authority, Identity

import fildes


def options(identity: Identity, **more: Any) -> dict[str, Any]:
    return {"cert": identity.cert_file, "key": identity.key_file, **more}


def query(authority: Authority) -> str:
    """Return the options of a listener that proves to be localhost."""
    identity = authority.localhost
    return f"cert={identity.cert_file}&key={identity.key_file}"


@contextlib.contextmanager
def echoing(listener: Any) -> Iterator[list[str | None]]:
    """Echo one line of each connection; yield the names of those that were served."""
    served: list[str | None] = []

    def serve() -> None:
        for f in listener:
            with contextlib.suppress(OSError), f:
                served.append(f.peer)
                f.write(f.readline())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield served
    finally:
        listener.close()
        thread.join()


def port_of(listener: Any) -> int:
    return int(listener.address.rpartition(":")[2])


def ask(listener: Any, ca: Path, name: str = "localhost", **tls: Any) -> Any:
    """Open the listener, expecting the certificate of *name*."""
    address = f"tls://127.0.0.1:{port_of(listener)}"
    return fildes.open(address, tls={"ca": ca, "name": name, **tls}, timeout=20)


def echo(f: Any) -> bytes:
    f.write(b"hello\n")
    line: bytes = f.readline()
    return line
