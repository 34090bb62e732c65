"""`fildes get` of several addresses, of mirrors, and with digests."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import threading
from pathlib import Path

import pytest
from commands import LIMIT, RunMain, fildes, run, run_on_terminal
from counting import CountingServer, whole
from peers import Conversation, Script, StartPeer

__all__ = ["fildes"]

BODY = bytes(range(256)) * 64
DIGEST = hashlib.sha256(BODY).hexdigest()


def head(size: int, *fields: str) -> bytes:
    """Return the head of an answer."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {size}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def site(talk: Conversation) -> None:
    """Serve /NAME: its name is its content; /short ends early, /gone is not there."""
    path = talk.recv_until(b"\r\n\r\n").split()[1]
    if path == b"/gone":
        talk.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    elif path == b"/short":
        talk.send(head(9) + b"short")
    elif path == b"/stall":
        talk.send(head(9) + b"some")
        talk.stall()
    else:
        talk.send(head(len(path)) + path)


def named(field: str, body: bytes = BODY) -> Script:
    """Return a script that suggests a name."""

    def answer(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(head(len(body), f"Content-Disposition: {field}") + body)

    return answer


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def contents(folder: str = ".") -> dict[str, str]:
    """Return the files that are there."""
    return {path.name: path.read_text() for path in Path(folder).iterdir()}


@pytest.mark.parametrize("jobs", ["1", "3", "9"])
def test_several_addresses(fildes: RunMain, peer: StartPeer, jobs: str) -> None:
    """Each goes into the file of its name, however many are received at once."""
    server = peer(site, repeat=True)
    addresses = [server.address("http", f"/{name}") for name in "abcde"]
    assert fildes("get", "-j", jobs, "-d", "new/folder", *addresses) == (0, "", "")
    assert contents("new/folder") == {name: f"/{name}" for name in "abcde"}


def test_files_share_connections(fildes: RunMain) -> None:
    """What comes from one server comes over no more connections than are busy at once."""
    with CountingServer(BODY, whole) as server:
        addresses = [server.address(f"/{number}") for number in range(12)]
        assert fildes("get", "-j", "2", *addresses) == (0, "", "")
        assert server.count == 12
        assert server.connections <= 2
    assert set(os.listdir()) == {str(number) for number in range(12)}


def test_as_many_at_once_as_said(fildes: RunMain, peer: StartPeer) -> None:
    """With -j 3, three are under way together: each waits for the others."""
    together = threading.Barrier(3)

    def wait(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        together.wait(LIMIT)
        talk.send(head(1) + b"x")

    servers = [peer(wait) for _ in range(3)]
    addresses = [
        each.address("http", f"/{name}") for each, name in zip(servers, "abc", strict=True)
    ]
    assert fildes("get", "-j", "3", *addresses).status == 0
    assert contents() == {"a": "x", "b": "x", "c": "x"}


def test_list_of_addresses(fildes: RunMain, peer: StartPeer) -> None:
    """-i reads addresses, names for them, and leaves out comments and empty lines."""
    server = peer(site, repeat=True)
    lines = [
        "# a comment", "", server.address("http", "/a"),
        f"  {server.address('http', '/b')}\tout=two words ",
    ]  # fmt: skip
    Path("../list").write_text("\n".join(lines))
    assert fildes("get", "-i", "../list", server.address("http", "/c")).status == 0
    assert contents() == {"a": "/a", "two words": "/b", "c": "/c"}


def test_list_on_standard_input(peer: StartPeer) -> None:
    """-i - reads the list from standard input."""
    Path("../list").write_text(peer(site).address("http", "/a"))
    with open("../list") as file:
        assert run("get", "-i", "-", stdin=file).returncode == 0
    assert contents() == {"a": "/a"}


def test_worst_status_and_the_others(fildes: RunMain, peer: StartPeer) -> None:
    """What fails is told of and hinders nothing; the highest status is that of the command."""
    server = peer(site, repeat=True)
    addresses = [server.address("http", f"/{name}") for name in ("short", "a", "gone", "b")]
    done = fildes("get", "--json", "-j", "2", *addresses)
    assert (done.status, contents()) == (22, {"a": "/a", "b": "/b"})
    assert len(done.err.splitlines()) == 2
    records = json.loads(done.out)
    assert [record["address"] for record in records] == addresses
    assert [record["status"] for record in records] == [18, 0, 22, 0]
    assert [record["file"] for record in records] == [None, "a", None, "b"]
    assert records[1]["size"] == 2
    assert "404" in records[2]["error"]


def test_json_of_one(fildes: RunMain, peer: StartPeer) -> None:
    """One address alone has its report, too, and no password is in it."""
    address = peer(site).address("http", "/a").replace("http://", "http://me:s3cret@")
    done = fildes("get", "--json", address)
    (record,) = json.loads(done.out)
    assert (done.status, record["file"], record["status"]) == (0, "a", 0)
    assert "s3cret" not in done.out


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ('attachment; filename="report 1.txt"', "report 1.txt"),
        ("attachment; filename*=UTF-8''%e2%82%ac.txt", "€.txt"),
        ('attachment; filename="../../evil"', "evil"),
        ('attachment; filename=".bashrc"', "b"),
        ('attachment; filename=".."', "b"),
        ('attachment; filename="-rf"', "b"),
        ('attachment; filename="x.fildes-part"', "b"),
        (f'attachment; filename="{"n" * 300}"', "b"),
        ("inline", "b"),
    ],
)
def test_names_that_servers_suggest(
    fildes: RunMain, peer: StartPeer, field: str, name: str
) -> None:
    """With --content-disposition a good name is taken, and a bad one never; else none is."""
    assert fildes("get", "--content-disposition", peer(named(field)).address("http", "/b")) == (
        0, "", ""
    )  # fmt: skip
    assert os.listdir() == [name]
    assert fildes("get", peer(named(field)).address("http", "/other")).status == 0
    assert sorted(os.listdir()) == sorted([name, "other"])


