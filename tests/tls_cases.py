"""What tests of TLS in several files need."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from authority import Authority
from peers import ScriptedPeer, StartPeer

import fildes

MEBIBYTE = 1 << 20
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

Start = Callable[..., ScriptedPeer]
Open = Callable[..., Any]


def pattern(size: int) -> bytes:
    """Return *size* bytes in which every loss and every swap shows."""
    return hashlib.shake_128(b"fildes").digest(size)


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


def cat(stdin: Any) -> tuple[int, bytes]:
    """Return the exit status of cat and what it copied."""
    result = subprocess.run(["cat"], stdin=stdin, capture_output=True)
    return result.returncode, result.stdout


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def start_tls(request: pytest.FixtureRequest, peer: StartPeer, tls_ca: Authority) -> Start:
    """Start a scripted peer that speaks one version of TLS."""
    context = tls_ca.server_context()
    context.maximum_version = request.param
    return lambda *scripts: peer(*scripts, tls=context)


@pytest.fixture
def open_tls(tls_ca: Authority) -> Open:
    """Open a tls address of a scripted peer."""

    def open_one(server: ScriptedPeer, **arguments: Any) -> Any:
        options = {"ca": tls_ca.ca_file}
        return fildes.open(f"tls://localhost:{server.port}", tls=options, **arguments)

    return open_one
