"""What type checkers make of the public names; read by mypy --strict, never run."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import assert_type

import fildes


def opened() -> None:
    """The mode decides on the type of the file."""
    assert_type(fildes.open("tcp://localhost:7"), fildes.BufferedFile)
    assert_type(fildes.open("tcp://localhost:7", "r+b", timeout=1.0), fildes.BufferedFile)
    assert_type(fildes.open(Path("x"), "rb", tcp={"nodelay": False}), fildes.BufferedFile)
    assert_type(fildes.open("./x", "wb"), fildes.BufferedWriteFile)
    assert_type(fildes.open("./x.gz", compression="infer"), fildes.BufferedFile)
    assert_type(fildes.open("./x", buffering=0), fildes.RawFile)
    assert_type(
        fildes.open(fildes.Exec("cat"), "r+t", encoding="utf-8"),
        fildes.TextFile | fildes.TextConversation,
    )


def used() -> None:
    """A file is what the io module says it is, and more."""
    with fildes.open("tcp://localhost:7") as f:
        assert_type(f.read(), bytes)
        assert_type(f.readline(), bytes)
        assert_type(f.peer, str | None)
        assert_type(f.trace, fildes.Trace)
        assert_type(f.send_fds(b"x", [f, 0]), int)
        assert_type(f.recv_fds(1, 1), tuple[bytes, list[int]])
        f.half_close()
        f.abort()
    for line in fildes.open("tcp://localhost:7", "rt"):
        assert_type(line, str)


def listened() -> None:
    """A listener yields what `open` would have returned."""
    with fildes.listen("tcp://127.0.0.1:0", policy=fildes.Policy.untrusted()) as listener:
        assert_type(listener, fildes.Listener[fildes.BufferedFile])
        assert_type(listener.accept(timeout=1), fildes.BufferedFile)
        for f in listener:
            assert_type(f, fildes.BufferedFile)
    with fildes.listen("unix:@x", "r+t") as texts:
        assert_type(texts.accept(), fildes.TextFile | fildes.TextConversation)


def served(f: fildes.BufferedFile) -> None:
    """A handler is a function of a file, and a listener is as good as an address."""
    with fildes.listen("tls://:0", tls={"cert": Path("c.pem")}, allow=["10.0.0.0/8"]) as listener:
        listener.reload()
        fildes.serve(listener, served, drain_timeout=None)
    fildes.serve("unix:@x", served, ready=print, max_connections=3, workers=2)


def copied(left: fildes.BufferedFile, right: socket.socket) -> None:
    """Pipe and relay take files, ours or not."""
    assert_type(fildes.pipe(left, right), int)
    assert_type(fildes.relay(left, right, idle_timeout=1), tuple[int, int])


def looked(error: OSError) -> None:
    """Failures and explanations are plain values."""
    failure = fildes.failure_of(error)
    assert_type(failure, fildes.Failure | None)
    assert_type(fildes.explain("tcp://localhost:7").trace[0], fildes.Step)
    assert_type(fildes.ls("zip::./x.zip"), list[fildes.Entry])
