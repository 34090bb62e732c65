"""ssh as a layer below, through an sshd on loopback."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from peers import Conversation, StartPeer, echo
from programs import free_port, need, serving
from websocket_listeners import echoing, place_of

import fildes
import fildes.aio

pytestmark = pytest.mark.slow


def settings(*texts: str) -> list[str]:
    return [word for text in texts for word in ("-o", text)]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the key of the host, which is also that of its user."""
    need("ssh")
    need("sshd")
    if os.geteuid() == 0 and not Path("/run/sshd").is_dir():
        pytest.skip("sshd run by root wants a directory /run/sshd")
    directory = tmp_path_factory.mktemp("keys")
    for name in ("key", "other"):
        argv = [need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)]
        subprocess.run(argv, check=True)
    return directory


def sshd(keys: Path, port: int) -> list[str]:
    chosen = ("StrictModes=no", "PermitRootLogin=yes", "UsePAM=no", "ListenAddress=127.0.0.1")
    files = (f"HostKey={keys}/key", f"AuthorizedKeysFile={keys}/key.pub", "PidFile=none")
    return [need("sshd"), "-D", "-f", "/dev/null", "-p", str(port), *settings(*chosen, *files)]


@pytest.fixture
def jump(keys: Path) -> Iterator[str]:
    """Start an sshd; return the layer that leads through it."""
    with serving(lambda port: sshd(keys, port)) as port:
        public = (keys / "key.pub").read_text()
        (keys / "known hosts").write_text(f"[127.0.0.1]:{port} {public}")
        yield layer(keys, port)


def layer(keys: Path, port: int, name: str = "key", known: str = "known%20hosts") -> str:
    files = f"config=/dev/null&identity={keys}/{name}&known-hosts={keys}/{known}"
    return f"ssh://127.0.0.1:{port}?{files}&option=IdentitiesOnly=yes&option=IdentityAgent=none"


def test_conversation(jump: str, peer: StartPeer) -> None:
    """Half-close passes through to the far end, whose answer comes back."""
    server = peer(echo)
    with fildes.open(f"tcp://localhost:{server.port}::{jump}") as f:
        f.write(b"hello\n")
        assert f.readline() == b"hello\n"
        f.half_close()
        assert f.read() == b""
        assert f.trace[-1].name == "proxy"
        assert f"localhost:{server.port} through ssh" in f.trace[-1].detail
    assert server.received == b"hello\n"


def test_far_end_ends_first(jump: str, peer: StartPeer) -> None:
    """The far end's end of file is seen while ours is still open; ssh then takes no more."""
    server = peer(lambda talk: talk.send(b"x" * 300_000))
    with fildes.open(f"tcp://localhost:{server.port}::{jump}") as f:
        assert f.read() == b"x" * 300_000


def test_tls_inside(jump: str, peer: StartPeer, tls_ca: Authority) -> None:
    """TLS is with the far end, over a name that the jump host resolves."""
    server = peer(echo, tls=tls_ca.server_context())
    with fildes.open(f"tls://localhost:{server.port}::{jump}", tls={"ca": tls_ca.ca_file}) as f:
        f.write(b"private\n")
        assert f.readline() == b"private\n"


def test_large_both_ways(jump: str, peer: StartPeer) -> None:
    """More than any queue holds passes in both directions at once."""
    server, data = peer(echo), os.urandom(1 << 20)
    with fildes.open(f"tcp://localhost:{server.port}::{jump}") as f:

        def write() -> None:
            f.write(data)
            f.half_close()

        writing = threading.Thread(target=write)
        writing.start()
        assert f.read() == data
        writing.join()


def test_descriptor(jump: str, peer: StartPeer) -> None:
    """A program reads the far end from a descriptor, to its end."""

    def answer(talk: Conversation) -> None:
        talk.recv_until(b"?")
        talk.send(b"from afar")

    server = peer(answer)
    with fildes.open(f"tcp://localhost:{server.port}::{jump}") as f:
        f.write(b"?")
        f.flush()
        assert subprocess.run(["cat"], stdin=f, stdout=subprocess.PIPE).stdout == b"from afar"


