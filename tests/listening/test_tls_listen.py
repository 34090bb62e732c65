"""Listening under TLS: whom it proves to be, whom it lets in, and that nobody delays others."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from loops import LOOPS, RunLoop
from tasks import cancelled, together
from tls_listeners import ask, echo, echoing, options, port_of

import fildes
import fildes.aio


def test_accepted_connection_is_a_file_under_tls(tls_ca: Authority) -> None:
    """The address of the listener is openable, and what is accepted is the other end."""
    with (
        fildes.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost)) as listener,
        echoing(listener),
        fildes.open(listener.address, tls={"ca": tls_ca.ca_file}) as f,
    ):
        assert listener.address.startswith("tls://127.0.0.1:")
        assert echo(f) == b"hello\n"
        assert f.read() == b""
        assert f.tls is not None
        assert f.tls.version == "TLSv1.3"


def test_options_stand_in_the_address(tls_ca: Authority) -> None:
    """All that there is to say may be in the address, a file with chain and key for one."""
    both = tls_ca.directory / "both.pem"
    identity = tls_ca.localhost
    both.write_bytes(identity.key_file.read_bytes() + identity.cert_file.read_bytes())
    with (
        fildes.listen(f"tls-listen://:0?cert={both}&min-version=1.3") as listener,
        echoing(listener),
        ask(listener, tls_ca.ca_file) as f,
    ):
        assert echo(f) == b"hello\n"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs a certificate"),
        ({"cert": ["a", "b"], "key": ["c"]}, "each cert takes a key"),
    ],
)
def test_what_is_missing_is_said(given: dict[str, Any], message: str) -> None:
    """Without a certificate, or with too few keys, nothing is listened at."""
    with pytest.raises(fildes.AddressError, match=message):
        fildes.listen("tls://127.0.0.1:0", tls=given)


def test_bad_certificate_is_named(tls_ca: Authority, tmp_path: Path) -> None:
    """A file that holds no certificate is named by the error."""
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    with pytest.raises(OSError, match=r"bad\.pem"):
        fildes.listen("tls://127.0.0.1:0", tls={"cert": bad})


def test_what_a_file_lacks_is_said(tls_ca: Authority, tmp_path: Path) -> None:
    """No key, no certificate, no file: where OpenSSL says PEM lib, the error says which."""
    ours = tls_ca.localhost
    for given, message in (
        ({"cert": ours.cert_file}, "there is no key in it; key=FILE"),
        ({"cert": ours.key_file}, f"there is no certificate in {ours.key_file}"),
        ({"cert": ours.cert_file, "key": tls_ca.ca_file}, "there is no key in it\n"),
    ):
        with pytest.raises(ssl.SSLError, match=message):
            fildes.listen("tls://127.0.0.1:0", tls=given)
    with pytest.raises(fildes.AddressError, match=f"no .pem file.* in {tmp_path}"):
        fildes.listen("tls://127.0.0.1:0", tls={"cert": tmp_path})


def test_slow_handshake_delays_nobody(tls_ca: Authority) -> None:
    """L6: clients that begin a handshake and fall silent hold up no accept."""
    with (
        fildes.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost)) as listener,
        contextlib.ExitStack() as stalled,
        echoing(listener) as served,
    ):
        for _ in range(20):
            stalled.enter_context(socket.create_connection(("127.0.0.1", port_of(listener))))
        half = stalled.enter_context(socket.create_connection(("127.0.0.1", port_of(listener))))
        half.send(b"\x16\x03\x01")  # the beginning of a record
        with ask(listener, tls_ca.ca_file) as f:
            assert echo(f) == b"hello\n"
        assert len(served) == 1


def test_handshakes_go_on_from_one_accept_to_the_next(tls_ca: Authority) -> None:
    """What an accept that timed out has begun the next one brings to its end."""
    with fildes.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost)) as listener:
        accepted = []
        with contextlib.ExitStack() as clients:
            first = clients.enter_context(
                socket.create_connection(("127.0.0.1", port_of(listener)))
            )
            with pytest.raises(TimeoutError):
                listener.accept(timeout=0)
            with pytest.raises(TimeoutError):
                listener.accept(timeout=0.01)
            context = tls_ca.client_context()

            def shake() -> None:
                accepted.append(context.wrap_socket(first, server_hostname="localhost"))

            client = threading.Thread(target=shake)
            client.start()
            with listener.accept(timeout=20) as f:
                client.join()
                accepted[0].send(b"hello\n")
                assert f.readline() == b"hello\n"
                f.abort()
            accepted[0].close()


def test_slow_handshake_is_ended(tls_ca: Authority) -> None:
    """A client that does nothing is dropped when its time is over; the reason is told."""
    with fildes.listen(
        "tls://127.0.0.1:0", tls=options(tls_ca.localhost), handshake_timeout=0.05
    ) as listener:
        refused: list[Exception] = []
        listener.acceptor.refused = lambda peer, reason: refused.append(reason)
        with socket.create_connection(("127.0.0.1", port_of(listener))) as client:
            while not refused:
                with pytest.raises(TimeoutError):
                    listener.accept(timeout=0.01)
            with pytest.raises(ConnectionResetError):
                client.recv(1)
    assert [type(reason) for reason in refused] == [TimeoutError]


def test_the_oldest_of_too_many_handshakes_is_given_up(
    tls_ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handshakes are bounded in number: for one more the oldest has to go."""
    monkeypatch.setattr("fildes.listening.handshakes.MOST_AT_ONCE", 2)
    with (
        fildes.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost)) as listener,
        contextlib.ExitStack() as clients,
    ):
        stalled = [
            clients.enter_context(socket.create_connection(("127.0.0.1", port_of(listener))))
            for _ in range(3)
        ]
        while not select.select(stalled, [], [], 0)[0]:
            with pytest.raises(TimeoutError):
                listener.accept(timeout=0.01)
        with pytest.raises(ConnectionResetError):
            stalled[0].recv(1)
        assert len(listener.acceptor.handshakes.running) == 2


