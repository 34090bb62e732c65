"""ssh as a layer below, where it has ended before anybody has looked at it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from peers import StartPeer
from program_pairs import needs_sshd, ssh_layer

import fildes
from fildes.schemes import ssh

CONFIRMED = "debug2: channel 0: open confirm rwindow 2097152 rmax 32768\n"
ENDED = "debug2: channel 0: rcvd eof\n"

#: More than is kept of the log, less than a pipe holds.
LOUD = "debug2: channel 0: window 1999080 sent adjust 98072\n" * 400


@pytest.fixture
def ended_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each ssh end before its stream is looked at."""
    start = ssh.start

    def start_and_wait(argv: list[str]) -> ssh.SshStream:
        stream = start(argv)
        os.waitid(os.P_PIDFD, stream.child.pidfd, os.WEXITED | os.WNOWAIT)
        return stream

    monkeypatch.setattr(ssh, "start", start_and_wait)


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of an ssh that gives out what the files in it hold."""
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\ncd {tmp_path}\ncat log >&2\ncat output\nexit $(cat status)\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def say(directory: Path, log: str, output: str, status: int) -> None:
    """Have the fake ssh say this."""
    for name, text in (("log", log), ("output", output), ("status", str(status))):
        (directory / name).write_text(text)


SAID = {
    "usual": (CONFIRMED + ENDED, "all of it", 0),
    "empty": (CONFIRMED + ENDED, "", 0),
    "only a status": (CONFIRMED, "all of it", 0),
    "loud": (CONFIRMED + LOUD + ENDED, "all of it", 0),
    "loud and empty": (CONFIRMED + ENDED + LOUD, "", 0),
    "late failure": (CONFIRMED + ENDED, "all of it", 255),
    "mute": ("", "all of it", 0),
    "nothing": ("", "", 0),
}


@pytest.mark.parametrize(("log", "output", "status"), SAID.values(), ids=SAID)
@pytest.mark.usefixtures("ended_at_once")
def test_all_that_was_said_arrives(fake_ssh: Path, log: str, output: str, status: int) -> None:
    """A far end that said all and closed, with an ssh that has ended since, is read to its end."""
    say(fake_ssh, log, output, status)
    with fildes.open("tcp://far:1::ssh://jump", "rb") as f:
        assert f.read() == output.encode()
        assert f.read() == b""


@pytest.mark.usefixtures("ended_at_once")
def test_cut_is_no_end_of_file(fake_ssh: Path) -> None:
    """Where ssh failed before the far end had ended, its bytes come, and then an error."""
    say(fake_ssh, CONFIRMED + LOUD + "client_loop: send disconnect: Broken pipe\n", "a part", 255)
    with fildes.open("tcp://far:1::ssh://jump", "rb") as f:
        assert f.read(6) == b"a part"
        with pytest.raises(ConnectionAbortedError, match="disconnect"):
            f.read()
        f.abort()


@pytest.mark.usefixtures("ended_at_once")
def test_failure_is_told_by_the_open(fake_ssh: Path) -> None:
    """Where nobody was connected, ssh's message is the error, with its errno."""
    say(fake_ssh, LOUD + "ssh: connect to host jump port 22: Connection refused\n", "", 255)
    with pytest.raises(ConnectionRefusedError, match="port 22"):
        fildes.open("tcp://far:1::ssh://jump", "rb")


@needs_sshd
@pytest.mark.slow
@pytest.mark.usefixtures("ended_at_once")
def test_real_far_end_that_closes_at_once(peer: StartPeer, tmp_path: Path) -> None:
    """The same with the real ssh and sshd."""
    server = peer(lambda talk: talk.send(b"all of it"))
    with fildes.open(f"tcp://127.0.0.1:{server.port}::{ssh_layer(tmp_path)}", "rb") as f:
        assert f.read() == b"all of it"
