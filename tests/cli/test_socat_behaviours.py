"""What socat users rely on, of `fildes relay`, with the real socat at the other end."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from pathlib import Path

import pytest
from authority import Authority
from commands import LIMIT, start
from programs import need, serving
from relay_commands import relay, relay_running, socat, socat_serving

BIG = os.urandom(1 << 20)

#: What od(1) says of ``hello``; it says so after its own end of file only.
OD = b"0000000   h   e   l   l   o\n0000005\n"


@pytest.mark.parametrize(("argv", "given", "out"), [
    pytest.param(["-u", "STDIN", "STDOUT"], BIG, BIG, id="UNISTDIO"),
    pytest.param(["STDIN!!STDOUT", "EXEC:cat"], BIG, BIG, id="DUALSTDIO"),
    pytest.param(["0!!1", "EXEC:cat"], BIG, BIG, id="DUALFDS"),
    pytest.param(["-", "EXEC:cat"], BIG, BIG, id="EXECSOCKETPAIR"),
    pytest.param(["-", "EXEC:cat,pipes"], BIG, BIG, id="EXECPIPES"),
    pytest.param(["-", "EXEC:cat,pty,echo=0"], b"hi\n", b"hi\r\n", id="EXECPTY"),
    pytest.param(["-", "EXEC:od -c"], b"hello", OD, id="EXECSOCKETPAIRFLUSH"),
    pytest.param(["-", "EXEC:od -c,pipes"], b"hello", OD, id="EXECPIPESFLUSH"),
    pytest.param(["-", "SYSTEM:od -c | cat"], b"hello", OD, id="SYSTEMFLUSH"),
    pytest.param(["-", "SYSTEM:echo \"a,b: c\" >&2; cat,stderr"], b"x", b"a,b: c\nx", id="STDERR"),
    pytest.param(["/dev/zero,readbytes=3!!STDOUT", "EXEC:od -c"], b"",
                 b"0000000  \\0  \\0  \\0\n0000003\n", id="READBYTES"),
    pytest.param(["STDIO,readbytes=9", "EXEC:cat"], b"hello", b"hello", id="READBYTES_EOF"),
    pytest.param(["STDIO,escape=0x1d", "EXEC:cat"], b"a\x1db", b"a", id="ESCAPE"),
    pytest.param(["-", "EXEC:od -c,crnl"], b"a\n", b"0000000   a  \n0000003\n"
                 .replace(b"a  ", b"a  \\r  \\n"), id="CRNL"),
])  # fmt: skip
def test_standard_io_and_programs(argv: list[str], given: bytes, out: bytes) -> None:
    """What goes in comes out at the other side, and the status is 0."""
    assert relay(*argv, given=given) == (0, out)


def test_pipes_give_back_what_they_get(tmp_path: Path) -> None:
    """PIPE, PIPE:path: what is written is read again; a named one is removed if asked to."""
    path = tmp_path / "pipe"
    for address in ("PIPE", f"PIPE:{path},unlink-close", "pipe:"):
        assert relay("-", address, given=b"hello") == (0, b"hello")
    assert not path.exists()
    assert relay("-", f"PIPE:{path}", given=b"stays") == (0, b"stays")
    assert path.is_fifo()


@pytest.mark.parametrize("address", ["PIPE:{}", "GOPEN:{}", "pipe:{}", "{}"])
def test_pipes_wait_for_their_other_end(tmp_path: Path, address: str) -> None:
    """A pipe is read to the last writer's end, however late that comes."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    command = ["sh", "-c", f"echo late > {path}"]
    with start("relay", "-u", address.format(path), "-") as reading, subprocess.Popen(command):
        out, _ = reading.communicate(timeout=LIMIT)
    assert (reading.returncode, out) == (0, b"late\n")


CONNECTS = [
    ("TCP4-LISTEN:0,bind=127.0.0.1", "TCP4:127.0.0.1:{}"),
    ("TCP4-LISTEN:0,bind=127.0.0.1", "TCP:localhost:{}"),
    ("TCP6-LISTEN:0,bind=[::1]", "TCP6:[::1]:{}"),
    ("UNIX-LISTEN:{directory}/socket", "UNIX-CONNECT:{}"),
    ("UNIX-LISTEN:{directory}/socket", "GOPEN:{}"),
    ("UNIX-LISTEN:{directory}/socket", "{}"),
]


