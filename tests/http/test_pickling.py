"""An open document can be pickled: it is opened again where it was, in the same version."""

from __future__ import annotations

import copy
import errno
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from counting import CountingServer
from peers import StartPeer

import fildes

DATA = random.Random(4).randbytes(300_000)


def again(file: Any) -> Any:
    """Return *file*, pickled and back."""
    return pickle.loads(pickle.dumps(file))


@pytest.mark.parametrize("buffering", [-1, 0, 1000])
def test_goes_on_where_it_was(buffering: int) -> None:
    """The copy reads on from the position, independently of the file it was made of."""
    with (
        CountingServer(DATA) as server,
        fildes.open(server.address(), "rb", buffering, http={"hint": "random"}) as file,
    ):
        file.seek(200_000)
        with again(file) as other:
            assert type(other) is type(file)
            assert other.read(1000) == DATA[200_000:201_000]
        assert file.tell() == 200_000
        assert server.asked[-1].connection != server.asked[0].connection


def test_small_document() -> None:
    """A document that came whole is pickled like any other."""
    with CountingServer(b"small") as server, fildes.open(server.address()) as file:
        file.read(2)
        with again(file) as other:
            assert other.read() == b"all"


def test_options_go_along() -> None:
    """What the document was opened with opens it again; so a password goes along."""
    options = {"headers": {"X-Key": "S3CRET"}, "hint": "tail"}
    with CountingServer(DATA) as server:
        address = server.address().replace("//", "//me:PASSW0RD@")
        with fildes.open(address, http=options) as file, again(file) as other:
            assert "PASSW0RD" not in repr(other)
        heads = [asked.head for asked in server.asked]
        assert [head.count(b"X-Key: S3CRET") for head in heads] == [1, 1]
        assert [head.count(b"\r\nAuthorization: Basic") for head in heads] == [1, 1]


@pytest.mark.parametrize("change", ["etag", "size"])
def test_another_version(change: str) -> None:
    """A document that has changed meanwhile is ESTALE, never read on."""
    with CountingServer(DATA) as server, fildes.open(server.address()) as file:
        pickled = pickle.dumps(file)
        if change == "etag":
            server.etag = '"v2"'
        else:
            server.data = DATA[:-1]
        with pytest.raises(OSError, match="has changed") as caught:
            pickle.loads(pickled)
        assert caught.value.errno == errno.ESTALE


def test_policy_goes_along(tmp_path: Path) -> None:
    """What a policy forbids stays forbidden."""
    (tmp_path / "file").write_bytes(DATA)
    with fildes.open(tmp_path / "file") as file:
        function, (recipe, *rest) = file.__reduce_ex__(4)
    with pytest.raises(PermissionError):
        function(recipe._replace(policy=fildes.Policy.untrusted()), *rest)


def test_text_of_a_file(tmp_path: Path) -> None:
    """A text file goes on at its character, with its encoding."""
    (tmp_path / "text").write_text("grün\nblau\nrot\n", encoding="utf-16")
    with fildes.open(tmp_path / "text", "rt", encoding="utf-16") as file:
        assert file.readline() == "grün\n"
        with again(file) as other:
            assert other.read() == "blau\nrot\n"


def test_copy_has_a_position_of_its_own() -> None:
    """`copy.copy` opens the document once more."""
    with CountingServer(DATA) as server, fildes.open(server.address()) as file:
        with copy.copy(file) as other:
            other.seek(1000)
        assert file.read(10) == DATA[:10]


def test_another_process() -> None:
    """A process that was started anew reads on."""
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer).read(4).hex())"
    with CountingServer(DATA) as server, fildes.open(server.address()) as file:
        file.seek(70_000)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            input=pickle.dumps(file),
            capture_output=True,
            check=True,
        )
        assert bytes.fromhex(done.stdout.decode()) == DATA[70_000:70_004]


def put(folder: Path) -> Any:
    return fildes.open(folder / "new", "wb")


def descriptor(folder: Path) -> Any:
    fd = os.open(folder / "there", os.O_RDONLY)
    try:
        return fildes.open(f"fd://{fd}")
    finally:
        os.close(fd)


@pytest.mark.parametrize("make", [put, descriptor], ids=lambda make: make.__name__)
def test_what_cannot_be_opened_again(tmp_path: Path, make: Callable[[Path], Any]) -> None:
    """What is written, or belongs to this process, is refused in clear words."""
    (tmp_path / "there").write_bytes(DATA)
    with make(tmp_path) as file, pytest.raises(TypeError, match="cannot pickle <fildes"):
        pickle.dumps(file)


def test_conversation(peer: StartPeer) -> None:
    """A conversation cannot be had again."""
    server = peer(lambda talk: talk.fin())
    with fildes.open(server.address("tcp")) as file, pytest.raises(TypeError, match="is read"):
        pickle.dumps(file)


def test_without_positions() -> None:
    """A document that is read in order has no place to go on from."""
    with (
        CountingServer(DATA) as server,
        fildes.open(server.address(), http={"hint": "sequential"}) as file,
        pytest.raises(TypeError, match="no positions"),
    ):
        pickle.dumps(file)


def test_closed_file() -> None:
    """A closed file is closed for this as well."""
    with CountingServer(b"small") as server:
        file = fildes.open(server.address())
        file.close()
        with pytest.raises(ValueError, match="closed file"):
            pickle.dumps(file)
