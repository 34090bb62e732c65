"""fildes serve: what a program gets of its connection."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from authority import Authority
from serving_commands import StartServer, serve
from tls_listeners import options

import fildes

__all__ = ["serve"]  # a fixture

pytestmark = pytest.mark.slow

needs_socat = pytest.mark.skipif(not shutil.which("socat"), reason="socat is not installed")


def variables(text: bytes) -> dict[str, str]:
    lines = [line.partition("=") for line in text.decode().splitlines()]
    return {name: value for name, _, value in lines}


def test_program_is_at_the_other_end(serve: StartServer) -> None:
    """EXECSOCKETPAIRFLUSH: what a program writes after its input has ended comes back whole."""
    server = serve("sort", "-r")
    assert server.address == f"tcp://127.0.0.1:{server.port}"
    assert server.ask(b"a\nc\nb\n") == b"c\nb\na\n"
    assert server.stop()[0] == 0


def test_several_at_once(serve: StartServer) -> None:
    """TCP4LISTENFORK: each connection has a program of its own, at the same time."""
    server = serve("cat")
    with server.connect() as first, server.connect() as second:
        for sock in (second, first):
            sock.sendall(b"hello")
            assert sock.recv(99) == b"hello"
    server.stop()


def test_program_has_its_three_descriptors(serve: StartServer) -> None:
    """X4, EXEC_FDS: a program gets 0, 1 and 2 and no others; the first two are the socket."""
    code = (
        "import os; print(*[fd for fd in range(200) if os.path.exists(f'/proc/self/fd/{fd}')]);"
        "print(os.readlink('/proc/self/fd/0')[:6])"
    )
    server = serve(sys.executable, "-c", code)
    assert server.ask() == b"0 1 2\nsocket\n"
    server.stop()


def test_no_shell_looks_at_the_arguments(serve: StartServer) -> None:
    """Each argument arrives as it is written."""
    server = serve("printf", "%s|", "a b;c$(d)", "*", "")
    assert server.ask() == b"a b;c$(d)|*||"
    server.stop()


def test_variables_tell_of_the_connection(serve: StartServer) -> None:
    """LISTENENV: UCSPI's variables are those of this connection, whoever set them before."""
    server = serve("env", env={"TCPREMOTEHOST": "of another", "SSL_CIPHER": "of another"})
    with server.connect() as sock:
        port = sock.getsockname()[1]
        found = variables(b"".join(iter(lambda: sock.recv(65536), b"")))
    told = {
        name: value for name, value in found.items() if name.startswith(("TCP", "SSL", "PROTO"))
    }
    assert told == {
        "PROTO": "TCP",
        "TCPLOCALIP": "127.0.0.1",
        "TCPLOCALPORT": str(server.port),
        "TCPREMOTEIP": "127.0.0.1",
        "TCPREMOTEPORT": str(port),
    }
    assert found["PATH"] == os.environ["PATH"]
    server.stop()


def test_variables_of_a_unix_socket(serve: StartServer, tmp_path: Path) -> None:
    """At a path the variables tell who has connected; the path is removed in the end."""
    path = tmp_path / "s"
    server = serve("env", at=f"unix:{path}")
    with fildes.open(f"unix:{path}") as f:
        told = variables(f.read())
    assert (told["PROTO"], told["UNIXLOCALPATH"]) == ("UNIX", str(path))
    assert (told["UNIXREMOTEEUID"], told["UNIXREMOTEPID"]) == (str(os.geteuid()), str(os.getpid()))
    server.stop()
    assert not path.exists()


