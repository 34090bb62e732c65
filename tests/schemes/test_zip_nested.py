"""Zip archives inside of archives: what is in one is received whole, and read like any other."""

from __future__ import annotations

import errno
import io
import os
import tarfile
import zipfile

import pytest
from counting import CountingServer
from zips import MEMBERS, NOISE, archive, held

import fildes
import fildes.aio
from fildes.opening import spooling

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]


@pytest.mark.parametrize("method", METHODS)
def test_zip_in_a_zip(method: int) -> None:
    """A member of an archive that is a member itself is found, compressed or not."""
    with (
        held(archive({"x": b"y", "inner.zip": archive()}, method)) as place,
        fildes.open(f"zip://noise::zip://inner.zip::{place}") as file,
    ):
        assert file.read() == NOISE


def test_three_deep_on_a_server() -> None:
    """It goes to any depth, and wherever the outermost one is."""
    data = archive({"b.zip": archive({"a.zip": archive()})})
    with (
        CountingServer(data) as server,
        fildes.open(f"zip://noise::zip://a.zip::zip://b.zip::{server.address()}") as file,
    ):
        assert file.read() == NOISE


def test_zip_in_a_tar() -> None:
    """A tar archive may be around it."""
    data, inner = io.BytesIO(), archive()
    with tarfile.open(fileobj=data, mode="w") as outer:
        info = tarfile.TarInfo("inner.zip")
        info.size = len(inner)
        outer.addfile(info, io.BytesIO(inner))
    with (
        held(data.getvalue()) as place,
        fildes.open(f"zip://noise::tar://inner.zip::{place}") as file,
    ):
        assert file.read() == NOISE


def test_list() -> None:
    """What is in an inner archive can be listed."""
    with held(archive({"inner.zip": archive()})) as place:
        names = [entry.name for entry in fildes.ls(f"zip::zip://inner.zip::{place}")]
    assert names == list(MEMBERS)


def test_damaged() -> None:
    """An inner archive whose checksum is wrong is an error before anything of it is read."""
    data = bytearray(archive({"inner.zip": archive()}, zipfile.ZIP_STORED))
    data[200] ^= 1  # in the data of the first member
    with held(bytes(data)) as place, pytest.raises(fildes.ProtocolError):
        fildes.open(f"zip://noise::zip://inner.zip::{place}")


def test_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """An inner archive is unpacked up to a limit, and the error says what to do."""
    monkeypatch.setattr(spooling, "MAX_SIZE", 1000)
    before = sorted(os.listdir("/proc/self/fd"))
    with (
        held(archive({"inner.zip": archive()})) as place,
        pytest.raises(OSError, match="save it first, with fildes get") as caught,
    ):
        fildes.open(f"zip://noise::zip://inner.zip::{place}")
    assert caught.value.errno == errno.EFBIG
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_asynchronous() -> None:
    """The same by asyncio."""
    import asyncio

    async def read(address: str) -> bytes:
        async with await fildes.aio.open(address) as file:
            return bytes(await file.read())

    with held(archive({"inner.zip": archive()})) as place:
        assert asyncio.run(read(f"zip://noise::zip://inner.zip::{place}")) == NOISE
