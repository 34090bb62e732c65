"""pty: a pseudoterminal whose other end a program opens."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import subprocess
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import need

import fildes


def path_of(f: fildes.BufferedFile) -> str:
    """Return the path of the other end."""
    assert f.peer is not None
    return f.peer.removeprefix("file://")


@contextlib.contextmanager
def other_end(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        yield fd
    finally:
        os.close(fd)


def test_conversation() -> None:
    """Bytes travel both ways, unchanged in raw mode; the last close is the end of file."""
    with fildes.open("pty:?raw=on") as f:
        with other_end(path_of(f)) as fd:
            f.write(b"\x03\x04\r\n\x00")
            f.flush()
            assert os.read(fd, 99) == b"\x03\x04\r\n\x00"
            os.write(fd, b"answer\n")
        assert f.read() == b"answer\n"
        assert f.read() == b""


def test_half_close_is_a_typed_end() -> None:
    """In canonical mode half-close ends the input, even behind an unfinished line."""
    with fildes.open("pty:?echo=off") as f, other_end(path_of(f)) as fd:
        f.write(b"a line\nno line")
        f.half_close()
        assert [os.read(fd, 99) for _ in range(3)] == [b"a line\n", b"no line", b""]


@pytest.mark.parametrize(("options", "can"), [("", True), ("?raw=on", False)])
def test_stream_says_whether_it_half_closes(options: str, can: bool) -> None:
    """Whoever relays learns that a terminal in raw mode passes no end on."""
    with fildes.open(f"pty:{options}") as f:
        assert f.description.stream.half_closes is can


def test_modes_and_size() -> None:
    """The options are the modes of the terminal that the program finds."""
    with fildes.open("pty:?echo=off&size=132x43&mode=600") as f:
        path = path_of(f)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with other_end(path) as fd:
            assert os.get_terminal_size(fd) == (132, 43)
            local = termios.tcgetattr(fd)[3]
            assert local & termios.ICANON
            assert not local & termios.ECHO


def test_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link leads to the other end as long as the file is open; a stale one is replaced."""
    link = tmp_path / "modem"
    link.symlink_to("/dev/pts/99999")
    monkeypatch.chdir(tmp_path)
    with fildes.open("pty:?link=./modem") as f:
        assert os.readlink(link) == path_of(f)
    assert not link.is_symlink()


def test_link_of_somebody_else_stays(tmp_path: Path) -> None:
    """What is no link is not replaced, and another's link is not removed."""
    (tmp_path / "file").write_text("kept")
    with pytest.raises(FileExistsError) as caught:
        fildes.open(f"pty:?link={tmp_path}/file")
    assert caught.value.errno == errno.EEXIST
    assert (tmp_path / "file").read_text() == "kept"
    link = tmp_path / "link"
    with fildes.open(f"pty:?link={link}"):
        link.unlink()
        link.symlink_to("/dev/null")
    assert os.readlink(link) == "/dev/null"


def test_wait(tmp_path: Path) -> None:
    """With wait an open returns once a program has the other end; the deadline ends it."""
    link = tmp_path / "link"
    with pytest.raises(TimeoutError):
        fildes.open(f"pty:?wait=on&link={link}", timeout=0.03)
    assert not link.is_symlink()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    shell = 'while [ ! -e "$0" ]; do :; done; exec <>"$0"; read -r line <"$1"'
    with subprocess.Popen(["sh", "-c", shell, str(link), str(fifo)]):
        with fildes.open(f"pty:?wait=on&link={link}", timeout=20) as f:
            assert f.description.stream.readable
        fifo.write_text("go\n")


@pytest.mark.slow
def test_socat_opens_it(peer: object) -> None:
    """socat finds a terminal at the path, and talks over it."""
    socat = need("socat")
    with fildes.open("pty:?raw=on") as f:
        argv = [socat, "-u", f"{path_of(f)},raw,echo=0", "STDOUT"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as program:
            assert program.stdout is not None
            f.write(b"to socat\n")
            f.flush()
            assert program.stdout.readline() == b"to socat\n"
            program.terminate()


def test_close_gives_the_other_end_time() -> None:
    """Closing discards what nobody has read, so close waits for a reader a little."""
    with fildes.open("pty:?raw=on") as f, other_end(path_of(f)) as fd:
        got: list[bytes] = []
        f.write(b"last words")
        f.flush()
        reading = threading.Thread(target=lambda: got.append(os.read(fd, 99)))
        reading.start()
        f.close()
        reading.join()
        assert got == [b"last words"]


def test_descriptor_is_a_terminal_in_blocking_mode() -> None:
    """Who is given the descriptor gets a terminal, and we go on beside."""
    with fildes.open("pty:?raw=on") as f, other_end(path_of(f)) as fd:
        assert os.get_blocking(f.fileno())
        assert os.isatty(f.fileno())
        f.write(b"both")
        f.flush()
        os.write(fd, b"ways")
        assert f.read(4) == b"ways"
        # Byte by byte: poll(2) promises room for one, and the descriptor now blocks.
        assert b"".join(os.read(fd, 1) for _ in range(4)) == b"both"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("pty:bash", "exec:PROGRAM"),
        ("pty:?size=80", "80x24"),
        ("pty:?size=99999x1", "80x24"),
        ("pty:?mode=999", "octal"),
    ],
)
def test_bad_addresses(address: str, message: str) -> None:
    """What the options cannot be is said, with how they are written."""
    with pytest.raises(fildes.AddressError, match=message):
        fildes.open(address)


def test_strangers_get_no_terminal() -> None:
    """A pseudoterminal is not for untrusted addresses."""
    with pytest.raises(PermissionError):
        fildes.open("pty:", policy=fildes.Policy.untrusted())