def test_variables_of_who_passes_on(serve: StartServer) -> None:
    """Behind a proxy that tells, the variables are those of the client that is told."""
    server = serve("env", at="tcp-listen://127.0.0.1:0?proxy-protocol=on")
    told = variables(server.ask(b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 80\r\n"))
    assert (told["TCPREMOTEIP"], told["TCPREMOTEPORT"]) == ("192.0.2.1", "5000")
    assert (told["TCPLOCALIP"], told["TCPLOCALPORT"]) == ("192.0.2.2", "80")
    server.stop()


def test_under_tls(serve: StartServer, tls_ca: Authority) -> None:
    """A program that knows no TLS serves under it, and learns whose certificate it was."""
    client = tls_ca.issue("me@example.com", common_name="me")
    ours = tls_ca.localhost
    query = f"cert={ours.cert_file}&key={ours.key_file}&ca={tls_ca.ca_file}"
    server = serve("sh", "-c", "env; cat", at=f"tls-listen://127.0.0.1:0?{query}")
    assert server.address.startswith("tls://")
    with fildes.open(server.address, tls=options(client, ca=tls_ca.ca_file), timeout=20) as f:
        f.write(b"LAST=line\n" * 10000)
        f.half_close()
        text = f.read()
    told = variables(text)
    assert text.count(b"LAST=line\n") == 10000
    assert (told["PROTO"], told["SSL_PROTOCOL"]) == ("TCP", "TLSv1.3")
    assert (told["SSL_CLIENT_VERIFY"], told["SSL_CLIENT_S_DN_CN"]) == ("SUCCESS", "me")
    assert told["SSL_CLIENT_S_DN"].startswith("CN=me,")
    assert "me@example.com" in {told[name] for name in told if name.startswith("SSL_CLIENT_SAN")}
    assert server.stop()[0] == 0


def test_certificates_are_read_again(serve: StartServer, tls_ca: Authority, tmp_path: Path) -> None:
    """SIGHUP takes what the files hold now; bad certificates are told of, and not taken."""
    cert = tmp_path / "cert.pem"

    def install(name: str) -> None:
        identity = tls_ca.issue(name)
        cert.write_bytes(identity.cert_file.read_bytes() + identity.key_file.read_bytes())

    def ask(name: str) -> bytes:
        tls = {"ca": tls_ca.ca_file, "name": name}
        with fildes.open(f"tls://127.0.0.1:{server.port}", tls=tls, timeout=20) as f:
            answer: bytes = f.read()
            return answer

    install("old.example")
    server = serve("echo", "hello", at=f"tls-listen://127.0.0.1:0?cert={cert}")
    assert ask("old.example") == b"hello\n"
    install("new.example")
    server.process.send_signal(signal.SIGHUP)
    assert server.first_line() == "fildes: reloaded\n"
    assert ask("new.example") == b"hello\n"
    cert.write_text("nothing")
    server.process.send_signal(signal.SIGHUP)
    assert "not reloaded" in server.first_line()
    assert ask("new.example") == b"hello\n"
    server.stop()


def test_datagrams(serve: StartServer) -> None:
    """UDPLISTENFORK: a program for each sender, whose first datagrams are not lost."""
    server = serve("dd", "bs=1000", "count=2", "status=none", at="udp://127.0.0.1:0")
    socks = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(2)]
    for sock in socks:
        sock.settimeout(20)
        sock.connect(("127.0.0.1", server.port))
        sock.send(b"one of %d" % sock.getsockname()[1])
        sock.send(b"two")
    for sock in socks:
        with sock:
            assert sock.recv(99) == b"one of %d" % sock.getsockname()[1]
            assert sock.recv(99) == b"two"
    assert server.stop()[0] == 0


def test_empty_datagram_is_one_to_a_program(serve: StartServer) -> None:
    """A program reads an empty datagram as what it is, which to most is the end."""
    server = serve("sh", "-c", "cat; echo end", at="udp://127.0.0.1:0")
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        sock.connect(("127.0.0.1", server.port))
        for question, answer in ((b"one", b"one"), (b"", b"end\n")):
            sock.send(question)
            assert sock.recv(99) == answer
    assert server.stop()[0] == 0


def test_records_and_their_end(serve: StartServer, tmp_path: Path) -> None:
    """A program at a socket of records gets them one by one, and the end; so does its client."""
    server = serve("sh", "-c", "cat; echo end", at=f"unix-seqpacket-listen:{tmp_path}/s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.settimeout(20)
        sock.connect(str(tmp_path / "s"))
        sock.send(b"one")
        sock.send(b"two")
        sock.shutdown(socket.SHUT_WR)
        assert [sock.recv(99) for _ in range(4)] == [b"one", b"two", b"end\n", b""]
    assert server.stop()[0] == 0


@pytest.mark.parametrize("place", ["udp", "unix"])
def test_each_datagram_has_a_program(place: str, serve: StartServer, tmp_path: Path) -> None:
    """UDP4RECVFROM_FORK: a program reads one datagram to its end, and answers whoever sent it."""
    at = {"udp": "udp-listen://127.0.0.1:0?each=on", "unix": f"unix-dgram-listen:{tmp_path}/s"}
    server = serve("sh", "-c", "cat; echo and its end; exit 3", at=at[place])
    family = socket.AF_UNIX if place == "unix" else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        if place == "unix":
            sock.bind(str(tmp_path / "asker"))
        sock.connect(str(tmp_path / "s") if place == "unix" else ("127.0.0.1", server.port))
        for number in range(1, 4):
            sock.send(b"question")
            assert sock.recv(99) == b"question"
            assert sock.recv(99) == b"and its end\n"
            assert server.first_line() == f"fildes: {number}: the program ended with status 3\n"
    assert server.stop()[0] == 0


def test_reset_of_the_client_is_no_matter(serve: StartServer) -> None:
    """COOLWRITE: a client that goes away ends its program, and nothing else."""
    server = serve("sh", "-c", "while echo hello; do :; done")
    for _ in range(3):
        with server.connect() as sock:
            assert sock.recv(1) == b"h"
    server.stop()


@needs_socat
def test_socat_as_client(serve: StartServer) -> None:
    """socat gets the whole answer that comes after its end."""
    server = serve("sh", "-c", "cat; echo done")
    result = subprocess.run(
        ["socat", "-t20", "-", f"TCP:127.0.0.1:{server.port}"],
        input=b"hello\n" * 10000,
        capture_output=True,
        timeout=60,
    )
    assert result.stdout == b"hello\n" * 10000 + b"done\n"
    server.stop()
