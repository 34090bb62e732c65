"""The modes of a terminal that a side may be in, as stty(1) shows them."""

from __future__ import annotations

import os
import subprocess
import termios
from collections.abc import Iterator

import pytest

from fildes.cli.relaying.terminal_modes import BYTES, FLAGS, changed, terminal_in_modes
from fildes.cli.socat.options import TERMINAL_BYTES, TERMINAL_MODES

#: What stty does not show, and what a pseudoterminal does not take.
UNSEEN = {"ofdel", "ofill", "pendin", "parenb", "cread"}

#: What stty calls otherwise.
NAMES = {"hup": "hupcl", "tandem": "ixoff", "vdiscard": "discard", "vreprint": "rprnt"}


@pytest.fixture
def terminal() -> Iterator[int]:
    master, slave = os.openpty()
    yield slave
    os.close(slave)
    os.close(master)


def shown(terminal: int) -> list[str]:
    """Return what stty says of the *terminal*, word by word."""
    done = subprocess.run(
        ["stty", "-a"], stdin=terminal, capture_output=True, text=True, check=True
    )
    return done.stdout.replace(";", " ;").split()


@pytest.mark.parametrize("name", sorted(FLAGS.keys() - UNSEEN))
def test_flags(name: str, terminal: int) -> None:
    """Each flag is set and cleared, and is as it was in the end."""
    before = termios.tcgetattr(terminal)
    for value, word in ((1, NAMES.get(name, name)), (0, f"-{NAMES.get(name, name)}")):
        with terminal_in_modes(terminal, [(name, value)]):
            assert word in shown(terminal)
    assert termios.tcgetattr(terminal) == before


@pytest.mark.parametrize("name", sorted(BYTES))
def test_bytes(name: str, terminal: int) -> None:
    """Each byte that means something is set, and what a read waits for."""
    with terminal_in_modes(terminal, [("icanon", 0), (name, 7)]):
        words = shown(terminal)
    at = words.index(NAMES.get(name, name.removeprefix("v")))
    assert words[at : at + 3] == [words[at], "=", "7" if name in ("vmin", "vtime") else "^G"]


def test_modes_that_a_terminal_does_not_take(terminal: int) -> None:
    """What cannot be set is an OSError, and says so."""
    with pytest.raises(OSError, match="these modes"), terminal_in_modes(terminal, [("parenb", 1)]):
        pass


def test_every_mode_is_known(terminal: int) -> None:
    """Whatever socat's lines may name is a mode; so are all of ours."""
    before = termios.tcgetattr(terminal)
    for name in (*TERMINAL_MODES, *TERMINAL_BYTES):
        value = 9600 if name.endswith("speed") else 1
        changed(before, [(name.removeprefix("termios-"), value)])
    assert {*FLAGS, *BYTES} <= {*TERMINAL_MODES, *TERMINAL_BYTES}
