"""`fildes extract` and `fildes show`."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from commands import LIMIT, RunMain, fildes, run_on_terminal, start
from peers import Conversation, StartPeer
from pictures import chunk, dot, each_kind, header, pillow

from fildes.wire.png import SIGNATURE

__all__ = ["fildes"]

PICTURES = each_kind()
NAMES = [
    f"{number:03}.{suffix}"
    for number, suffix in enumerate(["png", *["jpg"] * 5, *["gif"] * 3, *["webp"] * 4], 1)
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder beside a page with pictures of all kinds."""
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)
    Path("../page").write_bytes(b"<p>".join(PICTURES))
    return place


def test_all_pictures_are_written(fildes: RunMain) -> None:
    """Each has its number, the suffix of its kind, and its exact bytes."""
    assert fildes("extract", "../page") == (0, "", "")
    assert sorted(os.listdir()) == NAMES
    assert [Path(name).read_bytes() for name in NAMES] == PICTURES


def test_folder_is_made_and_listed(fildes: RunMain) -> None:
    """-o names the folder, --json says what is in it and where that lay."""
    done = fildes("extract", "--json", "--kind", "png,webp", "-o", "a/b", "../page")
    records = json.loads(done.out)
    assert (done.status, done.err) == (0, "")
    assert [record["file"] for record in records][:2] == ["a/b/001.png", "a/b/002.webp"]
    assert records[0] == {
        "kind": "png", "offset": 0, "file": "a/b/001.png", "size": len(PICTURES[0])
    }  # fmt: skip


def test_existing_files_stay(fildes: RunMain) -> None:
    """A file that is there is not replaced, unless --force is given."""
    Path("002.jpg").write_text("mine")
    done = fildes("extract", "../page")
    assert (done.status, Path("002.jpg").read_text()) == (23, "mine")
    assert done.err.startswith("fildes: unable to write ./002.jpg: it exists: ")
    assert "another folder with -o, or --force" in done.err
    done = fildes("extract", "-o", "002.jpg", "../page")
    assert (done.status, done.err) == (
        23,
        "fildes: unable to write 002.jpg/001.png: Not a directory\n",
    )
    assert fildes("extract", "--force", "--limit", "2", "../page").status == 0
    assert sorted(os.listdir()) == NAMES[:2]
    assert Path("002.jpg").read_bytes() == PICTURES[1]


def test_broken_pictures_are_told_of(fildes: RunMain) -> None:
    """What is cut short is no file, but a line, a record and a status; the others are there."""
    Path("../page").write_bytes(PICTURES[1][:-9] + PICTURES[0] + PICTURES[6][:-1])
    done = fildes("extract", "--json", "../page")
    assert done.status == 18
    assert done.err.splitlines() == [
        "fildes: jpeg at byte 0 is not there: JPEG file ended inside its scan",
        f"fildes: gif at byte {len(PICTURES[1]) - 9 + len(PICTURES[0])} is not there: "
        "GIF file ended inside its image",
    ]
    assert [record["file"] for record in json.loads(done.out)] == [None, "./001.png", None]
    assert os.listdir() == ["001.png"]


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        (["data:,x"], 8, "no picture in 1 bytes"),
        (["--kind", "bmp", "data:,x"], 2, "--kind: no kind of picture 'bmp'"),
        (["--limit", "0", "data:,x"], 2, "--limit takes a number of pictures, from 1"),
        (["../nowhere"], 7, "No such file"),
        (["-o", "/proc/nowhere", "../page"], 23, "unable to write"),
    ],
)
def test_failures(fildes: RunMain, argv: list[str], status: int, message: str) -> None:
    """Nothing found, nothing understood, nothing opened: a line and a status."""
    done = fildes("extract", *argv)
    assert done.status == status
    assert message in done.err
    assert os.listdir() == []


def camera(talk: Conversation) -> None:
    """Send a picture and a half, and no more."""
    talk.recv_until(b"\r\n\r\n")
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=x\r\n\r\n")
    talk.send(b"--x\r\n\r\n" + dot() + b"\r\n--x\r\n\r\n" + PICTURES[4][:-100])
    talk.stall()


def test_ctrl_c_keeps_what_is_complete(peer: StartPeer) -> None:
    """Of an endless source the complete pictures stay, and nothing half-written."""
    server = peer(camera)
    with start("extract", server.address("http", "/")) as process:
        server.wait_stalled()
        while not os.path.exists("001.png"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == -signal.SIGINT
    assert os.listdir() == ["001.png"]


def test_limit_ends_an_endless_source(fildes: RunMain, peer: StartPeer) -> None:
    """Once there are enough, nothing more is waited for."""
    assert fildes("extract", "--limit", "1", peer(camera).address("http", "/")).status == 0
    assert os.listdir() == ["001.png"]


@pytest.mark.slow
def test_progress_on_a_terminal() -> None:
    """A terminal sees how much was looked through."""
    status, shown = run_on_terminal("extract", "../page")
    assert status == 0
    assert b"extract" in shown
    assert b"100%" in shown


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_show_draws_a_picture(fildes: RunMain, kind: str) -> None:
    """The gradient goes from dark above to light below, whatever the kind."""
    Path("page").write_bytes(b"junk" + pillow("L", 40, kind.upper()))
    done = fildes("show", "./page")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert len(lines) == 20
    assert (lines[0].strip(), set(lines[-1]) <= set("@%")) == ("", True)


@pytest.mark.slow
def test_show_uses_the_colours_of_the_terminal() -> None:
    """On a terminal, half blocks in colour."""
    status, shown = run_on_terminal("show", "../page", COLORTERM="truecolor")
    assert status == 0
    assert "▀".encode() in shown
    assert b"\x1b[0;38;2;" in shown


def test_show_takes_the_first_sound_picture(fildes: RunMain) -> None:
    """What is cut short is passed over; nothing else there is an error."""
    Path("cut").write_bytes(PICTURES[0][:-1])
    assert fildes("show", "./cut").status == 18
    Path("both").write_bytes(PICTURES[0][:-1] + dot())
    assert fildes("show", "./both").status == 0
    done = fildes("show", "data:,x")
    assert (done.status, done.out) == (8, "")
    assert "no picture in 1 bytes" in done.err


def test_show_names_the_extra(fildes: RunMain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Pillow, PNG files are drawn, and the error for others says what is needed."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    Path("gif").write_bytes(PICTURES[6])
    done = fildes("show", "./gif")
    assert (done.status, done.out) == (1, "")
    assert done.err == "fildes: drawing this GIF file takes Pillow: pip install 'fildes[view]'\n"
    assert fildes("show", "../page").status == 0


def test_show_says_what_cannot_be_drawn(fildes: RunMain) -> None:
    """A file whose structure is sound and whose pixels are not is an error, not a traceback."""
    pixels = chunk(b"IDAT", b"no pixels")
    Path("damaged").write_bytes(SIGNATURE + header() + pixels + chunk(b"IEND"))
    done = fildes("show", "./damaged")
    assert (done.status, done.out) == (1, "")
    assert "cannot draw this picture: a damaged PNG file" in done.err
