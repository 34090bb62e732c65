"""The verb extract."""

from __future__ import annotations

from pathlib import Path

import pytest
from peers import Conversation, StartPeer
from pictures import dot, each_kind, pillow

import fildes
from fildes.policy.policy import Policy

PICTURES = each_kind()
CUT = pillow("L", 9, "JPEG")[:-30]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return a file with pictures of all kinds, the first of them cut short."""
    (tmp_path / "page").write_bytes(b"<p>".join([CUT, *PICTURES]))
    return tmp_path / "page"


def test_all_sound_pictures_come_first(page: Path) -> None:
    """Each sound picture is given out with kind, number, place and bytes; then the error."""
    found: list[fildes.Picture] = []
    with pytest.raises(fildes.ProtocolError, match="JPEG file is corrupt") as caught:
        found += list_into(found, page)
    assert [picture.data for picture in found] == PICTURES
    assert [picture.number for picture in found] == list(range(len(PICTURES)))
    content = page.read_bytes()
    for picture in found:
        assert content[picture.offset :].startswith(picture.data)
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "decode"


def list_into(found: list[fildes.Picture], page: Path) -> list[fildes.Picture]:
    """Add what is extracted to *found*, as it comes."""
    for picture in fildes.extract(page):
        found.append(picture)  # noqa: PERF402  # what came before an error is looked at
    return []


def test_kinds_are_chosen(page: Path) -> None:
    """Only the named kinds count, also for errors."""
    kinds = [picture.kind for picture in fildes.extract(page, kinds=("gif", "png"))]
    assert kinds == ["png", "gif", "gif", "gif"]


def test_unknown_kind_is_refused_at_once() -> None:
    """A kind that there is not is an error before anything is opened."""
    with pytest.raises(ValueError, match="no kind of picture 'bmp'; known: png, jpeg, gif, webp"):
        fildes.extract("./nowhere", kinds=["bmp"])


def test_large_pictures_are_errors(page: Path) -> None:
    """A picture above the limit is not held, and the others are given out."""
    limit = len(PICTURES[0])
    found = []
    with pytest.raises(fildes.ProtocolError, match=f"at most {limit} are taken"):
        found += [0 for _ in fildes.extract(page, kinds=["gif"], max_size=limit)]
    assert [p.data for p in fildes.extract(page, kinds=["png"], max_size=limit)] == PICTURES[:1]


def test_pictures_come_as_they_are_complete(peer: StartPeer) -> None:
    """A picture is given out while more is still to come; leaving off closes."""

    def camera(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=x\r\n\r\n")
        talk.send(b"--x\r\nContent-Type: image/png\r\n\r\n" + dot() + b"\r\n--x\r\n")
        talk.stall()

    pictures = fildes.extract(peer(camera).address("http", "/"), timeout=20)
    assert next(pictures).data == dot()
    pictures.close()


def test_policy_is_that_of_open() -> None:
    """The arguments of open are its own."""
    with pytest.raises(fildes.PolicyError):
        next(fildes.extract("http://127.0.0.1/", policy=Policy.untrusted()))