@pytest.mark.parametrize(("listen", "connect"), CONNECTS)
@pytest.mark.parametrize(("answer", "given", "out"), [
    pytest.param("PIPE", b"hello\n", b"hello\n", id="ECHO"),
    pytest.param("EXEC:od -c", b"hello", OD, id="HALFCLOSE"),
])  # fmt: skip
def test_clients_of_socat(
    tmp_path: Path, listen: str, connect: str, answer: str, given: bytes, out: bytes
) -> None:
    """TCP4, TCP6, UNIXSTREAM, GOPEN as clients: our end of file reaches socat's program."""
    with socat_serving(listen.format(directory=tmp_path), answer) as place:
        assert relay("-", connect.format(place), given=given) == (0, out)


LISTENS = [
    ("TCP-LISTEN:0", "TCP:localhost:{port}"),
    ("TCP4-LISTEN:0,reuseaddr", "TCP4:127.0.0.1:{port}"),
    ("TCP6-LISTEN:0", "TCP6:[::1]:{port}"),
    ("UNIX-LISTEN:{directory}/socket", "UNIX-CONNECT:{directory}/socket"),
    ("ABSTRACT-LISTEN:fildes-{pid}", "ABSTRACT-CONNECT:fildes-{pid}"),
]


@pytest.mark.parametrize(("listen", "connect"), LISTENS)
@pytest.mark.parametrize(("answer", "given", "out"), [
    pytest.param("EXEC:cat", BIG, BIG, id="ECHO"),
    pytest.param("EXEC:od -c", b"hello", OD, id="HALFCLOSE"),
])  # fmt: skip
def test_socat_as_client(
    tmp_path: Path, listen: str, connect: str, answer: str, given: bytes, out: bytes
) -> None:
    """The same families as servers of one connection: socat's end reaches our program."""
    names = {"directory": tmp_path, "pid": os.getpid()}
    with relay_running(listen.format(**names), answer) as running:
        port = running.address.rpartition(":")[2]
        done = socat("-", connect.format(port=port, **names), given=given)
        assert (done.returncode, done.stdout, running.wait()) == (0, out, 0)


def files_of(tls_ca: Authority) -> str:
    """Return what makes a server of socat's prove to be localhost."""
    identity = tls_ca.localhost
    return f"cert={identity.cert_file},key={identity.key_file}"


TLS_ANSWERS = pytest.mark.parametrize(("answer", "given", "out"), [
    pytest.param("EXEC:cat", b"hello", b"hello", id="OPENSSLEOF"),
    pytest.param("EXEC:od -c", b"hello", OD, id="OPENSSL_HALFCLOSE"),
    pytest.param("EXEC:wc -c", BIG, b"1048576\n", id="OPENSSL_STREAM_TO_SERVER"),
    pytest.param("SYSTEM:head -c 1048576 /dev/zero", b"", bytes(1 << 20),
                 id="OPENSSL_STREAM_TO_CLIENT"),
])  # fmt: skip


@TLS_ANSWERS
def test_socat_as_tls_client(tls_ca: Authority, answer: str, given: bytes, out: bytes) -> None:
    """OPENSSL-LISTEN: large streams either way, and answers after the end, arrive whole."""
    with relay_running(f"OPENSSL-LISTEN:0,{files_of(tls_ca)},verify=0", answer) as running:
        target = f"OPENSSL:localhost:{running.port},cafile={tls_ca.ca_file}"
        done = socat("-", target, given=given)
        assert (done.returncode, done.stdout) == (0, out)


@TLS_ANSWERS
def test_tls_client_of_socat(tls_ca: Authority, answer: str, given: bytes, out: bytes) -> None:
    """OPENSSL: the same with socat as the server."""
    listen = f"OPENSSL-LISTEN:0,bind=127.0.0.1,pf=ip4,verify=0,{files_of(tls_ca)}"
    with socat_serving(listen, answer) as port:
        target = f"OPENSSL:127.0.0.1:{port},cafile={tls_ca.ca_file}"
        assert relay("-", target, given=given)[1] == out


