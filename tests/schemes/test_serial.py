"""serial: a serial line, with a pseudoterminal in its place."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import subprocess
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loops import LOOPS, RunLoop
from programs import need
from relay_commands import relay

import fildes
import fildes.aio
from fildes.streams import serial as serial_stream
from fildes.streams.serial import CMSPAR, SerialStream, Settings, get_speed
from fildes.streams.terminal import CC, CFLAG, IFLAG, LFLAG, OFLAG


@pytest.fixture
def line(nothing_left_behind: None) -> Iterator[tuple[int, str]]:
    """Return the descriptor of the far end, which tells the settings of ours, and our path."""
    far, ours = pty.openpty()
    path = os.ttyname(ours)
    try:
        yield far, path
    finally:
        os.close(ours)
        with contextlib.suppress(OSError):  # a test has closed it
            os.close(far)


def test_conversation(line: tuple[int, str]) -> None:
    """Bytes travel both ways as they are, control characters and all."""
    far, path = line
    every = bytes(range(256))
    with fildes.open(f"serial:{path}") as f:
        f.write(every)
        f.flush()
        assert os.read(far, 999) == every
        tty.setraw(far)
        os.write(far, every)
        assert f.read(256) == every


def test_settings_are_made_and_put_back(line: tuple[int, str]) -> None:
    """The line is set as the options say, and at the end as it was before."""
    far, path = line
    before = termios.tcgetattr(far)
    with fildes.open(f"serial:{path}?speed=19200&stop=2&flow=rtscts&exclusive=off"):
        now = termios.tcgetattr(far)
        assert now[4:6] == [termios.B19200, termios.B19200]
        assert now[CFLAG] & termios.CSTOPB
        assert now[CFLAG] & termios.CRTSCTS
        assert now[CFLAG] & termios.CLOCAL
        assert not now[LFLAG] & (termios.ICANON | termios.ECHO)
        assert not now[OFLAG] & termios.OPOST
    assert termios.tcgetattr(far) == before


def test_flow_by_bytes(line: tuple[int, str]) -> None:
    """With flow=xonxoff the kernel sends and obeys the bytes that say wait and go on."""
    far, path = line
    with fildes.open(f"serial:{path}?flow=xonxoff&carrier=on&exclusive=off") as f:
        now = termios.tcgetattr(far)
        assert now[IFLAG] & termios.IXON
        assert now[IFLAG] & termios.IXOFF
        assert not now[CFLAG] & termios.CLOCAL
        os.write(far, b"\x13\x11x")
        assert f.read(1) == b"x"


def test_any_speed(line: tuple[int, str]) -> None:
    """A speed that has no name is set in numbers; that, too, is put back."""
    far, path = line
    with fildes.open(f"serial:{path}?speed=250000"):
        assert get_speed(far) == 250_000
    assert get_speed(far) is None
    serial_stream.set_speed(far, 31_250)
    with fildes.open(f"serial:{path}?speed=9600"):
        assert get_speed(far) is None
    assert get_speed(far) == 31_250


def test_one_program_at_a_time(line: tuple[int, str]) -> None:
    """A line that is in use is EBUSY, unless both share it; afterwards it is free."""
    _, path = line
    with fildes.open(f"serial:{path}"):
        with pytest.raises(OSError, match="another program") as caught:
            fildes.open(f"serial:{path}?speed=31250")
        assert caught.value.errno == errno.EBUSY
    with (
        fildes.open(f"serial:{path}?exclusive=off"),
        fildes.open(f"serial:{path}?exclusive=off"),
    ):
        pass


@pytest.mark.parametrize(("settings", "flags"), [
    (Settings(9600), termios.CS8),
    (Settings(9600, bits=7, parity="even"), termios.CS7 | termios.PARENB),
    (Settings(9600, parity="odd"), termios.CS8 | termios.PARENB | termios.PARODD),
    (Settings(9600, parity="mark"), termios.CS8 | termios.PARENB | termios.PARODD | CMSPAR),
    (Settings(9600, bits=5, parity="space", stop=2),
     termios.CS5 | termios.PARENB | CMSPAR | termios.CSTOPB),
])  # fmt: skip
def test_framing(settings: Settings, flags: int) -> None:
    """Bits, parity and stop bits are the flags that termios(3) has for them, and no others."""
    everything = 0o37777777777
    fields: list[Any] = [everything] * 4 + [termios.B9600] * 2 + [[b"\0"] * 32]
    settings.change(fields)
    mask = termios.CSIZE | termios.PARENB | termios.PARODD | CMSPAR | termios.CSTOPB
    assert fields[CFLAG] & mask == flags
    assert bool(fields[IFLAG] & termios.INPCK) is (settings.parity != "none")
    assert fields[CC][termios.VMIN] == 1


def test_what_a_line_cannot_do_is_said(line: tuple[int, str]) -> None:
    """A line that is only partly set as asked for is an error, and stays as it was."""
    far, path = line
    before = termios.tcgetattr(far)
    with pytest.raises(OSError, match="cannot do bits=7, parity=even") as caught:
        fildes.open(f"serial:{path}?bits=7&parity=even")
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(OSError, match="option dtr: no such line"):
        fildes.open(f"serial:{path}?dtr=on")
    assert termios.tcgetattr(far) == before


def test_modem_lines(line: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """dtr and rts set or clear one line each, and no others."""
    asked: list[tuple[int, bytes]] = []
    real = fcntl.ioctl

    def ioctl(fd: Any, request: int, *rest: Any) -> Any:
        if request in (termios.TIOCMBIS, termios.TIOCMBIC):
            return asked.append((request, rest[0]))
        return real(fd, request, *rest)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    fildes.open(f"serial:{line[1]}?dtr=off&rts=on").close()
    assert asked == [
        (termios.TIOCMBIC, termios.TIOCM_DTR.to_bytes(4, "little")),
        (termios.TIOCMBIS, termios.TIOCM_RTS.to_bytes(4, "little")),
    ]


@pytest.mark.parametrize(("options", "said"), [
    ("speed=0", "speed takes"), ("bits=9", "bits takes"), ("stop=3", "stop takes"),
    ("parity=both", "parity"), ("flow=dtr", "flow"), ("baud=9600", "baud"),
])  # fmt: skip
def test_wrong_options(options: str, said: str) -> None:
    """A setting that there is not is an error of the address, whatever is at the path."""
    with pytest.raises(fildes.AddressError, match=said):
        fildes.open(f"serial:/nowhere?{options}")


def test_no_line(tmp_path: Path) -> None:
    """What is no terminal says how it is opened."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="open it as file:") as caught:
        fildes.open(f"serial:{tmp_path}/file")
    assert caught.value.errno == errno.ENOTTY
    with pytest.raises(FileNotFoundError):
        fildes.open(f"serial:{tmp_path}/none")


