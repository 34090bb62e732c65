"""Every way in which a file can be read, each collecting what it gets."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

#: Reads all of a file into a buffer; raises OSError when the end is not a clean one.
Way = Callable[[Any, bytearray], None]


class Cut(OSError):
    """A program found the descriptor broken."""


def read(file: Any, got: bytearray) -> None:
    got += file.read()


def read_sized(file: Any, got: bytearray) -> None:
    while data := file.read(3):
        got += data


def read1(file: Any, got: bytearray) -> None:
    while data := file.read1(4):
        got += data


def readinto(file: Any, got: bytearray) -> None:
    buffer = bytearray(7)
    while size := file.readinto(buffer):
        got += buffer[:size]


def raw_readinto(file: Any, got: bytearray) -> None:
    readinto(file.raw, got)


def readline(file: Any, got: bytearray) -> None:
    while line := file.readline():
        got += line


def iterate(file: Any, got: bytearray) -> None:
    for line in file:
        got += line


def copyfileobj(file: Any, got: bytearray) -> None:
    class Sink:
        def write(self, data: bytes) -> None:
            got.extend(data)

    shutil.copyfileobj(file, Sink(), 5)


def os_read(file: Any, got: bytearray) -> None:
    while data := os.read(file.fileno(), 6):
        got += data


def cat(file: Any, got: bytearray) -> None:
    done = subprocess.run(["cat"], stdin=file, capture_output=True, check=False)
    got += done.stdout
    if done.returncode:
        raise Cut(done.stderr.decode())


WAYS: tuple[Way, ...] = (
    read,
    read_sized,
    read1,
    readinto,
    raw_readinto,
    readline,
    iterate,
    copyfileobj,
    os_read,
    cat,
)
