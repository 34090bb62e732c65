"""jpeg, gif and webp: as png, each for its kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from pictures import animated, each_kind, photograph, pillow

import fildes

PAGE = b"<html>".join([b"", *each_kind(), b"</html>"])
FIRST = {
    "jpeg": (pillow("L", 9, "JPEG"), "jpeg JFIF"),
    "gif": (pillow("P", 9, "GIF"), "gif 9x9"),
    "webp": (pillow("RGB", 9, "WEBP"), "webp lossy"),
}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return a file with pictures of all kinds."""
    (tmp_path / "page").write_bytes(PAGE)
    return tmp_path / "page"


@pytest.mark.parametrize("name", FIRST)
def test_first_of_its_kind(page: Path, name: str) -> None:
    """Pictures of other kinds are passed over; the step says what was found."""
    with fildes.open(f"{name}::{page}") as file:
        assert (file.read(), file.trace[-1].detail) == FIRST[name]


def test_pictures_are_counted_by_kind(page: Path) -> None:
    """The number is that among the pictures of the kind."""
    with fildes.open(f"gif://2::{page}") as gif, fildes.open(f"webp://3::{page}") as webp:
        assert (gif.read(), webp.read()) == (animated("GIF"), animated("WEBP"))
    with fildes.open(f"jpeg://4::{page}") as jpeg:
        assert jpeg.read() == photograph(pillow("L", 9, "JPEG"))


@pytest.mark.parametrize("name", FIRST)
def test_missing_and_cut_short(tmp_path: Path, name: str) -> None:
    """Where there is no such picture, or not all of one, that is an error."""
    (tmp_path / "text").write_text("GIF89a is a format")
    with pytest.raises(FileNotFoundError, match=r"no \w+ file in 18 bytes; 0 in all"):
        fildes.open(f"{name}::{tmp_path}/text")
    (tmp_path / "short").write_bytes(FIRST[name][0][:-1])
    incomplete = pytest.raises(fildes.IncompleteError, match="file ended inside its")
    with incomplete, fildes.open(f"{name}::{tmp_path}/short") as file:
        file.read()


def test_number_is_a_number() -> None:
    """The error of a bad number shows how it is written for this scheme."""
    with pytest.raises(fildes.AddressError, match="gif://2::"):
        fildes.open("gif://x::data:,x")
