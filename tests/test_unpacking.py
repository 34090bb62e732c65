"""Pictures in archives and compressed data."""

from __future__ import annotations

import bz2
import email.message
import email.policy
import gzip
import io
import json
import zipfile
import zlib
from pathlib import Path

import pytest
from commands import RunMain
from commands import fildes as run_main
from compressed import LIBRARIES, OF_MEMBERS, Library
from containers import CONTAINERS, PICTURES, TEXT, Found, Pack, found_in, tarred, zipped
from cutting import STEPS, at, by, cuts
from hypothesis import given, settings
from hypothesis import strategies as st
from peers import Conversation, StartPeer
from pictures import chunk, dot, pillow

import fildes

run = run_main  #: the fixture, under a name that is not the package's

every_container = pytest.mark.parametrize("pack", CONTAINERS.values(), ids=CONTAINERS)


@every_container
@pytest.mark.parametrize("step", STEPS)
def test_every_picture_is_found(pack: Pack, step: int) -> None:
    """Whatever they are packed in, and however that comes: all of them, exactly, in order."""
    data = pack([TEXT, *PICTURES, TEXT])
    if step == 1 and len(data) > 50_000:
        step = 13
    found = Found(by(step, data))
    assert found.errors == []
    assert found.data == PICTURES


@pytest.mark.slow
@settings(max_examples=60)
@given(st.data())
def test_finding_is_independent_of_segmentation(data: st.DataObject) -> None:
    """However the input is cut, the same is found in the same places."""
    pack = data.draw(st.sampled_from(list(CONTAINERS.values())))
    wire = b"junk PK\3\4" + pack([PICTURES[1], TEXT, PICTURES[6]]) + PICTURES[0] + TEXT
    whole, cut = Found([wire]), Found(at(data.draw(cuts(wire)), wire))
    assert (cut.pictures, cut.errors) == (whole.pictures, whole.errors)
    assert whole.data == [PICTURES[1], PICTURES[6], PICTURES[0]]


