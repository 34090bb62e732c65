"""TLS at places to listen at that are no ports: paths, descriptors, what systemd passes."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from authority import Authority
from loops import LOOPS, RunLoop
from pair_ends import abstract_name
from relay_commands import relay_running
from tasks import together
from tls_listeners import echo, echoing, options, query

import fildes
import fildes.aio
from fildes.address import Address, build, parse
from fildes.opening.registry import find_scheme
from fildes.relaying.ucspi import environment

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def sock(nothing_left_behind: None) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def test_addresses() -> None:
    """The options stand before the place, which has its own; text and parts are the same."""
    text = "tls-listen:?cert=/c.pem::unix-listen:///run/s?mode=660"
    address = parse(text, find_scheme)
    assert str(address) == text
    inner = build(find_scheme, "unix-listen", path="/run/s", mode="660")
    assert build(find_scheme, "tls-listen", inner=inner, cert=["/c.pem"]) == address
    assert parse("tls-listen://?cert=/c.pem::unix-listen:/run/s?mode=660", find_scheme) == address
    bare = Address("tls-listen", inner=Address("systemd-listen"))
    assert parse("tls-listen::systemd-listen:", find_scheme) == bare
    assert parse(str(bare), find_scheme) == bare


@pytest.mark.parametrize(("address", "said"), [
    ("tls-listen://:8443?cert=/c::unix-listen:/s", "says where tls-listen listens"),
    ("tls-listen://host?cert=/c::unix-listen:/s", "says where tls-listen listens"),
    ("tls-listen:?cert=/c::unix:/s", "unix does not"),
    ("tls-listen:?cert=/c::tcp://h:1", "tcp does not"),
    ("tls-listen:?cert=/c", "needs '//'"),
    ("tls-listen:?crt=/c::unix-listen:/s", "did you mean cert"),
])  # fmt: skip
def test_wrong_addresses(address: str, said: str) -> None:
    """A place that is said twice, or is none, is an error of the address."""
    with pytest.raises(fildes.AddressError, match=said):
        parse(address, find_scheme)


def test_option_of_the_place(tls_ca: Authority) -> None:
    """An option that is for whoever listens below is refused, and names that one."""
    address = f"tls-listen:?{query(tls_ca)}&backlog=5::unix-listen:{abstract_name()}"
    with pytest.raises(fildes.AddressError, match="give it to unix-listen"):
        fildes.listen(address)


def test_path(tls_ca: Authority, tmp_path: Path) -> None:
    """Under TLS at a path: its file has its mode, and the listener's address is openable."""
    place = f"unix-listen:{tmp_path}/s?mode=660"
    with fildes.listen(f"tls-listen:?{query(tls_ca)}::{place}", max_connections=3) as listener:
        assert listener.address == f"tls://localhost:443::unix://{tmp_path}/s"
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o660
        with echoing(listener), fildes.open(listener.address, tls={"ca": tls_ca.ca_file}) as f:
            assert echo(f) == b"hello\n"
            assert f.read() == b""
    assert not (tmp_path / "s").exists()


def test_descriptor(tls_ca: Authority, sock: socket.socket) -> None:
    """Under TLS at a socket that is there already, which stays."""
    with fildes.listen(f"tls-listen::fd-listen:{sock.fileno()}",
                       tls=options(tls_ca.localhost)) as listener:  # fmt: skip
        port = sock.getsockname()[1]
        assert listener.address == f"tls://localhost:{port}::tcp://127.0.0.1:{port}"
        target = f"tls://127.0.0.1:{port}"
        with echoing(listener), fildes.open(target, tls={"ca": tls_ca.ca_file}) as f:
            assert echo(f) == b"hello\n"
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_tcp_with_the_proxy_protocol(tls_ca: Authority) -> None:
    """What the layer below has to do first it does: the PROXY header comes before TLS."""
    address = f"tls-listen:?{query(tls_ca)}::tcp-listen://127.0.0.1:0?proxy-protocol=on"
    with fildes.listen(address) as listener:
        port = listener.address.rpartition(":")[2]
        target = f"tls://localhost:1::tcp://127.0.0.1:{port}?proxy-protocol=v1"
        with echoing(listener) as served, fildes.open(target, tls={"ca": tls_ca.ca_file}) as f:
            assert echo(f) == b"hello\n"
            assert [each and each.rpartition("::")[2] for each in served] == [f.local]


