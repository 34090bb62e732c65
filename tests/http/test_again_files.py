"""The file of a small document that is opened again: as any other."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from counting import CountingServer
from known import DATA, known

import fildes
from fildes.files.here import HereFile


def test_same_file(site: CountingServer, opener: fildes.Opener) -> None:
    """What is opened again is what was opened first, and says so."""
    with opener.open(site.address()) as first, opener.open(site.address()) as file:
        assert isinstance(file, HereFile)
        assert isinstance(file, fildes.BufferedFile)
        assert (file.name, file.size, file.peer) == (first.name, first.size, first.peer)
        assert file.response == first.response
        steps = [[(step.name, step.detail) for step in each.trace] for each in (first, file)]
        assert steps[1] == steps[0][1:]  # without connect
        assert all(step.seconds >= 0 and step.error is None for step in file.trace)
        assert (file.readable(), file.writable(), file.seekable()) == (True, False, True)
        assert file.description.idle_timeout == first.description.idle_timeout


def test_everything_a_file_does(site: CountingServer, opener: fildes.Opener) -> None:
    """It is read, read at random, closed and refused as any other file."""
    file = opener.open(known(opener, site))
    with file:
        assert (file.read(5), file.readline()) == (DATA[:5], DATA[5:17])
        assert (file.tell(), file.seek(-3, os.SEEK_END), file.read()) == (
            17,
            len(DATA) - 3,
            DATA[-3:],
        )
        assert (file.pread(3, 2), file.read_ranges([(0, 2)])) == (DATA[2:5], [DATA[:2]])
        with pytest.raises(OSError, match="not open for writing"):
            file.write(b"")
    assert file.closed
    with pytest.raises(ValueError, match="closed"):
        file.read()
    with pytest.raises(ValueError, match="closed"):
        file.__enter__()


def test_descriptor(site: CountingServer, opener: fildes.Opener) -> None:
    """Its descriptor gives what follows the position, and the file goes on behind that."""
    with opener.open(known(opener, site)) as file:
        assert file.read(10) == DATA[:10]
        assert os.read(file.fileno(), 10) == DATA[10:20]
        assert file.read(10) == DATA[20:30]
        assert file.fileno() == file.fileno()
        assert file.taken_back() + file.read() == DATA[30:]


def test_copied(site: CountingServer, opener: fildes.Opener, tmp_path: Path) -> None:
    """A pipe takes what follows the position."""
    with opener.open(known(opener, site)) as file, fildes.open(tmp_path / "copy", "wb") as copy:
        assert file.read(3) == DATA[:3]
        assert fildes.pipe(file, copy) == len(DATA) - 3
        assert file.read() == b""
    assert (tmp_path / "copy").read_bytes() == DATA[3:]


def test_copied_in_part(site: CountingServer, opener: fildes.Opener, tmp_path: Path) -> None:
    """What a pipe leaves is still the file's."""
    with opener.open(known(opener, site)) as file, fildes.open(tmp_path / "copy", "wb") as copy:
        assert file.read(3) == DATA[:3]
        assert fildes.pipe(file, copy, max_bytes=7) == 7
        assert file.read(5) == DATA[10:15]
        assert file.read() == DATA[15:]
    assert (tmp_path / "copy").read_bytes() == DATA[3:10]


def test_pickled(site: CountingServer, opener: fildes.Opener) -> None:
    """It can be pickled as any document."""
    with opener.open(known(opener, site)) as file:
        file.seek(100)
        with pickle.loads(pickle.dumps(file)) as other:
            assert other.read() == DATA[100:]
