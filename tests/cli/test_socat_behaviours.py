"""What socat users rely on, of `fildes relay`, with the real socat at the other end."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from authority import Authority
from commands import LIMIT, start
from relay_commands import relay_running, socat, socat_serving

BIG = os.urandom(1 << 20)

#: What od(1) says of ``hello``; it says so after its own end of file only.
OD = b"0000000   h   e   l   l   o\n0000005\n"


def relay(*argv: str, given: bytes = b"") -> tuple[int, bytes]:
    """Run `fildes relay` with *given* on standard input; return status and output."""
    with start("relay", *argv, stdin=subprocess.PIPE) as process:
        out, _ = process.communicate(given, timeout=LIMIT)
    return process.returncode, out


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


@pytest.mark.parametrize(("network", "out"), [
    ("127.0.0.0/8", b"x"), ("127.0.0.1:255.255.255.255", b"x"), ("0.0.0.0/0", b"x"),
    ("10.0.0.0/8", b""), ("10.0.0.0:255.0.0.0", b""),
])  # fmt: skip
def test_outsiders_are_refused(network: str, out: bytes) -> None:
    """TCP4RANGEBITS, TCP4RANGEMASK, TCP4RANGE_0BITS: who is of no such network gets nothing."""
    listen = f"TCP4-LISTEN:0,range={network},accept-timeout=20"
    with relay_running(listen, "EXEC:cat") as running:
        assert socat("-", f"TCP4:127.0.0.1:{running.port}", given=b"x").stdout == out


@contextlib.contextmanager
def entries(directory: Path) -> Iterator[None]:
    """Make what a path may lead to."""
    (directory / "DIRECTORY").mkdir()
    (directory / "FILE").write_text("not a socket")
    kinds = {"DGRAM": socket.SOCK_DGRAM, "SEQPACKET": socket.SOCK_SEQPACKET}
    with contextlib.ExitStack() as open_sockets:
        for name in ("DGRAM", "SEQPACKET", "ORPHANED"):
            sock = socket.socket(socket.AF_UNIX, kinds.get(name, socket.SOCK_STREAM))
            open_sockets.enter_context(sock)
            sock.bind(str(directory / name))
            if name == "ORPHANED":
                sock.close()
        yield


NAMES = ["MISSING", "DIRECTORY", "ORPHANED", "FILE", "DGRAM", "SEQPACKET", "FILE/below"]


@pytest.mark.parametrize(("keyword", "name"), [
    *itertools.product(["UNIX-CONNECT", "UNIX-CLIENT"], NAMES),
    # GOPEN takes a file, and makes what is missing.
    *(("GOPEN", name) for name in NAMES if name not in ("MISSING", "FILE")),
])  # fmt: skip
def test_wrong_entries_are_errors(tmp_path: Path, keyword: str, name: str) -> None:
    """CONNECT_TO_*: what is no socket that listens is an error with a message."""
    with entries(tmp_path), start("relay", "-", f"{keyword}:{tmp_path / name}",
                                  stdin=subprocess.DEVNULL) as process:  # fmt: skip
        _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 7
    assert err.startswith(b"fildes: unable to open")
    assert len(err.splitlines()) == 1


def test_existing_files_are_kept(tmp_path: Path) -> None:
    """UNIXLISTEN_KEEPFILE: what is at the path and not ours is neither taken nor removed."""
    (tmp_path / "file").write_text("precious")
    status, _ = relay(f"UNIX-LISTEN:{tmp_path / 'file'},unlink-early", "EXEC:cat")
    assert status != 0
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("number", [0, signal.SIGTERM, signal.SIGINT])
def test_sockets_are_removed(tmp_path: Path, number: int) -> None:
    """UNIXLISTEN_REMOVE: our socket goes when we end, also by a signal."""
    path = tmp_path / "socket"
    with relay_running(f"UNIX-LISTEN:{path}", "EXEC:cat") as running:
        assert path.is_socket()
        if number:
            running.process.send_signal(number)
        else:
            assert socat("-", f"UNIX-CONNECT:{path}", given=b"x").stdout == b"x"
        running.wait()
        assert not path.exists()


def test_accept_and_connect_timeouts() -> None:
    """ACCEPTTIMEOUT, CONNECTTIMEOUT: the limits end an open that nobody answers."""
    assert relay("TCP-LISTEN:0,accept-timeout=0.05", "EXEC:cat") == (28, b"")
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        contextlib.ExitStack() as waiting,
    ):
        for _ in range(4):  # more than a backlog of 0 takes; nobody accepts
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        target = f"TCP:127.0.0.1:{full.getsockname()[1]},connect-timeout=0.05"
        assert relay("-", target) == (28, b"")


def test_inactivity_ends_it() -> None:
    """IGNOREEOF, TOTALTIMEOUT: an end of file that is ignored does not keep -T from its end."""
    assert relay("-T", "0.1", "STDIO,ignoreeof", "EXEC:cat", given=b"x") == (28, b"x")


def test_ignored_end_blocks_nothing() -> None:
    """IGNOREEOFNOBLOCK: while more input is looked for, output flows."""
    program = "SYSTEM:read line; echo $line; seq 100000 | tail -1"
    assert relay("--eof", "first", "STDIO,ignoreeof", program, given=b"hi\n") == (
        0,
        b"hi\n100000\n",
    )


@pytest.mark.parametrize("program", ["EXEC:false", "SYSTEM:exit 3", "SYSTEM:kill -9 $$"])
def test_failed_programs_are_failures(program: str) -> None:
    """EXEC_RC, SYSTEM_RC: a program that fails makes the relay fail."""
    assert relay("-", program)[0] != 0


def test_program_has_three_descriptors() -> None:
    """EXEC_FDS: the program inherits 0, 1 and 2, whatever else is open here."""
    source, sink = os.pipe()
    with open(source, "rb"), open(sink, "wb"), start(
        "relay", "-", "EXEC:ls /proc/self/fd", stdin=subprocess.DEVNULL, pass_fds=[source]
    ) as process:  # fmt: skip
        out, _ = process.communicate(timeout=LIMIT)
    assert out.split() == [b"0", b"1", b"2", b"3"]  # 3: the directory it reads


def test_large_writes_to_a_pipe_are_whole(tmp_path: Path) -> None:
    """INCOMPLETE_WRITE: a megabyte into a pipe that somebody made non-blocking arrives."""
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    given, got = tmp_path / "given", tmp_path / "got"
    given.write_bytes(BIG)
    with open(source, "rb") as end, got.open("wb") as file:
        with open(sink, "wb") as pipe, given.open("rb") as stdin:
            process = start("relay", "-u", "-", "FD:1", stdin=stdin, stdout=pipe)
        with process, subprocess.Popen(["cat"], stdin=end, stdout=file) as cat:
            assert (process.wait(LIMIT), cat.wait(LIMIT)) == (0, 0)
    assert got.read_bytes() == BIG