@pytest.mark.parametrize("library", OF_MEMBERS, ids=lambda library: library.name)
def test_members_that_are_one_file(library: Library) -> None:
    """A picture goes on over the members that a parallel compressor makes of a file."""
    content = TEXT + PICTURES[2] + TEXT
    pieces = by(len(PICTURES[2]) // 3, content)
    data = b"".join(library.compress(piece) for piece in pieces)
    assert found_in(data + PICTURES[0]) == [PICTURES[2], PICTURES[0]]
    for step in (1, 7, 1000):
        assert Found(by(step, data)).data == [PICTURES[2]]


def test_offsets() -> None:
    """A picture is where it lies; one in compressed data, where that begins."""
    stored = zipped([PICTURES[0], PICTURES[1]], zipfile.ZIP_STORED)
    for offset, data in Found([b"x" * 77 + stored]).pictures:
        assert (b"x" * 77 + stored)[offset:].startswith(data)
    packed_data = b"x" * 77 + gzip.compress(TEXT + PICTURES[0])
    assert Found([packed_data]).pictures == [(77, PICTURES[0])]


def test_mark_in_a_picture() -> None:
    """What looks like a member inside a picture is a part of that, byte for byte."""
    for mark in (zipped([PICTURES[1]]), gzip.compress(PICTURES[1]), bz2.compress(PICTURES[1])):
        picture = dot(chunk(b"teXt", mark))
        assert found_in(b"junk" + picture + mark) == [picture, PICTURES[1]]


@given(st.sampled_from([b"PK\3\4", gzip.compress(b"")[:10], b"BZh91AY&SY", b"\xfd7zXZ\0\0\4",
                        b"\x28\xb5\x2f\xfd"]), st.binary(max_size=200))  # fmt: skip
def test_marks_in_junk(mark: bytes, junk: bytes) -> None:
    """What only looks like a member hides nothing that lies behind it."""
    data = mark + junk + PICTURES[0] + bytes(200) + PICTURES[6]
    assert [*Found([data]).data][-2:] == [PICTURES[0], PICTURES[6]]


def test_mail() -> None:
    """A mail with pictures, as the standard library writes it, gives all of them."""
    mail = email.message.EmailMessage()
    mail["Subject"] = "pictures"
    mail.set_content("text")
    mail.add_alternative("<img src=cid:x>", subtype="html")
    for picture, kind in ((PICTURES[0], "png"), (PICTURES[1], "jpeg"), (PICTURES[6], "gif")):
        mail.add_attachment(picture, maintype="image", subtype=kind, filename=f"a.{kind}")
    inner = email.message.EmailMessage()
    inner.set_content(PICTURES[9], maintype="image", subtype="webp", cte="base64")
    mail.add_attachment(inner)
    wanted = [PICTURES[0], PICTURES[1], PICTURES[6], PICTURES[9]]
    for policy in (email.policy.SMTP, email.policy.default):
        content = mail.as_bytes(policy=policy)
        assert found_in(content) == wanted
        assert found_in(zipped([content])) == wanted


def test_office_document() -> None:
    """Documents of office programs and books are zip archives."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    large = pillow("RGB", 300, "PNG")
    data = zipped([b"<xml/>" * 300, large, b"<rels/>" * 90, PICTURES[1]])
    first, second = found_in(data)
    with image.open(io.BytesIO(first)) as opened:
        opened.load()
        assert opened.size == (300, 300)
    assert second == PICTURES[1]


def test_in_python(tmp_path: Path) -> None:
    """fildes.extract looks into archives, by whatever address, and says what is wrong."""
    place = tmp_path / "x.zip"
    place.write_bytes(zipped(PICTURES))
    assert [picture.data for picture in fildes.extract(place)] == PICTURES
    with pytest.raises(fildes.IncompleteError, match="gzip data at byte 0 was cut short") as caught:
        list(fildes.extract(tmp_path / "cut"))
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "decode"


@pytest.fixture(autouse=True)
def cut_file(tmp_path: Path) -> None:
    """Write a compressed file that was cut."""
    (tmp_path / "cut").write_bytes(gzip.compress(PICTURES[0] + TEXT)[:-9])


def test_in_the_shell(run: RunMain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fildes extract` and `fildes show` look into archives too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.tgz").write_bytes(gzip.compress(tarred([TEXT, *PICTURES[:3]])))
    done = run("extract", "--json", "-o", "out", "./x.tgz")
    assert (done.status, done.err) == (0, "")
    assert [record["kind"] for record in json.loads(done.out)] == ["png", "jpeg", "jpeg"]
    assert (tmp_path / "out" / "001.png").read_bytes() == PICTURES[0]
    assert run("show", "./x.tgz").status == 0
    done = run("extract", "-o", "cut-out", "./cut")
    assert done.status == 18
    assert "cut short" in done.err
    assert (tmp_path / "cut-out" / "001.png").read_bytes() == PICTURES[0]


def test_live_pictures_do_not_wait(peer: StartPeer) -> None:
    """A picture in a compressed stream is given out while more is still to come."""

    def camera(talk: Conversation) -> None:
        packer = zlib.compressobj(wbits=31)
        talk.recv_until(b"\r\n\r\n")
        talk.send(b"HTTP/1.1 200 OK\r\n\r\n" + packer.compress(dot()))
        talk.send(packer.flush(zlib.Z_SYNC_FLUSH))
        talk.stall()

    pictures = fildes.extract(peer(camera).address("http", "/"), timeout=20)
    assert next(pictures).data == dot()
    pictures.close()


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all is zstd and its package is missing, the error says so; elsewhere it is left."""

    def missing(name: str) -> object:
        raise OSError(65, "the package backports.zstd is missing")

    (zstd,) = [library for library in LIBRARIES if library.name == "zstd"]
    monkeypatch.setattr("fildes.opening.registry.find_module", missing)
    assert "missing" in Found([zstd.compress(PICTURES[0])]).errors[0]
    assert found_in(b"x" + zstd.compress(TEXT) + PICTURES[0]) == [PICTURES[0]]
