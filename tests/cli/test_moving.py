"""What `cat`, `get` and one-way relays move past themselves is verified and ended as ever."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from commands import LIMIT, RunMain, command, fildes, run, start
from counting import Asked, CountingServer
from downloads import Sent, part
from http_script import answering, chunks
from passages import Splices, pass_always
from peers import Conversation, StartPeer

import fildes as library
from fildes.cli.passing import Around, move
from fildes.streams import passage
from fildes.streams.kernel import DescriptorStream

__all__ = ["fildes"]

DATA = os.urandom(1_000_000)
CUT = 600_000


@pytest.fixture(autouse=True)
def much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all pairs, and what comes behind the first piece, go past this process."""
    pass_always(monkeypatch)
    monkeypatch.setattr(passage, "DEARER", ())
    monkeypatch.setattr("fildes.cli.output.MUCH", 1)
    monkeypatch.setattr("fildes.cli.output.STREAK", 0)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "it"


def head(size: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size


def test_complete_body(fildes: RunMain, peer: StartPeer, place: Path, splices: Splices) -> None:
    """A body of known length is there when all of it is, and no byte from behind it."""
    server = peer(answering(head(len(DATA)) + DATA + b"excess"))
    assert fildes("get", "-o", str(place), server.address("http", "/")) == (0, "", "")
    assert place.read_bytes() == DATA
    assert sum(splices) > len(DATA)  # into the pipe and out of it


def test_short_body(fildes: RunMain, peer: StartPeer, place: Path, splices: Splices) -> None:
    """A body that ends early is an error that says how much came, and no file."""
    server = peer(answering(head(len(DATA)) + DATA[:CUT]))
    done = fildes("get", "-o", str(place), server.address("http", "/"))
    assert (done.status, place.exists()) == (18, False)
    assert f"HTTP body ended after {CUT} of {len(DATA)} bytes" in done.err
    assert splices


def test_reset_body(fildes: RunMain, peer: StartPeer, place: Path) -> None:
    """So is one whose connection is reset."""
    server = peer(answering(head(len(DATA)) + DATA[:CUT], Conversation.rst))
    done = fildes("get", "-o", str(place), server.address("http", "/"))
    assert (done.status, place.exists()) == (18, False)


def test_body_that_is_resumed(fildes: RunMain, place: Path, splices: Splices) -> None:
    """What was cut goes on where it was cut, whichever way the bytes before it came."""
    cuts = iter([CUT, 100_000, 200_001])

    def cutting(server: CountingServer, asked: Asked) -> Sent:
        sent, _ = part(server, asked)
        begun, _, body = sent.partition(b"\r\n\r\n")
        left = next(cuts, len(body))
        return begun + b"\r\n\r\n" + body[:left], left < len(body)

    with CountingServer(DATA, cutting) as server:
        assert fildes("get", "-o", str(place), server.address()) == (0, "", "")
        assert [each.start for each in server.asked] == [None, 600_000, 700_000, 900_001]
    assert place.read_bytes() == DATA
    assert splices


def test_chunks_are_read(fildes: RunMain, peer: StartPeer, place: Path, splices: Splices) -> None:
    """The framing of chunks is taken out, large ones moved and small ones copied."""
    body = chunks(DATA[:CUT], b"small", DATA[CUT:], b"")
    server = peer(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body))
    assert fildes("get", "-o", str(place), server.address("http", "/")) == (0, "", "")
    assert place.read_bytes() == DATA[:CUT] + b"small" + DATA[CUT:]


def test_digest_sees_the_bytes(fildes: RunMain, tmp_path: Path, splices: Splices) -> None:
    """Nothing is moved past a checksum."""
    (tmp_path / "from").write_bytes(DATA)
    wrong = "0" * 64
    done = fildes("get", "--sha256", wrong, "-o", str(tmp_path / "to"), str(tmp_path / "from"))
    assert done.status != 0
    assert not splices


def test_answer_of_another_kind(fildes: RunMain, tmp_path: Path, splices: Splices) -> None:
    """A file goes into a file, a device, and a pipe's reader, all in the kernel."""
    (tmp_path / "from").write_bytes(DATA)
    assert fildes("get", "-o", str(tmp_path / "to"), str(tmp_path / "from")).status == 0
    assert (tmp_path / "to").read_bytes() == DATA
    before = len(splices)
    assert fildes("get", "-o", "/dev/null", str(tmp_path / "from")).status == 0
    assert len(splices) > before > 0


@pytest.mark.parametrize("verb", [("cat",), ("relay", "-u")])
def test_appending(verb: tuple[str, ...], tmp_path: Path) -> None:
    """Behind ``>>`` splice(2) is refused, and everything comes."""
    (tmp_path / "from").write_bytes(DATA * 3)
    (tmp_path / "to").write_bytes(b"before ")
    last = [] if verb == ("cat",) else ["-"]
    with (tmp_path / "to").open("ab") as sink:
        done = run(*verb, str(tmp_path / "from"), *last, stdout=sink)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "to").read_bytes() == b"before " + DATA * 3