def test_asyncio(jump: str, peer: StartPeer) -> None:
    """The same in an event loop."""
    import asyncio

    async def main() -> Any:
        async with await fildes.aio.open(f"tcp://localhost:{peer(echo).port}::{jump}") as f:
            await f.write(b"hello")
            await f.half_close()
            return await f.read()

    assert asyncio.run(main()) == b"hello"


def test_websocket(jump: str) -> None:
    """A WebSocket at the far end, with half-close."""
    with echoing("ws-listen://127.0.0.1:0/x") as listener:
        port = place_of(listener)[1]
        with fildes.open(f"ws://localhost:{port}/x::{jump}") as f:
            f.write(b"hello")
            f.half_close()
            assert f.read() == b"hello"


def test_refused_far_end(jump: str) -> None:
    """A port of the far end where nobody listens is ECONNREFUSED, when it is opened."""
    with pytest.raises(ConnectionRefusedError, match="Connection refused") as caught:
        fildes.open(f"tcp://127.0.0.1:{free_port()}::{jump}")
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "proxy"


def test_unknown_far_end(jump: str) -> None:
    """A name that the jump host does not know is the resolver's error."""
    with pytest.raises(socket.gaierror):
        fildes.open(f"tcp://no-such-host.invalid:1::{jump}")


def test_refused_jump_host(keys: Path) -> None:
    """A jump host that does not listen is ECONNREFUSED."""
    with pytest.raises(ConnectionRefusedError, match="connect to host"):
        fildes.open(f"tcp://127.0.0.1:1::{layer(keys, free_port())}")


def test_wrong_key(jump: str, keys: Path) -> None:
    """A key that the jump host does not accept is a PermissionError; nobody is asked."""
    wrong = jump.replace(f"identity={keys}/key", f"identity={keys}/other")
    with pytest.raises(PermissionError, match="Permission denied"):
        fildes.open(f"tcp://127.0.0.1:1::{wrong}")


def test_unknown_jump_host(jump: str, keys: Path) -> None:
    """A jump host whose key is not known is refused."""
    unknown = jump.replace("known%20hosts", "none")
    with pytest.raises(PermissionError, match="Host key verification failed"):
        fildes.open(f"tcp://127.0.0.1:1::{unknown}")


def test_lost_connection_is_no_end_of_file(jump: str, keys: Path) -> None:
    """When the jump host goes away, what came is delivered and then an error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        f = fildes.open(f"tcp://127.0.0.1:{listener.getsockname()[1]}::{jump}")
        accepted, _ = listener.accept()
        with accepted:
            accepted.send(b"half")
            assert f.read(4) == b"half"
            ssh = f.description.stream.child.process  # type: ignore[attr-defined]  # ours
            ssh.kill()
            with pytest.raises(OSError) as caught:
                f.read()
        assert caught.value.errno == errno.ECONNABORTED
        f.abort()


def test_deadline(keys: Path) -> None:
    """A jump host that says nothing ends with the deadline, and leaves no process."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        fildes.open(f"tcp://h:1::{layer(keys, silent.getsockname()[1])}", timeout=0.2)


def test_password_is_refused() -> None:
    """A password in the address is an error that shows it to nobody."""
    with pytest.raises(fildes.AddressError, match="takes no password") as caught:
        fildes.open("tcp://h:1::ssh://me:hunter2@jump")
    assert "hunter2" not in str(caught.value)


def test_no_argument_becomes_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that looks like an option of ssh is none: each part is one argument."""
    (tmp_path / "ssh").write_text('#!/bin/sh\nfor a; do echo "<$a>" >&2; done; exit 255\n')
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(ConnectionAbortedError, match="<jump>"):
        fildes.open("tcp://[::1]:5::ssh://-oProxyCommand=id@jump")


def test_strangers_do_not_log_in() -> None:
    """ssh is not for untrusted addresses."""
    with pytest.raises(PermissionError):
        fildes.open("tcp://192.0.2.1:1::ssh://jump", policy=fildes.Policy.untrusted())
