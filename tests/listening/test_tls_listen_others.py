"""Programs by others as clients of our TLS listener."""

from __future__ import annotations

import shutil
import subprocess
import threading

import pytest
from authority import Authority
from tls_listeners import echoing, options, port_of

import fildes

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
needs_socat = pytest.mark.skipif(not shutil.which("socat"), reason="socat is not installed")
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


@needs_openssl
def test_openssl_is_served(tls_ca: Authority) -> None:
    """`openssl s_client` verifies us, and is answered."""
    with (
        fildes.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost)) as listener,
        echoing(listener),
    ):
        result = subprocess.run(
            [
                *("openssl", "s_client", "-quiet", "-verify_return_error"),
                *("-servername", "localhost", "-CAfile", str(tls_ca.ca_file)),
                *("-connect", f"127.0.0.1:{port_of(listener)}"),
            ],
            input=b"hello\n",
            capture_output=True,
            timeout=60,
        )
    assert result.stdout == b"hello\n"


@needs_socat
@pytest.mark.parametrize(("who", "welcome"), [("client", True), ("nobody", False)])
def test_socat_is_let_in_with_a_certificate(who: str, welcome: bool, tls_ca: Authority) -> None:
    """OPENSSL_CLIENTAUTH: socat with the right certificate passes, without one it does not."""
    identity = tls_ca.issue("me@example.com")
    target = f"cafile={tls_ca.ca_file},commonname=localhost"
    if who == "client":
        target += f",cert={identity.cert_file},key={identity.key_file}"
    with (
        fildes.listen(
            "tls://127.0.0.1:0", tls=options(tls_ca.localhost, ca=tls_ca.ca_file)
        ) as listener,
        echoing(listener) as served,
    ):
        address = f"OPENSSL:127.0.0.1:{port_of(listener)},{target}"
        result = subprocess.run(
            ["socat", "-t5", "-", address], input=b"hello\n", capture_output=True, timeout=60
        )
    assert (result.stdout, len(served)) == ((b"hello\n", 1) if welcome else (b"", 0))


@needs_curl
def test_curl_is_served(tls_ca: Authority) -> None:
    """`curl` gets a document that a handler writes by hand."""
    with fildes.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost)) as listener:

        def serve() -> None:
            with listener.accept(timeout=20) as f:
                while f.readline().strip():
                    pass
                f.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")

        thread = threading.Thread(target=serve)
        thread.start()
        result = subprocess.run(
            [
                *("curl", "-sS", "--noproxy", "*", "--cacert", str(tls_ca.ca_file)),
                f"https://localhost:{port_of(listener)}/",
            ],
            capture_output=True,
            timeout=60,
        )
        thread.join()
    assert (result.returncode, result.stdout) == (0, b"hello\n")