def test_tls_in_tls(tls_ca: Authority) -> None:
    """The layer below may be TLS itself."""
    layer = f"tls-listen:?{query(tls_ca)}"
    with fildes.listen(f"{layer}::{layer}::unix-listen:{abstract_name()}") as listener:
        assert listener.address.startswith("tls://localhost:443::tls://localhost:443::unix:")
        with echoing(listener), fildes.open(listener.address, tls={"ca": tls_ca.ca_file}) as f:
            assert echo(f) == b"hello\n"


def test_records_carry_no_tls(tls_ca: Authority) -> None:
    """Records and datagrams are no byte stream: EPROTOTYPE, and nothing is left behind."""
    for place in (f"unix-seqpacket-listen:{abstract_name()}", "udp-listen://127.0.0.1:0"):
        with pytest.raises(OSError, match="needs a byte stream") as caught:
            fildes.listen(f"tls-listen:?{query(tls_ca)}::{place}")
        assert caught.value.errno == errno.EPROTOTYPE


def test_opening_accepts_one(tls_ca: Authority, tmp_path: Path) -> None:
    """In a relay the same address serves under TLS, each client with its program."""
    listen = f"tls-listen:?{query(tls_ca)}::unix-listen:{tmp_path}/s"
    with (
        relay_running(listen, "exec:env") as running,
        fildes.open(running.address, tls={"ca": tls_ca.ca_file}) as f,
    ):
        assert b"PATH=" in f.read()


@pytest.mark.parametrize("loop", LOOPS)
def test_asynchronously(loop: RunLoop, tls_ca: Authority) -> None:
    """The same in asyncio and trio."""

    async def main() -> None:
        address = f"tls-listen:?{query(tls_ca)}::unix-listen:{abstract_name()}"
        async with await fildes.aio.listen(address, handshake_timeout=20) as listener:

            async def client() -> None:
                target = fildes.aio.open(listener.address, tls={"ca": tls_ca.ca_file})
                async with await target as f:
                    await f.write(b"hello\n")
                    await f.flush()
                    assert await f.readline() == b"hello\n"

            async def server() -> None:
                async with await listener.accept() as f:
                    await f.write(await f.readline())
                    await f.flush()
                    assert await f.read() == b""

            await together(client, server)

    loop(main())


SERVE = """
import sys, fildes
tls = {"cert": sys.argv[1], "key": sys.argv[2]}
with fildes.listen("tls-listen::systemd-listen:", tls=tls) as listener:
    with listener.accept(timeout=20) as f:
        f.write(b"passed by systemd")
"""


def test_what_systemd_passes(tls_ca: Authority, sock: socket.socket) -> None:
    """LISTEN_FDS: a socket unit's socket is served under TLS."""
    identity = tls_ca.localhost
    passing = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid());"
        "os.execv(sys.executable, [sys.executable, '-c', *sys.argv[2:]])"
    )
    argv = [sys.executable, "-c", passing, str(sock.fileno()), SERVE,
            str(identity.cert_file), str(identity.key_file)]  # fmt: skip
    environment = {**os.environ, "LISTEN_FDS": "1", "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(argv, pass_fds=[sock.fileno()], env=environment) as program:
        port = sock.getsockname()[1]
        with fildes.open(f"tls://127.0.0.1:{port}", tls={"ca": tls_ca.ca_file}, timeout=20) as f:
            assert f.read() == b"passed by systemd"
        assert program.wait(20) == 0


@pytest.mark.parametrize(("name", "told"), [("localhost", "localhost"), (None, None)])
def test_name_that_the_client_asked_for(
    tls_ca: Authority, name: str | None, told: str | None
) -> None:
    """The server knows the name of SNI, whatever its certificates, and so does a program."""
    with fildes.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost)) as listener:
        more = {"name": name} if name else {"sni": False}
        port = listener.address.rpartition(":")[2]
        done = threading.Thread(
            target=lambda: fildes.open(
                f"tls://127.0.0.1:{port}", tls={"ca": tls_ca.ca_file, **more}, timeout=20
            ).close()
        )
        done.start()
        with listener.accept(timeout=20) as f:
            found = environment(f.description.stream, {"SSL_TLS_SNI": "another's"})
            assert f.read() == b""
        done.join()
    assert (found.get("SSL_TLS_SNI"), found.get("SSL_TLS_SNI_SERVERNAME")) == (told, told)
