"""fildes.serve: handlers in threads or tasks, and an end in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from authority import Authority
from tls_listeners import ask, echo, options

import fildes
import fildes.aio
from fildes.serving import Server

Start = Callable[..., "Background"]


def answer(f: Any) -> None:
    f.write(f.readline().upper())


class Background:
    """A server in a thread, until its listener is closed."""

    def __init__(self, handler: Callable[[Any], Any], address: Any, **arguments: Any) -> None:
        self.failures: list[Exception] = []
        limits = {name: arguments.pop(name) for name in ("tls",) if name in arguments}
        self.listener: Any = fildes.listen(address, **limits)
        arguments.setdefault("failed", lambda file, error: self.failures.append(error))
        self.thread = threading.Thread(
            target=fildes.serve, args=(self.listener, handler), kwargs=arguments
        )
        self.thread.start()

    def open(self) -> Any:
        return fildes.open(self.listener.address, timeout=20)

    def stop(self) -> None:
        self.listener.close()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[Background] = []

    def start_one(
        handler: Callable[[Any], Any], address: str = "tcp://127.0.0.1:0", **arguments: Any
    ) -> Background:
        servers.append(Background(handler, address, **arguments))
        return servers[-1]

    yield start_one
    for server in servers:
        server.stop()


@pytest.mark.parametrize("address", ["tcp://:0", "unix:@fildes-test-serve"])
def test_handler_gets_each_connection(address: str, start: Start) -> None:
    """Each connection is a file in a handler's hands, several at once, closed in the end."""
    server = start(answer, address)
    with server.open() as first, server.open() as second:
        for f in (second, first):
            f.write(b"hello\n")
            f.half_close()
            assert f.read() == b"HELLO\n"


def test_under_tls(tls_ca: Authority, start: Start) -> None:
    """A handler sees what comes out of TLS, and knows of it."""
    server = start(answer, "tls://127.0.0.1:0", tls=options(tls_ca.localhost))
    with ask(server.listener, tls_ca.ca_file) as f:
        assert echo(f) == b"HELLO\n"


def test_datagrams(start: Start) -> None:
    """A handler gets the conversation with each sender."""

    def handle(f: Any) -> None:
        f.write(f.read().upper())

    server = start(handle, "udp://127.0.0.1:0")
    with server.open() as f:
        f.write(b"hello")
        assert f.read() == b"HELLO"


def test_error_is_of_one_connection(start: Start) -> None:
    """What a handler raises aborts its connection, is told, and ends nothing else."""

    def handle(f: Any) -> None:
        answer(f)
        raise KeyError("a mistake")

    server = start(handle)
    for _ in range(2):
        f = server.open()
        f.write(b"hello\n")
        with pytest.raises(ConnectionResetError):
            f.read()
        f.abort()
    server.stop()
    assert [type(error) for error in server.failures] == [KeyError] * 2


def test_error_is_no_end_under_tls(tls_ca: Authority, start: Start) -> None:
    """Under TLS a handler that raises says no goodbye: its client is told of a break."""

    def handle(f: Any) -> None:
        answer(f)
        f.flush()
        raise KeyError("a mistake")

    server = start(handle, "tls://127.0.0.1:0", tls=options(tls_ca.localhost))
    f = ask(server.listener, tls_ca.ca_file)
    f.write(b"hello\n")
    with pytest.raises((OSError, EOFError)):
        f.read()
    f.abort()


def test_error_is_shown(capsys: pytest.CaptureFixture[str], start: Start) -> None:
    """Without anybody to tell, the traceback goes to standard error."""

    def handle(f: Any) -> None:
        raise KeyError("a mistake")

    server = start(handle, failed=None)
    with server.open() as f, pytest.raises(ConnectionResetError):
        f.read()
    server.stop()
    assert "KeyError: 'a mistake'" in capsys.readouterr().err


def test_failure_of_a_connection_is_a_line(
    capsys: pytest.CaptureFixture[str], start: Start
) -> None:
    """What its client has done to a connection is told without a traceback."""
    ended = threading.Event()

    def handle(f: Any) -> None:
        answer(f)
        f.flush()
        try:
            f.read()
        finally:
            ended.set()

    server = start(handle, failed=None)
    f = server.open()
    f.write(b"hello\n")
    assert f.read(6) == b"HELLO\n"
    peer = f.local
    f.abort()
    assert ended.wait(20)
    server.stop()
    words = f"fildes: serving {peer}: unable to read: Connection reset by peer\n"
    assert capsys.readouterr().err == words


def test_stopping_waits_for_handlers(start: Start) -> None:
    """A server that stops takes no more clients, and lets the open ones finish."""
    entered = threading.Event()

    def handle(f: Any) -> None:
        entered.set()
        answer(f)

    server = start(handle)
    with server.open() as f:
        assert entered.wait(20)
        server.listener.close()
        with pytest.raises(ConnectionRefusedError):
            server.open()
        assert server.thread.is_alive()
        f.write(b"hello\n")
        assert f.read() == b"HELLO\n"
    server.stop()


def test_patience_ends(start: Start) -> None:
    """Handlers that take longer than the limit have their connections aborted."""
    entered = threading.Event()

    def handle(f: Any) -> None:
        entered.set()
        f.read()

    server = start(handle, drain_timeout=0.01)
    f = server.open()
    assert entered.wait(20)
    server.stop()
    with pytest.raises(ConnectionResetError):
        f.read()
    f.abort()


def test_a_thread_less_is_a_connection_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started the connection is aborted, and the server goes on."""
    failures: list[Exception] = []

    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with fildes.listen("tcp://127.0.0.1:0") as listener, fildes.open(listener.address) as f:
        server = Server(listener, answer, lambda file, error: failures.append(error))
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail)
            server.start(listener.accept(timeout=20))
        with pytest.raises(ConnectionResetError):
            f.read()
    assert [type(error) for error in failures] == [RuntimeError]
    assert server.open == set()


def test_limit_is_there_without_being_asked_for() -> None:
    """At most 512 connections are served at once, unless another number is given."""
    seen: list[Any] = []

    def ready(address: str) -> None:
        raise KeyboardInterrupt

    real = fildes.verbs.listen

    def listen(*arguments: Any, **named: Any) -> Any:
        seen.append(named["max_connections"])
        return real(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fildes.verbs, "listen", listen)
        cases: list[dict[str, Any]] = [{}, {"max_connections": 7}]
        for given in cases:
            with pytest.raises(KeyboardInterrupt):
                fildes.serve("tcp://:0", answer, ready=ready, **given)
    assert seen == [512, 7]


@pytest.mark.parametrize(("how", "words"), [
    ({"workers": 0}, "from 1 to 1024, not 0"),
    ({"drain_timeout": -1}, "0 or more, not -1"),
    ({"handler": None}, "None cannot be"),
])  # fmt: skip
def test_wrong_arguments_listen_at_nothing(how: dict[str, Any], words: str) -> None:
    """What makes no sense is told before anything is listened at, instead of serving nobody."""
    given = {"handler": fildes.pipe, **how}
    with pytest.raises((ValueError, TypeError), match=words):
        fildes.serve("unix:/nowhere/at/all", **given)
