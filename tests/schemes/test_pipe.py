"""pipe: a named pipe, and one without a name."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from commands import LIMIT, pipes, start
from loops import DRIVERS, RunProtocol
from programs import need

import fildes
from fildes.opening.named_pipes import wait_for_writer
from fildes.testing import both, open_stream
from fildes.waiting import wait_any


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def test_without_a_name() -> None:
    """pipe: gives back what it is given, and ends after its half-close."""
    with fildes.open("pipe:") as f:
        f.write(b"echo")
        f.half_close()
        assert f.read() == b"echo"


def test_none_without_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no pipe can be made the error has its step and address, as any other."""

    def refuse(flags: int) -> tuple[int, int]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pipe2", refuse)
    with pytest.raises(OSError, match="Too many open files") as caught:
        fildes.open("pipe:")
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (failure.step, failure.address) == ("connect", "pipe:")


def test_with_a_name_by_itself(fifo: Path) -> None:
    """Opened for both directions a named pipe waits for nobody, and ends like the other."""
    with fildes.open(f"pipe:{fifo}") as f:
        f.write(b"echo")
        f.half_close()
        assert f.read() == b"echo"


def test_end_is_the_last_writer_s(fifo: Path) -> None:
    """One of two writers closes, and what the other one writes is read before the end."""
    with (
        fildes.open(f"pipe:{fifo}") as holder,
        fildes.open(f"pipe:{fifo}", "rb") as f,
        fildes.open(f"pipe:{fifo}", "wb") as second,
    ):
        with fildes.open(f"pipe:{fifo}", "wb") as first:
            first.write(b"first ")
        holder.half_close()
        second.write(b"second")
        second.close()
        assert f.read() == b"first second"


@pytest.mark.parametrize("scheme", ["pipe", "file"])
@pytest.mark.parametrize("mode", ["rb", "wb"])
def test_other_end_is_waited_for(fifo: Path, scheme: str, mode: str) -> None:
    """Nobody at the other end is a TimeoutError of the step that waits, at the deadline."""
    with pytest.raises(TimeoutError) as caught:
        fildes.open(f"{scheme}:{fifo}", mode, timeout=0.02)
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "connect"


@pytest.mark.parametrize("scheme", ["pipe", "file"])
def test_silent_writer_is_enough(fifo: Path, scheme: str) -> None:
    """A writer that has nothing to say yet lets the open return, and its bytes come later."""
    holder = os.open(fifo, os.O_RDWR)
    try:
        with fildes.open(f"{scheme}:{fifo}", "rb", timeout=20) as f:
            os.write(holder, b"later")
            assert f.read(5) == b"later"
    finally:
        os.close(holder)


def test_nonblock_opens_to_read_before_there_is_a_writer(fifo: Path) -> None:
    """The open waits for nobody, and that nobody writes yet is no end of file."""
    with fildes.open(f"pipe:{fifo}?nonblock=on", "rb", timeout=20) as f:
        stream = f.description.stream
        assert stream.try_recv_into(memoryview(bytearray(9))) is None
        writer = threading.Thread(target=fifo.write_bytes, args=(b"all",))
        writer.start()
        assert f.read() == b"all"
        writer.join()


def test_nonblock_needs_a_reader_to_write(fifo: Path) -> None:
    """To write what nobody reads is ENXIO at once; with a reader it goes through."""
    with pytest.raises(OSError, match="nobody reads this pipe") as caught:
        fildes.open(f"pipe:{fifo}?nonblock=on", "wb", timeout=20)
    assert caught.value.errno == errno.ENXIO
    with fildes.open(f"pipe:{fifo}?nonblock=on", "rb") as f:
        with fildes.open(f"pipe:{fifo}?nonblock=on", "wb") as g:
            g.write(b"through")
        assert f.read() == b"through"


