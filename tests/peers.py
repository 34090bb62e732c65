"""Scripted peers: the other end of a connection, doing exactly what a test says.

A script is a function that gets a `Conversation` and calls its verbs::

    def short_body(talk: Conversation) -> None:
        talk.recv_until(b"\\r\\n\\r\\n")
        talk.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: 20\\r\\n\\r\\nhello")
        talk.fin()

    def test_it(peer: StartPeer) -> None:
        server = peer(short_body)
        fildes.open(server.address("http", "/x"))

Each connection takes the next script and runs it in a thread of its own. With
the last script taken the listener is closed, so one connection too many is
refused instead of hanging. Nothing here sleeps: a script waits for bytes, for
the end of file or, in `stall`, for the test to go on.

A script that returns ends gently: end of file is sent (close_notify first,
under TLS), what the other side still sends is read, then the socket is closed.
Closing with unread bytes would make the kernel send RST and destroy data that
is still under way (RFC 1122 section 4.2.2.13).
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, Self

from peer_wires import PlainWire, TlsWire, Wire

#: Seconds after which a peer gives up; far beyond any honest step, within
#: pytest's faulthandler_timeout of 120 s so that the cause is still reported.
LIMIT = 20.0


class Pause:
    """Where scripts that stall and the test meet."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self.over = threading.Event()


class Conversation:
    """One accepted connection, as its script sees it.

    Attributes:
      sock: the socket itself, for what has no verb here.
      received: every byte the script has read so far, decrypted.
    """

    def __init__(self, sock: socket.socket, pause: Pause) -> None:
        self.sock = sock
        self.wire: Wire = PlainWire(sock)
        self.received = bytearray()
        self.unread = bytearray()
        self.pause = pause
        self.finished = False

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's side of a TLS handshake."""
        self.wire = TlsWire(self.sock, context)

    def send(self, data: bytes) -> None:
        """Send all of *data*."""
        self.wire.send_all(data)

    def recv_some(self) -> bytes:
        """Return the bytes that are there, or wait for some; ``b""`` at the end of file."""
        data = bytes(self.unread) or self.wire.recv()
        del self.unread[:]
        self.received += data
        return data

    def recv_until(self, marker: bytes) -> bytes:
        """Return what comes up to *marker*, with it; EOFError without it."""
        return self.take(lambda data: data.find(marker) + len(marker) if marker in data else None)

    def recv_exactly(self, size: int) -> bytes:
        """Return *size* bytes; EOFError when the other side ends before."""
        return self.take(lambda data: size if len(data) >= size else None)

    def recv_all(self) -> bytes:
        """Return everything up to the other side's end of file."""
        return b"".join(iter(self.recv_some, b""))

    def take(self, measure: Callable[[bytearray], int | None]) -> bytes:
        while (size := measure(self.unread)) is None:
            data = self.wire.recv()
            if not data:
                raise EOFError(f"the other side ended after {bytes(self.unread[-80:])!r}")
            self.unread += data
        taken = bytes(self.unread[:size])
        del self.unread[:size]
        self.received += taken
        return taken

    def stall(self) -> None:
        """Do nothing until the test calls `ScriptedPeer.release`, or is over."""
        self.pause.reached.release()
        assert self.pause.over.wait(LIMIT), "a stalled peer was never released"

    def fin(self, *, close_notify: bool = True) -> None:
        """Send the end of file and keep reading; *close_notify* False cuts TLS short."""
        if not self.finished:
            self.finished = True
            if close_notify:
                self.wire.say_goodbye()
            self.sock.shutdown(socket.SHUT_WR)

    def rst(self) -> None:
        """Reset the connection; tcp only."""
        # SO_LINGER with a time of zero: close(2) sends RST; socket(7).
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        """Close at once, reading nothing more and saying no close_notify."""
        self.sock.close()

    def end_gently(self) -> None:
        if self.sock.fileno() != -1:
            self.fin()
            while self.wire.recv():
                pass


Script = Callable[[Conversation], None]