def test_client_that_speaks_no_tls_is_dropped(tls_ca: Authority) -> None:
    """What is no TLS is refused, and the listener goes on."""
    with (
        fildes.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost)) as listener,
        echoing(listener) as served,
    ):
        with socket.create_connection(("127.0.0.1", port_of(listener))) as client:
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                while client.recv(100):
                    pass
        with ask(listener, tls_ca.ca_file) as f:
            assert echo(f) == b"hello\n"
        assert len(served) == 1


@pytest.mark.parametrize("loop", LOOPS)
def test_under_event_loops(loop: RunLoop, tls_ca: Authority) -> None:
    """Tasks accept as threads do, slow clients or not."""

    async def main() -> bytes:
        listening = fildes.aio.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost))
        async with listening as listener:
            with socket.create_connection(("127.0.0.1", port_of(listener))):
                answers: list[bytes] = []

                def client() -> None:
                    with ask(listener, tls_ca.ca_file) as f:
                        answers.append(echo(f))

                thread = threading.Thread(target=client)
                thread.start()
                async with await listener.accept(timeout=20) as f:
                    await f.write(await f.readline())
                thread.join()
            listener.reload()
        return answers[0]

    assert loop(main()) == b"hello\n"


def test_failed_listen_leaves_nothing(tls_ca: Authority) -> None:
    """A port that somebody has is EADDRINUSE, and no descriptor is left."""
    with fildes.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost)) as listener:
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(OSError):
            fildes.listen(listener.address, tls=options(tls_ca.localhost))
        assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("loop", LOOPS)
def test_handshakes_go_on_in_another_task(loop: RunLoop, tls_ca: Authority) -> None:
    """What a cancelled accept has begun, one that waits already brings to its end."""

    async def main() -> bytes:
        listening = fildes.aio.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost))
        async with listening as listener:
            with socket.create_connection(("127.0.0.1", port_of(listener))) as sock:
                lines: list[bytes] = []

                async def accept() -> None:
                    async with await listener.accept(timeout=20) as f:
                        lines.append(await f.readline())
                        await f.write(b"hello\n")

                async def client() -> None:
                    await cancelled(listener.accept)  # which has begun with the handshake
                    thread.start()

                def shake() -> None:
                    context = tls_ca.client_context()
                    with context.wrap_socket(sock, server_hostname="localhost") as tls:
                        tls.send(b"hello\n")
                        while tls.recv(100):
                            pass

                thread = threading.Thread(target=shake)
                await together(client, accept)
                thread.join()
        return lines[0]

    assert loop(main()) == b"hello\n"