def test_suggested_name_is_of_what_lies_inside(fildes: RunMain, peer: StartPeer) -> None:
    """A layer gives the name that a server suggests the suffix of what it makes of the file."""
    data = gzip.compress(b"text")
    script = named("attachment; filename=notes.txt.gz", data)
    address = f"gzip::{peer(script).address('http', '/x')}"
    assert fildes("get", "--content-disposition", address).status == 0
    assert contents() == {"notes.txt": "text"}


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_two_servers_suggest_one_name(fildes: RunMain, peer: StartPeer, force: list[str]) -> None:
    """Files of one command never replace each other."""
    addresses = [peer(named("a;filename=x")).address("http", f"/{name}") for name in "ab"]
    done = fildes("get", "--content-disposition", *force, *addresses)
    assert (done.status, os.listdir()) == (2, ["x"])
    assert "another file is called x" in done.err


def test_existing_files_stay(fildes: RunMain, peer: StartPeer) -> None:
    """If one of the places is taken, nothing is opened; a suggested one is checked as well."""
    server = peer(site, repeat=True)
    Path("b").write_text("mine")
    addresses = [server.address("http", f"/{name}") for name in "ab"]
    done = fildes("get", *addresses)
    assert (done.status, contents(), server.conversations) == (2, {"b": "mine"}, [])
    suggesting = peer(named("a;filename=b")).address("http", "/c")
    assert fildes("get", "--content-disposition", suggesting).status == 2
    assert contents() == {"b": "mine"}


