"""The file that `fildes get -c` leaves when it is ended before it is done."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from commands import LIMIT, RunMain, fildes, start
from counting import CountingServer, ranged
from downloads import CUT, DATA, PART, RECORD, CutFirst, folder, no_delay
from peers import Conversation, StartPeer

__all__ = ["fildes", "folder", "no_delay"]

pytestmark = pytest.mark.usefixtures("folder", "no_delay")


def test_file_that_is_there_stays(fildes: RunMain) -> None:
    """One that somebody made meanwhile is not replaced, and the part is kept."""
    with CountingServer(DATA, CutFirst()) as server:
        assert fildes("get", "-c", server.address()).status == 18
        assert isinstance(server.reply, CutFirst)
        server.reply.on = True
        Path("document").write_text("mine")
        assert fildes("get", "-c", server.address()).status == 2
        assert Path("document").read_text() == "mine"
        assert fildes("get", "-c", "--force", server.address()).status == 0
    assert Path("document").read_bytes() == DATA


def test_no_part_through_a_link(fildes: RunMain, folder: Path) -> None:
    """A link that somebody planted where the part goes is not followed."""
    victim = folder.parent / "victim"
    victim.write_text("theirs")
    Path(PART).symlink_to(victim)
    with CountingServer(DATA) as server:
        assert fildes("get", "-c", server.address()).status == 23
    assert victim.read_text() == "theirs"


def test_two_at_once(fildes: RunMain) -> None:
    """A part that another process is writing is left to it."""
    import fcntl

    with open(PART, "wb") as other, CountingServer(DATA) as server:
        fcntl.flock(other, fcntl.LOCK_EX)
        done = fildes("get", "-c", server.address())
        assert done.status == 23
        assert "is being written by another process" in done.err


def test_names_of_servers_are_not_known(fildes: RunMain) -> None:
    """What may be called anything cannot be looked for."""
    done = fildes("get", "-c", "--content-disposition", "http://localhost:1/x")
    assert done.status == 2
    assert "-c needs a name" in done.err


def slow(talk: Conversation) -> None:
    """Send half of a body."""
    talk.recv_until(b"\r\n\r\n")
    talk.send(b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: %d\r\n\r\n' % len(DATA))
    talk.send(DATA[:CUT])
    talk.stall()


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_keeps_the_part(fildes: RunMain, peer: StartPeer, jobs: int) -> None:
    """After Ctrl-C the part and its record are there, and the next run goes on."""
    server = peer(*[slow] * jobs)
    addresses = [server.address("http", f"/{number}") for number in range(jobs)]
    with start("get", "-c", *addresses) as process:
        for _ in range(jobs):
            server.wait_stalled()
        while [size_of(f"{number}.fildes-part") for number in range(jobs)] != [CUT] * jobs:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == -signal.SIGINT
    for number in range(jobs):
        known = json.loads(Path(f"{number}.fildes-part.json").read_text())
        # What was written an instant ago may not be on record, and is then received again.
        assert known["missing"] in ([[CUT, len(DATA)]], [[0, len(DATA)]])


def test_sigkill_keeps_the_part(fildes: RunMain, peer: StartPeer) -> None:
    """After SIGKILL the record claims no more than is there; what it does not is received."""
    server = peer(slow)
    with start("get", "-c", server.address("http", "/document")) as process:
        server.wait_stalled()
        while size_of(PART) != CUT:
            assert process.poll() is None
        process.kill()
        process.wait(LIMIT)
    assert json.loads(Path(RECORD).read_text())["missing"] == [[0, len(DATA)]]


def size_of(place: str) -> int:
    try:
        return os.stat(place).st_size
    except FileNotFoundError:
        return -1


def test_record_is_written_meanwhile(fildes: RunMain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every few seconds the record is brought up to date, so that a SIGKILL costs little."""
    from fildes.cli import downloading
    from fildes.cli.partial import Partial, Record

    saved: list[int] = []
    genuine = Partial.save

    def save(self: Partial, record: Record) -> None:
        genuine(self, record)
        saved.extend(start for start, _ in record.missing)

    monkeypatch.setattr(Partial, "save", save)
    monkeypatch.setattr(downloading, "SAVE_INTERVAL", 0.0)
    with CountingServer(DATA, ranged) as server:
        assert fildes("get", "-c", server.address()).status == 0
    assert len(saved) > 2
    assert saved == sorted(saved)