@pytest.mark.parametrize("verb", [("cat",), ("relay", "-u")])
def test_full_device(verb: tuple[str, ...], tmp_path: Path) -> None:
    """A full device is the failure of the place that was written, with its errno."""
    (tmp_path / "from").write_bytes(DATA * 3)
    last = [] if verb == ("cat",) else ["-"]
    with open("/dev/full", "wb") as sink:
        done = run(*verb, str(tmp_path / "from"), *last, stdout=sink)
    assert done.returncode == 23
    said = b"fildes: unable to write standard output: No space left on device\n"
    assert done.stderr == said


@pytest.mark.parametrize("verb", ["get", "cat"])
def test_full_disk(verb: str, tmp_path: Path) -> None:
    """A disk that is full, in the middle of a splice(2), is the failure; no file is left."""
    if shutil.which("unshare") is None or subprocess.call(["unshare", "-rm", "true"]):
        pytest.skip("no mounts of our own: unshare(1) is not allowed")
    (tmp_path / "from").write_bytes(DATA * 5)
    (tmp_path / "disk").mkdir()
    end = '-o disk/to "$@"' if verb == "get" else '"$@" >disk/to'
    script = f'mount -t tmpfs -o size=3m none disk || exit 99; "$0" -m fildes {verb} {end}'
    script += "; status=$?; ls disk; exit $status"
    python, *_ = command()
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, python, "./from"],
        cwd=tmp_path, capture_output=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    if done.returncode == 99:
        pytest.skip("no tmpfs of our own: mount(2) is not allowed")
    place = b"disk/to" if verb == "get" else b"standard output"
    said = b"fildes: unable to write %b: No space left on device\n" % place
    assert (done.returncode, done.stderr) == (23, said)
    assert done.stdout == (b"" if verb == "get" else b"to\n")


def taking_all(talk: Conversation) -> None:
    talk.recv_all()


def test_limit_is_exact(fildes: RunMain, peer: StartPeer, tmp_path: Path, splices: Splices) -> None:
    """--max-bytes is kept to the byte."""
    (tmp_path / "from").write_bytes(DATA * 3)
    server = peer(taking_all)
    argv = ("relay", "-u", "--max-bytes", "2654321", str(tmp_path / "from"), server.address())
    assert fildes(*argv).status == 0
    server.wait()
    assert server.received == (DATA * 3)[:2_654_321]
    assert splices


def says_and_stalls(talk: Conversation) -> None:
    talk.send(DATA)
    talk.stall()


@pytest.mark.parametrize("verb", [("cat",), ("relay", "-u")])
def test_interrupt_while_the_source_is_silent(verb: tuple[str, ...], peer: StartPeer) -> None:
    """Ctrl-C ends a wait in the kernel for a source."""
    server = peer(says_and_stalls)
    last = [] if verb == ("cat",) else ["-"]
    with start(*verb, server.address(), *last) as process:
        assert process.stdout is not None
        assert process.stdout.read(len(DATA)) == DATA
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == -signal.SIGINT
    server.wait_stalled()
    server.release()


@pytest.mark.parametrize("verb", [("cat",), ("relay", "-u")])
def test_interrupt_while_nobody_reads(verb: tuple[str, ...]) -> None:
    """Ctrl-C ends a wait in the kernel for a reader."""
    last = [] if verb == ("cat",) else ["-"]
    with start(*verb, "/dev/zero" if last else "./zero", *last, cwd="/dev") as process:
        assert process.stdout is not None
        assert process.stdout.read(3_000_000) == bytes(3_000_000)
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == -signal.SIGINT


@pytest.mark.slow
def test_idle_limit(peer: StartPeer) -> None:
    """A source that falls silent after much is given up after the idle limit."""
    server = peer(says_and_stalls)
    # Longer than a loaded machine lets the source wait for its turn.
    done = run("cat", "--idle-timeout", "0.5", server.address())
    server.wait_stalled()
    server.release()
    assert (done.returncode, done.stdout) == (28, DATA)
    assert b"unable to read" in done.stderr


def test_reader_that_has_enough(tmp_path: Path) -> None:
    """Who stops reading ends the command by SIGPIPE, as a write would have."""
    (tmp_path / "from").write_bytes(DATA * 3)
    with start("cat", str(tmp_path / "from")) as process:
        assert process.stdout is not None
        assert process.stdout.read(10) == DATA[:10]
        process.stdout.close()
        assert process.wait(LIMIT) == -signal.SIGPIPE


def test_end_from_another_thread(peer: StartPeer) -> None:
    """Whoever closes what is being moved ends the wait of who moves it."""
    out, into = os.pipe()
    server = peer(says_and_stalls)
    failures: list[BaseException] = []

    def receive() -> None:
        try:
            move(source, Around(DescriptorStream(sink=into), "the pipe"))
            source.read(1)
        except (OSError, ValueError) as error:
            failures.append(error)

    with open(out, "rb") as reader, open(into, "wb", 0):
        source = library.open(server.address(), "rb", 0)
        thread = threading.Thread(target=receive)
        thread.start()
        assert reader.read(len(DATA)) == DATA
        server.wait_stalled()
        source.description.abort()
        thread.join(LIMIT)
        assert not thread.is_alive()
    server.release()
    assert len(failures) == 1