@pytest.mark.parametrize(("option", "status"), [
    ("cafile={ca}", 0), ("verify=0", 0), ("cafile={ca},commonname=localhost", 0),
    ("cafile={ca},commonname=other.example", 60), ("", 60),
])  # fmt: skip
def test_server_has_to_prove_its_name(tls_ca: Authority, option: str, status: int) -> None:
    """OPENSSL_SERVERAUTH, CN_SERVER_SECURITY, SERVERALTIP4AUTH: right names pass, no others."""
    listen = f"OPENSSL-LISTEN:0,bind=127.0.0.1,pf=ip4,verify=0,{files_of(tls_ca)}"
    with socat_serving(listen, "EXEC:cat") as port:
        target = f"OPENSSL:127.0.0.1:{port},{option.format(ca=tls_ca.ca_file)}"
        assert relay("-", target, given=b"x") == (status, b"" if status else b"x")


@pytest.mark.parametrize(("with_certificate", "out"), [(True, b"x"), (False, b"")])
def test_client_has_to_prove_itself(tls_ca: Authority, with_certificate: bool, out: bytes) -> None:
    """OPENSSL_CLIENTAUTH: with cafile a client without a good certificate is refused."""
    listen = f"OPENSSL-LISTEN:0,{files_of(tls_ca)},cafile={tls_ca.ca_file}"
    with relay_running(listen, "EXEC:cat") as running:
        own = f",{files_of(tls_ca)}" if with_certificate else ""
        target = f"OPENSSL:localhost:{running.port},cafile={tls_ca.ca_file}{own}"
        assert socat("-", target, given=b"x").stdout == out


@pytest.mark.parametrize(("name", "out"), [("localhost", b"x"), ("other.example", b"")])
def test_client_has_to_be_of_a_name(tls_ca: Authority, name: str, out: bytes) -> None:
    """CN_CLIENT_SECURITY: with commonname a client of another name is refused."""
    listen = f"OPENSSL-LISTEN:0,{files_of(tls_ca)},cafile={tls_ca.ca_file},commonname={name}"
    with relay_running(listen, "EXEC:cat") as running:
        target = f"OPENSSL:localhost:{running.port},cafile={tls_ca.ca_file},{files_of(tls_ca)}"
        assert socat("-", target, given=b"x").stdout == out


@pytest.mark.parametrize(("network", "out"), [
    ("127.0.0.0/8", b"x"), ("127.0.0.1:255.255.255.255", b"x"), ("0.0.0.0/0", b"x"),
    ("10.0.0.0/8", b""), ("10.0.0.0:255.0.0.0", b""),
])  # fmt: skip
def test_outsiders_are_refused(network: str, out: bytes) -> None:
    """TCP4RANGEBITS, TCP4RANGEMASK, TCP4RANGE_0BITS: who is of no such network gets nothing."""
    listen = f"TCP4-LISTEN:0,range={network},accept-timeout=20"
    with relay_running(listen, "EXEC:cat") as running:
        assert socat("-", f"TCP4:127.0.0.1:{running.port}", given=b"x").stdout == out


@pytest.mark.parametrize(("keyword", "program"), [
    ("SOCKS5:127.0.0.1:{proxy}:127.0.0.1:{port}", "microsocks"),
    ("PROXY:127.0.0.1:127.0.0.1:{port},proxyport={proxy}", "tinyproxy"),
    ("PROXY-CONNECT:127.0.0.1:127.0.0.1:{port},proxyport={proxy},proxyauth=me:secret",
     "tinyproxy"),
])  # fmt: skip
def test_proxies_lead_on(tmp_path: Path, keyword: str, program: str) -> None:
    """SOCKS5CONNECT, PROXYCONNECT, PROXYAUTH: through a proxy that others wrote to socat."""
    config = tmp_path / "tinyproxy.conf"

    def argv(port: int) -> list[str]:
        auth = "BasicAuth me secret\n" if "proxyauth" in keyword else ""
        config.write_text(f"Port {port}\nListen 127.0.0.1\n{auth}")
        own = {
            "microsocks": ["-i", "127.0.0.1", "-p", str(port)],
            "tinyproxy": ["-d", "-c", str(config)],
        }
        return [need(program), *own[program]]

    listen = "TCP4-LISTEN:0,bind=127.0.0.1"
    with serving(argv) as proxy, socat_serving(listen, "SYSTEM:echo hello") as port:
        # One way: these proxies end both directions as soon as one has ended.
        assert relay("-U", "-", keyword.format(proxy=proxy, port=port)) == (0, b"hello\n")


