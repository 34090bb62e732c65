"""PNG files cut out of what they lie in."""

from __future__ import annotations

import base64
import errno
import io
from typing import Any

import pytest
from cutting import STEPS, WHOLE, at, by, cuts
from hypothesis import given
from hypothesis import strategies as st
from pictures import chunk, dot, header, pillow

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.picture_cutter import PictureCutter
from fildes.wire.pictures import PNG
from fildes.wire.png import SIGNATURE

GREY = dot()
TEXT = dot(chunk(b"tEXt", b"Title\0grey"))
NESTED = dot(chunk(b"npNG", GREY + b'src="data:image/png;base64,' + base64.b64encode(TEXT) + b'"'))


def cut(segments: list[bytes], index: int = 0) -> bytes:
    """Return the wanted file in *segments*."""
    cutter = PictureCutter(PNG, index)
    png = b"".join(map(cutter.feed, segments))
    cutter.finish()
    assert cutter.done
    return png


def uri(png: bytes, head: bytes = b"data:image/png;base64,") -> bytes:
    """Return *png* as the attribute of an HTML element."""
    return b'<img src="' + head + base64.b64encode(png) + b'">'


INPUTS: list[tuple[bytes, list[bytes]]] = [
    (GREY, [GREY]),
    (b"HTTP/1.1 200 OK\r\n\r\n" + GREY + b"trailing", [GREY]),
    (GREY + TEXT, [GREY, TEXT]),
    (b"\x89" + GREY + b"\x89PNG\r\n" + TEXT, [GREY, TEXT]),
    (SIGNATURE + GREY, [GREY]),
    (SIGNATURE * 5 + b"\0\0\0\x0dIHDR" + bytes(17) + GREY, [GREY]),
    (NESTED + TEXT, [NESTED, TEXT]),
    (uri(GREY), [GREY]),
    (uri(GREY) + TEXT + uri(NESTED), [GREY, TEXT, NESTED]),
    (uri(GREY, b"DATA:Image/PNG;charset=x;Base64,"), [GREY]),
    (uri(GREY, b"data:;base64,"), [GREY]),
    (uri(GREY, b"data:image\\/png;base64,"), [GREY]),
    (uri(b"\0" + TEXT) + uri(b"GIF89a") + uri(b"") + uri(GREY), [GREY]),
    (b"data:image/png;base64," + b"x" * 300 + b" " + uri(GREY), [GREY]),
    (b"data:image/png;base64,QQ==" + uri(GREY), [GREY]),
    (b"data:image/png;base64," + b" " * 300 + TEXT, [TEXT]),
    (b"data:image/png;base64," + base64.b64encode(GREY) + uri(TEXT)[10:], [GREY]),
    (b"a:b;base64," + uri(GREY) + b"64,64,:64," + uri(TEXT), [GREY, TEXT]),
    (b"url(data:image/png;base64," + base64.b64encode(GREY + b"behind it") + b")" + TEXT,
     [GREY, TEXT]),
    (b"url(data:image/png;base64," + base64.b64encode(GREY) + b"%2", [GREY]),
]  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("data", "pngs"), INPUTS)
def test_files_are_cut_out_exactly_and_in_order(data: bytes, pngs: list[bytes], step: int) -> None:
    """Each comes out byte for byte, however the input is cut; then there are no more."""
    segments = by(step, data)
    assert [cut(segments, index) for index in range(len(pngs))] == pngs
    with pytest.raises(FileNotFoundError, match=f"in {len(data)} bytes; {len(pngs)} in all"):
        cut(segments, len(pngs))


@given(st.data())
def test_cutting_is_independent_of_segmentation(data: st.DataObject) -> None:
    """However the input is cut, the same files come out of it."""
    wire = b"x" * 150 + uri(GREY) + SIGNATURE + b"y" + TEXT + uri(NESTED)
    segments = at(data.draw(cuts(wire)), wire)
    assert [cut(segments, index) for index in range(3)] == [GREY, TEXT, NESTED]


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_junk_around_a_file_does_not_matter(before: bytes, behind: bytes) -> None:
    """A file is found in the middle of anything."""
    assert cut([before + GREY + behind]) == GREY


