"""OpenSSL's own client and server with a relay between them, or with the relay as one of them."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from authority import Authority
from programs import need, serving
from relays_under_test import RelayTo

pytestmark = pytest.mark.slow

DATA = os.urandom(1 << 20) * 8
QUESTION = b"GET /data HTTP/1.0\r\n\r\n"

every_version = pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])


@pytest.fixture
def server(version: str, tls_ca: Authority, tmp_path: Path) -> Iterator[int]:
    """Run `openssl s_server`, which serves the file data; return its port."""
    (tmp_path / "data").write_bytes(DATA)
    me = tls_ca.localhost
    argv = [need("openssl"), "s_server", "-WWW", version]
    argv += ["-cert", str(me.cert_file), "-key", str(me.key_file)]
    there = ["env", "-C", str(tmp_path)]
    with serving(lambda port: [*there, *argv, "-accept", f"127.0.0.1:{port}"]) as port:
        yield port


def s_client(port: int, authority: Authority, *options: str) -> bytes:
    """Ask by `openssl s_client`, which checks whom it talks to; return the answer."""
    argv = [need("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-quiet"]
    argv += ["-servername", "localhost", "-verify_hostname", "localhost", "-verify_return_error"]
    argv += ["-CAfile", str(authority.ca_file), *options]
    done = subprocess.run(argv, input=QUESTION, capture_output=True, check=False, timeout=50)
    assert not done.returncode, done.stderr.decode()
    return done.stdout


@every_version
def test_end_to_end(server: int, relay_to: RelayTo, tls_ca: Authority) -> None:
    """TLS passes through a plain relay: the certificate is the server's, every byte arrives."""
    answer = s_client(relay_to(f"tcp://127.0.0.1:{server}").port, tls_ca)
    assert answer.partition(b"\r\n\r\n")[2] == DATA


@every_version
def test_tls_from_the_relay_on(server: int, relay_to: RelayTo, tls_ca: Authority) -> None:
    """A plain client reaches a TLS server; the whole answer comes, then the end of file."""
    relay = relay_to(f"tls://localhost:{server}?ca={tls_ca.ca_file}")
    with socket.create_connection(("127.0.0.1", relay.port), timeout=20) as sock:
        sock.sendall(QUESTION)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.partition(b"\r\n\r\n")[2] == DATA