@pytest.mark.parametrize(("listen", "connect"), [
    ("UDP4-LISTEN:0,fork", "UDP4:127.0.0.1:{}"), ("UDP6-LISTEN:0,fork", "UDP6:[::1]:{}"),
    ("UDP-RECVFROM:0,fork", "UDP-SENDTO:127.0.0.1:{}"),
])  # fmt: skip
def test_peers_of_datagrams_are_served(listen: str, connect: str) -> None:
    """UDPLISTENFORK, UDP4RECVFROM_FORK: several senders, one after the other, get answers."""
    with relay_running(listen, "SYSTEM:read line; echo $line again") as running:
        for word in (b"one", b"two"):
            command = [need("socat"), "-t", "0.2", "-", connect.format(running.port)]
            pipe = subprocess.PIPE
            with subprocess.Popen(command, stdin=pipe, stdout=pipe) as client:
                assert client.stdin is not None
                assert client.stdout is not None
                client.stdin.write(word + b"\n")
                client.stdin.flush()
                assert client.stdout.readline() == word + b" again\n"
                client.stdin.close()  # only now, for it waits no longer than it was told
                assert client.wait(LIMIT) == 0


def test_a_datagram_by_itself_is_all(tmp_path: Path) -> None:
    """UNIX-RECVFROM, UDP-RECVFROM: a program gets one datagram and its end, as socat's does."""
    script = "SYSTEM:od -c; echo that was it"
    path = tmp_path / "s"
    places = {
        "UDP-RECVFROM:0,fork": "UDP-SENDTO:127.0.0.1:{0}",
        f"UNIX-RECVFROM:{path},fork": f"UNIX-SENDTO:{path},bind={path}{{1}}",
    }
    for listen, send in places.items():
        with relay_running(listen, script) as running:
            port = running.address.rpartition(":")[2]
            for number in range(2):
                command = [need("socat"), "-t", "20", "-", send.format(port, number)]
                pipe = subprocess.PIPE
                with subprocess.Popen(command, stdin=pipe, stdout=pipe) as client:
                    assert client.stdin is not None
                    assert client.stdout is not None
                    client.stdin.write(b"hello")
                    client.stdin.flush()
                    answer = b"".join(client.stdout.readline() for _ in range(3))
                    assert answer == OD + b"that was it\n"
                    client.kill()


@pytest.mark.parametrize("kind", ["ours", "socat"])
def test_without_fork_one_datagram_is_served(kind: str, tmp_path: Path) -> None:
    """UNIX-RECVFROM without fork: the first datagram is answered, and that is the end."""
    path, asker = tmp_path / "s", tmp_path / "asker"
    line = [f"UNIX-RECVFROM:{path}", "EXEC:od -c"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, contextlib.ExitStack() as undo:
        sock.settimeout(LIMIT)
        sock.bind(str(asker))
        if kind == "ours":
            process = undo.enter_context(relay_running(*line)).process
        else:
            process = undo.enter_context(subprocess.Popen([need("socat"), *line]))
        while not path.exists():
            pass
        sock.sendto(b"hello", str(path))
        assert sock.recv(99) == OD
        assert process.wait(LIMIT) == 0


def test_datagrams_stay_datagrams() -> None:
    """SOCKETPAIR_BOUNDARIES: two small datagrams stay two through a relay, also if queued."""
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(
        type=socket.SOCK_DGRAM
    ) as client:  # fmt: skip
        server.bind(("127.0.0.1", 0))
        server.settimeout(LIMIT)
        target = f"UDP4:127.0.0.1:{server.getsockname()[1]}"
        with relay_running("UDP4-LISTEN:0,fork", target) as running:
            client.connect(("127.0.0.1", running.port))
            client.settimeout(LIMIT)
            for data in (b"a", b"bc", b"d" * 1000):
                client.send(data)
            answers = [server.recvfrom(2000) for _ in range(3)]
            assert [data for data, _ in answers] == [b"a", b"bc", b"d" * 1000]
            for data in (b"1", b"23"):
                server.sendto(data, answers[0][1])
            assert [client.recv(100), client.recv(100)] == [b"1", b"23"]