def test_the_file_is_given_out_as_it_comes() -> None:
    """Nothing but an undecided start is held, and what follows the file is not looked at."""
    cutter = PictureCutter(PNG)
    large = SIGNATURE + header() + chunk(b"IDAT", b"x" * 300_000) + chunk(b"IEND")
    assert cutter.feed(large[:28]) == b""
    assert cutter.feed(large[28:200_000]) == large[:200_000]
    assert cutter.feed(memoryview(large)[200_000:]) == large[200_000:]
    assert (cutter.done, cutter.found, cutter.feed(SIGNATURE)) == (True, 1, b"")
    cutter.finish()


@pytest.mark.parametrize(
    ("mode", "options"),
    [("1", {}), ("L", {}), ("LA", {}), ("P", {}), ("RGB", {}), ("RGBA", {}),
     ("RGB", {"icc_profile": b"x" * 3000})],
)  # fmt: skip
def test_pictures_look_the_same_afterwards(mode: str, options: dict[str, Any]) -> None:
    """What Pillow wrote, Pillow reads again, out of junk and out of HTML."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    png = pillow(mode, 64, **options)
    for png_again in (cut([b"junk" + png + b"junk"]), cut(by(100, b"<p>" + uri(png)))):
        assert png_again == png
        with image.open(io.BytesIO(png_again)) as picture:
            picture.load()
            assert picture.size == (64, 64)


@pytest.mark.parametrize("step", [1, WHOLE])
@pytest.mark.parametrize("data", [GREY, uri(GREY)[:-2]])
def test_a_file_cut_short_anywhere_is_an_error(data: bytes, step: int) -> None:
    """No prefix of a file ever passes for a file."""
    for size in range(len(data)):
        with pytest.raises(OSError) as caught:
            cut(by(step, data[:size]))
        assert caught.value.errno in {errno.ENOENT, errno.EPROTO}


def test_errors_tell_cut_short_from_not_there() -> None:
    """With its signature there, a file is incomplete; without, there is none."""
    with pytest.raises(IncompleteError, match="inside its header"):
        cut([GREY[:8]])
    with pytest.raises(IncompleteError, match="inside its header"):
        cut([uri(GREY[:20])[:-2]])
    with pytest.raises(IncompleteError, match="IDAT chunk"):
        cut([GREY[:45]])
    with pytest.raises(FileNotFoundError, match="no PNG file in 7 bytes; 0 in all"):
        cut([GREY[:7]])
    with pytest.raises(FileNotFoundError, match="no PNG file number 3 in 67 bytes; 1 in all"):
        cut([GREY], 2)
    with pytest.raises(FileNotFoundError):
        cut([SIGNATURE + b"\0\1"])


@pytest.mark.parametrize("step", STEPS)
def test_base64_cut_short_is_an_error(step: int) -> None:
    """A URI that ends inside its file, or without its padding, is refused."""
    written = base64.b64encode(TEXT)
    assert written.endswith(b"=")
    head = b"data:image/png;base64,"
    with pytest.raises(IncompleteError, match="IDAT chunk"):
        cut(by(step, head + written[:-32] + b'"'))
    with pytest.raises(ProtocolError, match="padded"):
        cut(by(step, head + written.rstrip(b"=") + b'"'))


def test_a_corrupt_file_before_the_wanted_one_is_an_error() -> None:
    """Files are counted only where it is certain how many there are."""
    with pytest.raises(ProtocolError, match="CRC of IDAT"):
        cut([GREY.replace(b"IDAT", b"IDAT\0", 1), TEXT], 1)


@pytest.mark.parametrize("step", STEPS)
def test_a_flipped_bit_never_goes_unnoticed(step: int) -> None:
    """A file with one wrong bit, whichever, is refused or is not taken for a file."""
    for bit in range(8 * len(TEXT)):
        broken = bytearray(TEXT)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(OSError):
            cut(by(step, bytes(broken)))
