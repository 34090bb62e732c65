"""tls with what others wrote at the other end."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable

import pytest
from authority import Authority
from programs import need, serving
from tls_cases import MEBIBYTE, pattern

import fildes
from fildes.drivers import blocking
from fildes.streams.kernel import SocketStream
from fildes.tls.stream import TlsStream

Argv = Callable[[int], list[str]]


def openssl(cert: str, key: str) -> Argv:
    program = need("openssl")
    serve = [program, "s_server", "-cert", cert, "-key", key, "-quiet", "-rev"]
    return lambda port: [*serve, "-accept", f"127.0.0.1:{port}"]


def openssl_1_2(cert: str, key: str) -> Argv:
    serve = openssl(cert, key)
    return lambda port: [*serve(port), "-tls1_2"]


def socat(cert: str, key: str) -> Argv:
    program = need("socat")
    options = f"bind=127.0.0.1,cert={cert},key={key},verify=0"
    return lambda port: [program, f"OPENSSL-LISTEN:{port},{options}", "EXEC:rev"]


def ncat(cert: str, key: str) -> Argv:
    program = need("ncat")
    command = [program, "--ssl", "--ssl-cert", cert, "--ssl-key", key, "--exec", "/bin/cat"]
    return lambda port: [*command, "-l", "127.0.0.1", str(port)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("server", "answer"), [(openssl, b"olleh\n"), (openssl_1_2, b"olleh\n"), (ncat, b"hello\n")]
)
def test_conversation_with_a_server(
    server: Callable[[str, str], Argv], answer: bytes, tls_ca: Authority
) -> None:
    """A server that others wrote answers, and our closing is in order."""
    me = tls_ca.localhost
    with (
        serving(server(str(me.cert_file), str(me.key_file))) as port,
        fildes.open(f"tls://localhost:{port}", tls={"ca": tls_ca.ca_file}) as f,
    ):
        f.write(b"hello\n")
        assert f.readline() == answer


@pytest.mark.slow
def test_half_close_with_a_server(tls_ca: Authority) -> None:
    """A program behind their server sees our end of file, and its answer comes back."""
    me = tls_ca.localhost
    with (
        serving(socat(str(me.cert_file), str(me.key_file))) as port,
        fildes.open(f"tls://localhost:{port}", tls={"ca": tls_ca.ca_file}) as f,
    ):
        f.write(b"hello\n")
        f.half_close()
        assert f.readline() == b"olleh\n"


def serve_once(listener: socket.socket, serve: Callable[[socket.socket], None]) -> threading.Thread:
    """Run *serve* for one connection of *listener* in a thread."""

    def accept() -> None:
        with listener, listener.accept()[0] as sock:
            serve(sock)

    thread = threading.Thread(target=accept)
    thread.start()
    return thread


def test_standard_library(tls_ca: Authority) -> None:
    """A server of the ssl module gets everything and our end, and we get everything and its."""
    data = pattern(MEBIBYTE)
    context = tls_ca.server_context()

    def serve(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as tls:
            received = b"".join(iter(lambda: tls.recv(65536), b""))
            tls.sendall(received)
            tls.unwrap()

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    thread = serve_once(listener, serve)
    with fildes.open(f"tls://localhost:{port}", tls={"ca": tls_ca.ca_file}) as f:
        f.write(data)
        f.half_close()
        assert f.read() == data
    thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_of_others(version: ssl.TLSVersion, tls_ca: Authority) -> None:
    """`openssl s_client` accepts our server's end, and sees its end of file."""
    program = need("openssl")
    context = tls_ca.server_context()
    context.maximum_version = version

    async def answer(stream: TlsStream) -> None:
        await stream.handshake()
        await stream.send_all(await stream.recv_exactly(6))
        await stream.close()

    def serve(sock: socket.socket) -> None:
        blocking.run(answer(TlsStream(SocketStream(sock.dup()), context, server_side=True)))

    listener = socket.create_server(("127.0.0.1", 0))
    place = f"localhost:{listener.getsockname()[1]}"
    thread = serve_once(listener, serve)
    client = [program, "s_client", "-quiet", "-verify_return_error", "-connect", place]
    result = subprocess.run(
        [*client, "-CAfile", str(tls_ca.ca_file)], input=b"hello\n", capture_output=True
    )
    thread.join()
    assert (result.returncode, result.stdout) == (0, b"hello\n")
