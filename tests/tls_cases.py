"""What tests of TLS in several files need."""

from __future__ import annotations

from typing import Any

import pytest
from peers import ScriptedPeer

import fildes


def refusal(server: ScriptedPeer, host: str = "localhost", /, **options: Any) -> OSError:
    """Return the error of opening *server*, which must have got nothing of ours."""
    with pytest.raises(OSError) as caught, fildes.open(f"tls://{host}:{server.port}", tls=options):
        pass
    server.wait()
    assert server.received == b""
    return caught.value


def advice(error: OSError) -> str:
    failure = fildes.failure_of(error)
    assert failure is not None
    assert failure.step == "handshake"
    return failure.advice