def test_digest_is_verified(fildes: RunMain, peer: StartPeer) -> None:
    """A file with another digest is not kept, and the error tells both."""
    done = fildes("get", "--sha256", "0" * 64, peer(named("a")).address("http", "/b"))
    assert (done.status, os.listdir()) == (8, [])
    assert f"its sha256 is {DIGEST}, not {'0' * 64}" in done.err
    address = peer(named("a")).address("http", "/b")
    assert fildes("get", "--sha256", DIGEST.upper(), address).status == 0
    assert Path("b").read_bytes() == BODY


def test_mirrors(fildes: RunMain, peer: StartPeer) -> None:
    """Where an address fails, is cut short or has something else, the next is tried."""
    server = peer(site, repeat=True)
    mirrors = [server.address("http", "/short"), server.address("http", "/other")]
    good = peer(named("a")).address("http", "/x")
    argv = [server.address("http", "/gone")]
    for mirror in [*mirrors, good]:
        argv += ["--mirror", mirror]
    done = fildes("get", "-o", "file", "--sha256", DIGEST, *argv)
    assert (done.status, os.listdir()) == (0, ["file"])
    assert Path("file").read_bytes() == BODY
    assert done.err.count("trying the next address") == 3
    assert fildes("get", "-o", "none", argv[0], "--mirror", mirrors[0]).status == 18
    assert os.listdir() == ["file"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "say what to receive"),
        (["-o", "x", "http://h/a", "http://h/b"], "-o is for one file, and there are 2"),
        (["--sha256", "0" * 64, "http://h/a", "http://h/b"], "--sha256 is for one file"),
        (["--mirror", "http://h/c", "http://h/a", "http://h/b"], "--mirror is for one file"),
        (["--sha256", "123", "http://h/a"], "64 hexadecimal digits"),
        (["-j", "0", "http://h/a"], "-j takes"),
        (["http://h/a", "http://g/a"], "two files would be a"),
        (["-o", "-", "http://h/a", "http://g/b"], "-o - takes one ADDRESS"),
        (["-o", "-", "--json", "http://h/a"], "-o - takes one ADDRESS"),
    ],
)
def test_what_makes_no_sense(fildes: RunMain, argv: list[str], message: str) -> None:
    """Arguments that contradict each other are refused before anything is opened."""
    done = fildes("get", *argv)
    assert done.status == 2
    assert message in done.err


@pytest.mark.parametrize("name", ["../x", "/etc/x", ".x", "a/b", "", "a\x1bb"])
def test_names_in_lists_stay_in_the_folder(fildes: RunMain, name: str) -> None:
    """A list that somebody else wrote names files in the folder only."""
    Path("../list").write_text(f"http://h/a out={name}")
    done = fildes("get", "-i", "../list")
    assert done.status == 2
    assert "line 1: out= takes a name" in done.err or "say" in done.err


def test_line_that_is_no_address(fildes: RunMain) -> None:
    """Which line of a list is no address is said, and nothing is received."""
    Path("../list").write_text("# two\nhttp://h/a\nhttp://a b/\n")
    done = fildes("get", "-i", "../list")
    assert (done.status, os.listdir()) == (3, [])
    assert done.err.startswith("fildes: line 3: the host")


def test_standard_input_may_be_missing(fildes: RunMain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a standard input the list is empty."""
    monkeypatch.setattr("sys.stdin", None)
    assert fildes("get", "-i", "-").status == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("data:,x out=y\n"))
    assert (fildes("get", "-i", "-").status, contents()) == (0, {"y": "x"})


@pytest.mark.slow
def test_progress_on_a_terminal(peer: StartPeer) -> None:
    """A terminal sees each and the total; messages stand above them."""
    server = peer(site, repeat=True)
    addresses = [server.address("http", f"/{name}") for name in ("a", "gone", "b")]
    status, shown = run_on_terminal("get", *addresses)
    text = shown.decode()
    assert status == 22
    assert text.split("\x1b[J")[-1].splitlines()[-1].startswith("3 of 3 files")
    assert "404" in text
    assert "\na " in f"\n{text}".replace("\x1b[J", "\n")
