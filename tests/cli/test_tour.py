"""`fildes tour`."""

from __future__ import annotations

import hashlib
import re
import signal
from pathlib import Path

import pytest
from commands import LIMIT, RunMain, fildes, run, run_on_terminal, start

from fildes.cli.tour import painting, server

__all__ = ["fildes"]

#: The stops, by the first words of their headings.
STOPS = ["1. Open", "2. Receive", "3. Extract", "4. Pipe", "5. Look", "6. And when", "7. Close"]


def test_tour_visits_every_stop(fildes: RunMain, tmp_path: Path) -> None:
    """All that the tour claims is true, without a terminal, colours or a network."""
    done = fildes("tour", "-o", str(tmp_path))
    assert (done.status, done.err) == (0, "")
    assert [line for line in STOPS if f"\n{line}" in done.out] == STOPS
    assert "✗" not in done.out
    assert "\x1b" not in done.out
    lines = done.out.replace(str(tmp_path), "/tmp").splitlines()
    assert max(map(len, lines)) <= 80


def test_tour_leaves_the_files(fildes: RunMain, tmp_path: Path) -> None:
    """The page and the picture are where the tour says, byte for byte."""
    out = fildes("tour", "-o", str(tmp_path)).out
    (place,) = map(Path, re.findall(r"received is in (\S+)/\n", out))
    picture = painting.paint()
    assert (place / "fildes.png").read_bytes() == picture
    assert (place / "page.html").read_bytes() == server.page_with(picture)
    assert hashlib.sha256(picture).hexdigest()[:48] in out


def test_tour_in_ascii(tmp_path: Path) -> None:
    """Where the locale promises no UTF-8, not one byte beyond ASCII is shown."""
    done = run("tour", "-o", str(tmp_path), env={"LC_ALL": "C"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    assert b"  ok " in done.stdout


def test_tour_on_a_terminal(tmp_path: Path) -> None:
    """A terminal sees colours and the picture; one with NO_COLOR sees grey."""
    status, shown = run_on_terminal("tour", "-o", str(tmp_path))
    assert (status, "▀".encode() in shown) == (0, True)
    status, shown = run_on_terminal("tour", "-o", str(tmp_path), NO_COLOR="1")
    assert (status, b"\x1b" in shown) == (0, False)


def test_tour_that_finds_something_wrong_fails(
    fildes: RunMain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim that does not hold is marked, and the exit status tells."""
    monkeypatch.setattr(server, "page_with", lambda picture: painting.paint() + b"changed")
    monkeypatch.setattr(
        "fildes.cli.tour.stops.hasher", lambda: ["sh", "-c", "cat >/dev/null; echo 0"]
    )
    done = fildes("tour", "-o", str(tmp_path))
    assert done.status == 1
    assert done.out.count("✗") == 2


def test_tour_without_its_folder(fildes: RunMain, tmp_path: Path) -> None:
    """A folder that is not there is an output that cannot be written."""
    done = fildes("tour", "-o", str(tmp_path / "missing"))
    assert (done.status, done.out) == (23, "")


def test_server_stays_until_ctrl_c(tmp_path: Path) -> None:
    """With --stay the lines that were shown can be tried, until Ctrl-C."""
    with start("tour", "--stay", "-o", str(tmp_path)) as process:
        assert process.stdout is not None
        shown = address = b""
        while b"stays until Ctrl-C" not in shown:
            shown = process.stdout.readline()
            address = (re.findall(rb"run .* (png::\S+) -- sha256sum", shown) or [address])[0]
        picture = run("cat", "--ca", str(server.CA_FILE), address.decode()).stdout
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == -signal.SIGINT
    assert picture == painting.paint()
