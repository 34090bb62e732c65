"""Redis, in memory only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from programs import need, serving, wait_until


@contextlib.contextmanager
def redis(directory: Path) -> Iterator[int]:
    """Run Redis on a port, and on the unix socket *directory*/redis; yield the port."""
    program = need("redis-server")
    need("redis-cli")
    words = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(directory)]
    words += ["--unixsocket", str(directory / "redis")]
    with serving(lambda port: [program, "--port", str(port), *words]) as port:
        wait_until((directory / "redis").is_socket)
        yield port
