"""`fildes get`."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import LIMIT, RunMain, fildes, run, run_on_terminal, start
from peers import Conversation, Script, StartPeer

from fildes import verbs
from fildes.address import parse
from fildes.cli.errors import UsageError
from fildes.cli.getting import size_of
from fildes.cli.naming import name_of
from fildes.opening import registry

__all__ = ["fildes"]

BODY = bytes(range(256)) * 64


def answers(body: bytes, *, announced: int | None = None) -> Script:
    """Return a script that answers a request with *body*."""
    size = len(body) if announced is None else announced

    def answer(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + body)

    return answer


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def test_file_has_the_name_in_the_address(fildes: RunMain, peer: StartPeer) -> None:
    """Without -o the file is named after the last part of the address."""
    server = peer(answers(BODY))
    assert fildes("get", server.address("http", "/a/b.bin?version=2")) == (0, "", "")
    assert os.listdir() == ["b.bin"]
    assert Path("b.bin").read_bytes() == BODY


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://h/a/b.zip", "b.zip"),
        ("http://h/a%20b", "a b"),
        ("http://h/caf%C3%A9", "café"),
        ("png::http://h/page", "page.png"),
        ("png::http://h/page.html", "page.png"),
        ("png::http://h/logo.png", "logo.png"),
        ("png://2::http://h/page", "2.png"),
        ("http://h/x::unix:/run/s.sock", "x"),
        ("./a/b", "b"),
        ("gzip::http://h/notes.txt.gz", "notes.txt"),
        ("gzip::http://h/x.tgz", "x.tar"),
        ("xz::gzip::./x.xz.gz", "x"),
        ("gzip::./x.xz", "x.xz"),
        ("zip://a/b%2541.txt::http://h/x.zip", "b%41.txt"),
        ("png::gzip::http://h/page.html.gz", "page.png"),
    ],
)
def test_names(address: str, name: str) -> None:
    """The name comes from the outermost layer that has one, in readable form."""
    assert name_of(parse(address, registry.find_scheme)) == name


@pytest.mark.parametrize(
    "address",
    [
        "http://h/",
        "http://h/a/",
        "http://h/..%2f..%2fetc%2fpasswd",
        "http://h/%2e%2e",
        "http://h/.bashrc",
        "http://h/a%0Ab",
        "http://h/a%1B%5B2J",
        "http://h/%E2%80%AEgpj.exe",
        "http://h/%FF",
        "http://h/-rf",
        "http://h/~",
        "http://h/x.iso.fildes-part",
        "http://h/x.iso.fildes-part.json",
        f"http://h/{'n' * 239}",
        "tcp://h:1",
        "data:,x",
    ],
)
def test_name_is_never_a_trap(address: str) -> None:
    """A name that leaves the folder, hides, or reads as another is asked of the user."""
    with pytest.raises(UsageError, match="-o FILE"):
        name_of(parse(address, registry.find_scheme))


def test_existing_file_stays(fildes: RunMain, peer: StartPeer) -> None:
    """A file that is there is not replaced, and nothing is opened in vain."""
    server = peer(answers(BODY))
    Path("b.bin").write_text("mine")
    done = fildes("get", server.address("http", "/b.bin"))
    assert (done.status, Path("b.bin").read_text()) == (2, "mine")
    assert "b.bin exists: choose another name with -o, or --force" in done.err
    assert not server.conversations


def test_force_replaces(fildes: RunMain, peer: StartPeer) -> None:
    """With --force the file is replaced, in one step."""
    Path("b.bin").write_text("old")
    assert fildes("get", "-f", peer(answers(BODY)).address("http", "/b.bin")).status == 0
    assert Path("b.bin").read_bytes() == BODY


def test_file_made_meanwhile_stays(fildes: RunMain, peer: StartPeer) -> None:
    """A file that somebody else made while ours was coming is not replaced either."""

    def meanwhile(talk: Conversation) -> None:
        Path("b.bin").write_text("theirs")
        answers(BODY)(talk)

    done = fildes("get", peer(meanwhile).address("http", "/b.bin"))
    assert (done.status, Path("b.bin").read_text()) == (23, "theirs")
    assert "unable to write b.bin: File exists" in done.err
    assert os.listdir() == ["b.bin"]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_what_is_cut_leaves_no_file(fildes: RunMain, peer: StartPeer, force: list[str]) -> None:
    """A body that ends early leaves nothing, and what was there stays."""
    if force:
        Path("b.bin").write_text("old")
    server = peer(answers(BODY, announced=len(BODY) + 1))
    done = fildes("get", *force, server.address("http", "/b.bin"))
    assert done.status == 18
    assert "ended after 16384 of 16385 bytes" in done.err
    assert [Path(name).read_text() for name in os.listdir()] == (["old"] if force else [])


def test_standard_output_is_a_place(peer: StartPeer) -> None:
    """-o - writes to standard output, as it comes."""
    done = run("get", "-o", "-", peer(answers(BODY)).address("http", "/b"))
    assert (done.returncode, done.stdout, done.stderr) == (0, BODY, b"")
    assert os.listdir() == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_device(fildes: RunMain, peer: StartPeer) -> None:
    """A device is written as it stands; that it takes nothing is an error."""
    done = fildes("get", "-o", "/dev/full", peer(answers(BODY)).address("http", "/b"))
    assert done.status == 23
    assert done.err == "fildes: unable to write /dev/full: No space left on device\n"


def test_local_files(fildes: RunMain, tmp_path: Path) -> None:
    """A local file is received as well, also one whose size nobody can tell."""
    (tmp_path / "note").write_text("hello")
    assert fildes("get", "../note").status == 0
    assert fildes("get", "/proc/self/status").status == 0
    assert Path("note").read_text() == "hello"
    assert Path("status").read_text().startswith("Name:")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "fildes-test", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_full_disk_leaves_no_file(fildes: RunMain, peer: StartPeer, small_disk: Path) -> None:
    """On a full disk the error says so, and nothing half-written stays."""
    server = peer(answers(bytes(200_000)))
    done = fildes("get", "-o", str(small_disk / "big"), server.address("http", "/b"))
    assert done.status == 23
    assert "No space left on device" in done.err
    assert os.listdir(small_disk) == []


def test_ctrl_c_leaves_no_file(peer: StartPeer) -> None:
    """Ctrl-C in the middle leaves nothing behind."""

    def half(talk: Conversation) -> None:
        answers(BODY, announced=2 * len(BODY))(talk)
        talk.stall()

    server = peer(half)
    with start("get", "-v", server.address("http", "/b")) as process:
        server.wait_stalled()
        assert process.stderr is not None
        steps = iter(process.stderr.readline, b"")
        assert any(b"connect ./b (" in step for step in steps)  # the file beside its place is made
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == -signal.SIGINT
        assert process.stderr.read() == b""
    assert os.listdir() == []


def test_missing_document_makes_no_file(fildes: RunMain, peer: StartPeer) -> None:
    """A 404 has the status for what servers refuse, and leaves nothing."""

    def missing(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nsad\n")

    done = fildes("get", peer(missing).address("http", "/b"))
    assert (done.status, os.listdir()) == (22, [])
    assert "404" in done.err


def test_progress_on_a_terminal(peer: StartPeer) -> None:
    """A terminal sees the name, the size and how far it is; the last line stays."""
    status, shown = run_on_terminal("get", peer(answers(BODY)).address("http", "/b.bin"))
    assert status == 0
    assert shown.decode().endswith("\n")
    last = shown.decode().split("\r\x1b[K")[-1]
    assert last.startswith("b.bin ")
    assert "100%" in last
    assert "16 KiB of 16 KiB" in last


def test_headers_are_sent(fildes: RunMain, peer: StartPeer) -> None:
    """-H adds a header field, also a second one of the same name."""
    server = peer(answers(b"x"))
    address = server.address("http", "/b")
    fildes("get", "-H", "X-One: a", "-H", "X-One: b", "-H", "User-Agent:me", address)
    assert b"\r\nX-One: a\r\nX-One: b\r\nUser-Agent: me\r\n" in server.received


@pytest.mark.parametrize(
    "text", ["bad name: s3cret", "X: s3\ncret", "Content-Length: 3", ": s3cret"]
)
def test_bad_header_is_a_usage_error(fildes: RunMain, text: str) -> None:
    """A header that cannot be sent is refused before anything is opened, its value untold."""
    done = fildes("get", "-H", text, "http://127.0.0.1:1/b")
    assert done.status == 2
    assert done.err.startswith("fildes: -H")
    assert "cret" not in done.err


def test_size_of_what_is_decompressed_is_not_known(fildes: RunMain, peer: StartPeer) -> None:
    """The length that a server tells is not that of what is decompressed from it."""
    address = peer(answers(gzip.compress(BODY))).address("http", "/x.gz")
    with verbs.open(f"gzip::{address}", buffering=0) as source:
        assert size_of(source) is None
    done = fildes("get", f"gzip::{peer(answers(gzip.compress(BODY))).address('http', '/x.gz')}")
    assert done.status == 0
    assert Path("x").read_bytes() == BODY