@pytest.mark.parametrize("waiting", ["PIPE:{},nonblock", "OPEN:{},rdonly,nonblock"])
def test_nonblock_of_one_half(waiting: str, fifo: Path) -> None:
    """In A!!B what is written flows before anybody has opened the pipe that is read."""
    with start("relay", f"{waiting.format(fifo)}!!-", "-", stdin=subprocess.PIPE) as process:
        given, out, _ = pipes(process)
        given.write(b"before\n")
        given.flush()
        assert out.readline() == b"before\n"
        fifo.write_bytes(b"after\n")
        given.close()
        assert out.read() == b"after\n"
        assert process.wait(LIMIT) == 0


@pytest.mark.parametrize("run", DRIVERS)
def test_ends_that_wait_for_each_other(run: RunProtocol, fifo: Path) -> None:
    """Under every driver a reader that comes first is there when the writer comes."""

    async def scenario() -> bytes:
        source, sink = await both(
            open_stream(f"pipe:{fifo}", "rb"), open_stream(f"pipe:{fifo}", "wb")
        )
        await sink.send_all(b"through")
        await sink.close()
        received = await source.recv()
        assert await source.recv() == b""
        await source.close()
        return received

    assert run(scenario()) == b"through"


def test_looking_for_a_writer_takes_nothing(fifo: Path) -> None:
    """What is in the pipe is still there after the wait, and a writer that left counts."""

    async def scenario() -> bytes:
        source = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        try:
            sink = os.open(fifo, os.O_WRONLY)
            await wait_for_writer(source)
            os.write(sink, b"all of it")
            await wait_for_writer(source)
            os.close(sink)
            await wait_for_writer(source)
            await wait_any({}, 0)
            return os.read(source, 99) + os.read(source, 99)
        finally:
            os.close(source)

    from fildes.drivers import blocking

    assert blocking.run(scenario()) == b"all of it"


def test_made_if_asked_to(tmp_path: Path) -> None:
    """create makes the pipe with its mode, whatever the umask, and leaves one that is there."""
    path = tmp_path / "made"
    with pytest.raises(FileNotFoundError):
        fildes.open(f"pipe:{path}")
    before = os.umask(0o777)
    try:
        fildes.open(f"pipe:{path}?create=on&mode=620").close()
    finally:
        os.umask(before)
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o620
    fildes.open(f"pipe:{path}?create=on").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o620


@pytest.mark.parametrize("options", ["", "?create=on"])
def test_what_is_no_pipe_is_said(tmp_path: Path, options: str) -> None:
    """A file at the path is EINVAL, says how to open it, and stays."""
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError, match="open it as file:") as caught:
        fildes.open(f"pipe:{tmp_path}/file{options}")
    assert caught.value.errno == errno.EINVAL
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("address", ["pipe:?create=on", "pipe:/x?mode=999", "pipe:/x?mod=600"])
def test_wrong_options(address: str) -> None:
    """Options that make no sense are errors of the address."""
    with pytest.raises(fildes.AddressError):
        fildes.open(address)


def test_with_programs(fifo: Path) -> None:
    """cat at either end of a pipe gets and gives all."""
    many = os.urandom(300_000)
    with subprocess.Popen([need("cat"), str(fifo)], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        writing = threading.Thread(target=write_to, args=(fifo, many))
        writing.start()
        assert program.stdout.read() == many
        writing.join()
    with subprocess.Popen([need("sh"), "-c", f"cat > {fifo}"], stdin=subprocess.PIPE) as program:
        assert program.stdin is not None
        with fildes.open(f"pipe:{fifo}", "rb", timeout=20) as f:
            program.stdin.write(b"from cat")
            program.stdin.close()
            assert f.read() == b"from cat"


def write_to(path: Path, data: bytes) -> None:
    with fildes.open(f"pipe:{path}", "wb", timeout=20) as f:
        f.write(data)


def test_strangers_reach_no_pipe(fifo: Path) -> None:
    """Under the policy for others' addresses there are no pipes."""
    with pytest.raises(PermissionError):
        fildes.open(f"pipe:{fifo}", policy=fildes.Policy.untrusted())