def test_hang_up_is_the_end(line: tuple[int, str]) -> None:
    """After what was received a hang-up is the end of file; to send is then EIO."""
    far, path = line
    tty.setraw(far)
    with fildes.open(f"serial:{path}", buffering=0) as f:
        os.write(far, b"last words")
        assert f.read(99) == b"last words"
        os.close(far)
        assert f.read(99) == b""
        assert f.read(99) == b""
        with pytest.raises(OSError) as caught:
            f.write(b"x")
        assert caught.value.errno == errno.EIO


def test_close_says_what_was_not_sent(
    line: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is held takes no more: close is an error, in bounded time, and ends all."""
    monkeypatch.setattr(serial_stream, "CLOSE_TIMEOUT", 0.02)
    monkeypatch.setattr(SerialStream, "unsent", lambda stream: 17)
    before = termios.tcgetattr(line[0])
    f = fildes.open(f"serial:{line[1]}")
    with pytest.raises(TimeoutError, match="17 bytes were not sent"):
        f.close()
    assert termios.tcgetattr(line[0]) == before


def test_close_waits_while_bytes_go_out(
    line: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow a line is, what was written is sent before it is closed."""
    left = iter([30, 20, 10, 0])
    monkeypatch.setattr(serial_stream, "CLOSE_TIMEOUT", 0.2)
    monkeypatch.setattr(SerialStream, "unsent", lambda stream: next(left))
    fildes.open(f"serial:{line[1]}").close()
    assert list(left) == []


def test_one_direction(line: tuple[int, str]) -> None:
    """Opened for reading or for writing only, a line is that."""
    far, path = line
    tty.setraw(far)
    with fildes.open(f"serial:{path}", "rb") as f:
        os.write(far, b"in")
        assert f.read(2) == b"in"
    with fildes.open(f"serial:{path}", "wb") as f:
        f.write(b"out")
    assert os.read(far, 99) == b"out"


@pytest.mark.parametrize("loop", LOOPS)
def test_asynchronously(loop: RunLoop, line: tuple[int, str]) -> None:
    """The same in asyncio and trio; a read that waits can be cancelled by its limit."""
    far, path = line
    tty.setraw(far)

    async def main() -> None:
        async with await fildes.aio.open(f"serial:{path}", idle_timeout=0.02) as f:
            with pytest.raises(TimeoutError):
                await f.read(1)
            f.description.idle_timeout = 20  # bytes take their time to the other end
            await f.write(b"question")
            await f.flush()
            assert os.read(far, 99) == b"question"
            os.write(far, b"answer")
            assert await f.read(6) == b"answer"

    loop(main())


def test_reader_and_writer_at_once(line: tuple[int, str]) -> None:
    """One thread reads while another one writes more than the line holds."""
    far, path = line
    tty.setraw(far)
    many = os.urandom(100_000)
    got = bytearray()
    with fildes.open(f"serial:{path}?speed=115200") as f:
        writing = threading.Thread(target=lambda: f.write(many))
        writing.start()
        while len(got) < len(many):
            got += os.read(far, 4096)
            os.write(far, b"+")
            assert f.read(1) == b"+"
        writing.join()
    assert got == many


def test_relay(line: tuple[int, str]) -> None:
    """The command relays what is typed to a line; raw, so that nothing is changed."""
    far, path = line
    status, _ = relay("-u", "-", f"serial:{path}?speed=57600", given=b"AT\r\x03\x00")
    assert (status, os.read(far, 99)) == (0, b"AT\r\x03\x00")


@pytest.mark.slow
def test_against_socat(tmp_path: Path) -> None:
    """With a line that socat has made, bytes go both ways, and its end is ours."""
    link = tmp_path / "modem"
    argv = [need("socat"), f"PTY,link={link},rawer,wait-slave", "EXEC:cat"]
    with subprocess.Popen(argv) as program:
        while not link.exists():
            assert program.poll() is None
        with fildes.open(f"serial:{link}?speed=4800") as f:
            f.write(b"there and back")
            assert f.read(14) == b"there and back"
            program.terminate()
            assert f.read() == b""


def test_strangers_reach_no_line() -> None:
    """Under the policy for others' addresses there are no lines."""
    with pytest.raises(PermissionError):
        fildes.open("serial:/dev/ttyS0", policy=fildes.Policy.untrusted())
