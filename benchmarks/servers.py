"""The other ends, each in a process of its own: `python servers.py KIND [FILE...]`.

``echo`` sends everything back. ``source`` reads a size in eight bytes and sends
that many; ``tls-source CERT KEY`` does so under TLS, and ``patient-source`` waits for the
end of whoever asks; ``sources`` serves many at a time. ``giver`` sends `GIVEN` bytes to
whoever connects, and ``taker`` takes all until the end. ``sink`` reads a size and that many
bytes, and answers with one.
``ws-echo``, ``ws-source`` and ``ws-sink`` do as much by WebSocket; see `framing`.
``udp-echo`` sends each datagram back. ``awake`` waits for each end of file and never
sleeps while it waits: see `opening`. Each prints its port.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import framing
from measuring import ROOT, Missing

sys.path.insert(0, str(ROOT / "tests"))
from authority import Authority  # found through the line above

BLOCK = bytes(1 << 20)  # arbitrary; large enough that this side is not what is measured

GIVEN = 4_000_000_000  #: what one who asks for nothing gets


def echo(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = bytearray(65536)
    while received := sock.recv_into(buffer):
        sock.sendall(memoryview(buffer)[:received])


def stay_awake(sock: socket.socket) -> None:
    while True:
        with contextlib.suppress(BlockingIOError):
            sock.recv(1, socket.MSG_DONTWAIT)
            return


def send_as_asked(sock: socket.socket) -> None:
    asked = sock.recv(8, socket.MSG_WAITALL)
    send(sock, int.from_bytes(asked, "big") if len(asked) == 8 else 0)  # 0: it only looked


def serve_source(sock: socket.socket) -> None:
    with contextlib.suppress(OSError), sock:
        send_as_asked(sock)


def take_all(sock: socket.socket) -> None:
    buffer = bytearray(1 << 20)
    while sock.recv_into(buffer):
        pass


def send(sock: socket.socket, left: int) -> None:
    with memoryview(BLOCK) as block:
        while left:
            sock.sendall(block[: min(left, len(block))])
            left -= min(left, len(block))


def take_as_told(sock: socket.socket) -> None:
    told = sock.recv(8, socket.MSG_WAITALL)
    left, buffer = int.from_bytes(told, "big"), bytearray(1 << 20)
    while left > 0 and (received := sock.recv_into(buffer)):
        left -= received
    sock.sendall(b"." * bool(told))


def send_as_asked_under_tls(sock: socket.socket, context: ssl.SSLContext) -> None:
    with context.wrap_socket(sock, server_side=True) as secure:
        (left,) = struct.unpack("!Q", secure.recv(8))
        while left:
            left -= secure.send(BLOCK[:left] if left < len(BLOCK) else BLOCK)
        secure.unwrap()


def echo_datagrams() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        print(sock.getsockname()[1], flush=True)
        view = memoryview(bytearray(65536))
        while True:
            size, sender = sock.recvfrom_into(view)
            sock.sendto(view[:size], sender)


def main(kind: str, *files: str) -> None:
    if kind == "udp-echo":
        echo_datagrams()
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listener.getsockname()[1], flush=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if files:
        context.load_cert_chain(*files)
    listener.setblocking(kind != "awake")
    while True:
        try:
            sock, _ = listener.accept()
        except BlockingIOError:  # of the one that stays awake
            continue
        if kind == "sources":
            threading.Thread(target=serve_source, args=(sock,), daemon=True).start()
            continue
        with contextlib.suppress(OSError), sock:  # whoever is measured may go at any time
            if kind == "awake":
                stay_awake(sock)
            elif kind == "echo":
                echo(sock)
            elif kind == "source":
                send_as_asked(sock)
            elif kind == "patient-source":
                send_as_asked(sock)
                sock.recv(1)
            elif kind == "giver":
                send(sock, GIVEN)
            elif kind == "taker":
                take_all(sock)
            elif kind == "sink":
                take_as_told(sock)
            elif kind in framing.SERVERS:
                framing.SERVERS[kind](sock)
            else:
                send_as_asked_under_tls(sock, context)


@contextlib.contextmanager
def server(kind: str, *files: Path) -> Iterator[int]:
    """Run one of the above, yield its port."""
    command = [sys.executable, __file__, kind, *map(str, files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextlib.contextmanager
def authority() -> Iterator[Authority]:
    """Yield a certificate authority whose files last as long as the body."""
    with tempfile.TemporaryDirectory(prefix="fildes-bench-") as directory:
        yield Authority(Path(directory))


NGINX_CONF = """\
daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000; client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  server {{
    listen 127.0.0.1:{port} backlog=4096; listen 127.0.0.1:{tls_port} ssl; root {directory}/root;
    ssl_certificate {cert}; ssl_certificate_key {key};
  }}
}}
"""


@contextlib.contextmanager
def nginx(**sizes: int) -> Iterator[tuple[int, int, Path]]:
    """Serve files of the given sizes; yield the http port, the https port and the CA."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        raise Missing("nginx is not installed")
    with authority() as ca:
        directory = ca.directory
        (directory / "root").mkdir()
        for name, size in sizes.items():
            with (directory / "root" / name).open("wb") as file:
                file.truncate(size)  # zeros that take no room on the disk
        port, tls_port = free_port(), free_port()
        conf = directory / "nginx.conf"
        cert, key = ca.localhost.cert_file, ca.localhost.key_file
        conf.write_text(
            NGINX_CONF.format(directory=directory, port=port, tls_port=tls_port, cert=cert, key=key)
        )
        command = [program, "-e", f"{directory}/error.log", "-c", str(conf)]
        # Workers of a root's nginx run as another user, who must reach the files.
        directory.chmod(0o755)
        with subprocess.Popen(command) as process:
            try:
                wait_until_listening(tls_port, process)
                yield port, tls_port, ca.ca_file
            finally:
                process.terminate()


def free_port() -> int:
    """Return a port that was free just now; nginx cannot be given port 0."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
    raise Missing(f"the server ended with status {process.returncode}")


if __name__ == "__main__":
    main(*sys.argv[1:])
