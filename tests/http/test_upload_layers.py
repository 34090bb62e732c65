"""Documents that are compressed or encoded on their way to a server: whole, or incomplete."""

from __future__ import annotations

import gc
import gzip
import io
import os
import signal
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from compressed import Library, every_format
from peers import Conversation, ScriptedPeer, StartPeer
from upload_script import decoded, recording, taking

import fildes

SOURCE = Path(fildes.__file__).parents[1]
NOISE = os.urandom(20_000)
LAST_CHUNK = b"0\r\n\r\n"


class Boom(Exception):
    """What goes wrong in a test."""


def assert_incomplete(server: ScriptedPeer) -> None:
    """Fail if what *server* got is a whole request."""
    server.wait()
    assert b"Transfer-Encoding: chunked" in server.received
    assert not server.received.endswith(LAST_CHUNK)


def plain(file: Any) -> None:
    with file:
        file.write(NOISE)
        raise Boom


@every_format
def test_compressed_upload(peer: StartPeer, library: Library) -> None:
    """The server gets one complete member, in one complete request."""
    server = peer(taking())
    with fildes.open(f"{library.name}::{server.address('http', '/x')}", "wb") as file:
        file.write(NOISE)
    assert library.decompress(decoded(server.received)) == NOISE


@every_format
def test_exception_in_a_compressed_upload(peer: StartPeer, library: Library) -> None:
    """An exception leaves the request incomplete: the last chunk never comes."""
    server = peer(recording)
    with pytest.raises(Boom):
        plain(fildes.open(f"{library.name}::{server.address('http', '/x')}", "wb"))
    assert_incomplete(server)


@every_format
def test_forgotten_compressed_upload(peer: StartPeer, library: Library) -> None:
    """A file that is garbage is not committed."""
    server = peer(recording)
    file = fildes.open(f"{library.name}::{server.address('http', '/x')}", "wb")
    file.write(NOISE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del file
        gc.collect()
    assert_incomplete(server)


def through_gzip(file: Any) -> None:
    with file, gzip.open(file, "wb") as outer:
        outer.write(NOISE)
        raise Boom


def through_text_in_gzip(file: Any) -> None:
    with file, gzip.open(file, "wt", encoding="latin-1") as outer:
        outer.write(NOISE.decode("latin-1"))
        raise Boom


def through_zipfile(file: Any) -> None:
    with file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x", NOISE)
        raise Boom


def through_buffer(file: Any) -> None:
    with file, io.BufferedWriter(file) as outer:
        outer.write(NOISE)
        raise Boom


def through_text_alone(file: Any) -> None:
    with io.TextIOWrapper(file, "latin-1") as outer:
        outer.write(NOISE.decode("latin-1"))
        raise Boom


THROUGH = [
    through_gzip, through_text_in_gzip, through_zipfile, through_buffer, through_text_alone,
]  # fmt: skip


@pytest.mark.parametrize("fail", THROUGH)
def test_exception_through_others_objects(peer: StartPeer, fail: Callable[[Any], None]) -> None:
    """Wrappers write their ends as they close; the request is incomplete nevertheless (H60)."""
    server = peer(recording)
    with pytest.raises(Boom):
        fail(fildes.open(server.address("http", "/"), "wb"))
    assert_incomplete(server)


KILLED = {
    "GzipFile": "g = gzip.GzipFile(fileobj=f, mode='wb'); g.write(noise); g.flush()",
    "TextIOWrapper": "t = io.TextIOWrapper(f, 'latin-1');"
    "t.write(noise.decode('latin-1')); t.flush()",
    "plain": "f.write(noise); f.flush()",
}


@pytest.mark.slow
@pytest.mark.parametrize("program", KILLED.values(), ids=KILLED)
def test_killed_process(peer: StartPeer, program: str) -> None:
    """SIGKILL leaves an incomplete request, whatever stands on the file (H60)."""

    def to_be_killed(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        while len(talk.received) < len(NOISE):
            talk.recv_some()
        os.kill(child.pid, signal.SIGKILL)
        talk.recv_all()

    server = peer(to_be_killed)
    text = (
        "import fildes, gzip, io, os, signal, sys\n"
        f"noise = os.urandom({2 * len(NOISE)})\n"
        f"f = fildes.open(sys.argv[1], 'wb'); {program}\n"
        "signal.pause()\n"
    )
    command = [sys.executable, "-c", text, server.address("http", "/")]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(command, env=environment) as child:
        assert child.wait() == -signal.SIGKILL
    assert_incomplete(server)
