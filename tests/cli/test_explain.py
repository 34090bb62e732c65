"""`fildes explain`."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

from commands import RunMain, fildes, run_on_terminal
from peers import Conversation, StartPeer

__all__ = ["fildes"]


def nothing(talk: Conversation) -> None:
    """End at once."""


def test_steps_are_drawn(fildes: RunMain, peer: StartPeer) -> None:
    """Each step has a line with its bar, its time and what it did."""
    server = peer(nothing)
    done = fildes("explain", f"tcp://localhost:{server.port}")
    assert (done.status, done.err) == (0, "")
    first, second, total = [line.split() for line in done.out.splitlines()][-3:]
    assert (first[0], first[-1]) in {("resolve", "localhost"), ("connect", f"[::1]:{server.port}")}
    assert (second[0], second[-1]) == ("connect", f"127.0.0.1:{server.port}") or "refused" in second
    assert total[0] == "total"


def test_failed_step_is_drawn_too(fildes: RunMain) -> None:
    """A failed open is drawn with its error, then reported as by every command."""
    done = fildes("explain", "tcp://127.0.0.1:1")
    assert done.status == 7
    assert "connect" in done.out
    assert "Connection refused" in done.out
    assert done.err.startswith("fildes: unable to open tcp://127.0.0.1:1: Connection refused (")


def test_json_is_for_programs(fildes: RunMain) -> None:
    """--json has the steps, and the error with its status."""
    done = fildes("explain", "--json", "tcp://127.0.0.1:1")
    shown = json.loads(done.out)
    assert (shown["address"], shown["status"], done.status) == ("tcp://127.0.0.1:1", 7, 7)
    (step,) = shown["steps"]
    assert (step["name"], step["error"]) == ("connect", "Connection refused")
    assert step["seconds"] > 0


def test_svg_is_a_picture(fildes: RunMain, tmp_path: Path) -> None:
    """--svg draws into a file, or to standard output."""
    place = tmp_path / "steps.svg"
    assert fildes("explain", "--svg", str(place), "tcp://127.0.0.1:1").out == ""
    assert ET.parse(place).getroot().tag.endswith("svg")
    assert fildes("explain", "--svg", "-", "tcp://127.0.0.1:1").out.startswith("<svg ")


def test_svg_that_cannot_be_written(fildes: RunMain, tmp_path: Path) -> None:
    """A picture that cannot be written is a failure of the output."""
    done = fildes("explain", "--svg", str(tmp_path / "no" / "x.svg"), "tcp://127.0.0.1:1")
    assert done.status == 23
    assert "No such file or directory" in done.err


def test_colours_only_where_wanted(peer: StartPeer) -> None:
    """A terminal gets colours, unless NO_COLOR says otherwise."""
    assert b"\x1b[" in run_on_terminal("explain", "tcp://127.0.0.1:1")[1]
    assert b"\x1b[" not in run_on_terminal("explain", "tcp://127.0.0.1:1", NO_COLOR="1")[1]