class ScriptedPeer:
    """A listener whose connections are answered by scripts.

    Attributes:
      conversations: the connections so far, in the order of their arrival.
      errors: what the operating system or TLS told the scripts: the ordinary
        fate of a peer whose other side gives up. Any other exception of a
        script is a mistake in the test, and `finish` raises it.
    """

    def __init__(
        self,
        *scripts: Script,
        tls: ssl.SSLContext | None = None,
        family: socket.AddressFamily = socket.AF_INET,
        path: Path | None = None,
        repeat: bool = False,
    ) -> None:
        self.scripts: Iterator[Script] = itertools.cycle(scripts) if repeat else iter(scripts)
        self.remaining = float("inf") if repeat else len(scripts)
        self.tls = tls
        self.conversations: list[Conversation] = []
        self.errors: list[Exception] = []
        self.mistakes: list[BaseException] = []
        self.pause = Pause()
        self.listener = listening_socket(socket.AF_UNIX if path else family, path)
        self.name = self.listener.getsockname()
        self.threads = [threading.Thread(target=self.accept_all, name="peer: accept")]
        self.threads[0].start()

    @property
    def host(self) -> str:
        return str(self.name[0])

    @property
    def port(self) -> int:
        return int(self.name[1])

    @property
    def received(self) -> bytes:
        """Everything the scripts have read, one connection after the other."""
        return b"".join(bytes(talk.received) for talk in self.conversations)

    def address(self, scheme: str = "tcp", path: str = "") -> str:
        """Return the address of this peer under *scheme*."""
        if isinstance(self.name, str):
            return f"{scheme}://{self.name}{path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}{path}"

    def release(self) -> None:
        """Let every stalled script go on, now and later."""
        self.pause.over.set()

    def wait_stalled(self) -> None:
        """Wait until one more script has come to its `stall`."""
        assert self.pause.reached.acquire(timeout=LIMIT), "no script stalled"

    def wait(self) -> None:
        """Wait until every script has been taken and has come to its end."""
        for thread in self.threads:  # the first of them appends the others
            thread.join(LIMIT)
            assert not thread.is_alive(), f"{thread.name} did not end"

    def finish(self) -> None:
        """Stop accepting, end what still runs, and raise a script's mistake."""
        self.release()
        with contextlib.suppress(OSError):  # closed already, with the last script
            self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join(LIMIT)
        for talk in self.conversations:
            with contextlib.suppress(OSError):  # ended already
                talk.sock.shutdown(socket.SHUT_RDWR)
        self.wait()
        if self.mistakes:
            raise self.mistakes[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.finish()

    def accept_all(self) -> None:
        with self.listener:
            while self.remaining:
                self.remaining -= 1
                try:
                    sock, _ = self.listener.accept()
                except OSError:  # shut down by finish()
                    return
                if not self.remaining:
                    self.listener.close()  # before a script tells the test that it runs
                talk = Conversation(sock, self.pause)
                self.conversations.append(talk)
                name = f"peer: script {len(self.conversations)}"
                args = (talk, next(self.scripts))
                self.threads.append(threading.Thread(target=self.converse, args=args, name=name))
                self.threads[-1].start()

    def converse(self, talk: Conversation, script: Script) -> None:
        with talk.sock:
            try:
                talk.sock.settimeout(LIMIT)
                if self.tls:
                    talk.start_tls(self.tls)
                script(talk)
                talk.end_gently()
            except (OSError, EOFError) as error:
                self.errors.append(error)
            except BaseException as error:  # re-raised by finish() in the test's thread
                self.mistakes.append(error)


class StartPeer(Protocol):
    """The `peer` fixture: start a peer that lasts until the test ends."""

    def __call__(
        self,
        *scripts: Script,
        tls: ssl.SSLContext | None = None,
        family: socket.AddressFamily = socket.AF_INET,
        path: Path | None = None,
        repeat: bool = False,
    ) -> ScriptedPeer: ...


def listening_socket(family: socket.AddressFamily, path: Path | None) -> socket.socket:
    """Return a listening socket on a loopback port of the kernel's choice, or on *path*."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    with contextlib.ExitStack() as undo:
        undo.callback(sock.close)
        loopback = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        sock.bind(str(path) if path else (loopback, 0))
        sock.listen(16)  # arbitrary
        undo.pop_all()
    return sock


def echo(talk: Conversation) -> None:
    """Send everything back until the end of file, then end likewise."""
    while data := talk.recv_some():
        talk.send(data)
