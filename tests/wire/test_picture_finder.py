"""Pictures of all kinds found in what they lie in."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import pytest
from cutting import STEPS, at, by, cuts
from hypothesis import given
from hypothesis import strategies as st
from pictures import animated, each_kind, photograph, pillow

from fildes.errors import IncompleteError
from fildes.wire.picture_finder import REWIND_SIZE, Begun, Ended, PictureFinder

Found = tuple[str, int, bytes]

THUMBNAIL = pytest.importorskip("PIL") and pillow("L", 9, "JPEG")
PICTURES = each_kind()
PIXELS = {b"\x89": b"IDAT", b"\xff": b"\xff\xda"}  # what they begin with
JUNK = bytes(range(200)) + b"RIFF\0\0\0\0WEBPVP8 and GIF89a, a kind of\xff\xd8\xff\xe0 picture"


def find(segments: list[bytes]) -> tuple[list[Found], list[str]]:
    """Return the sound pictures in *segments*, and the errors of the others."""
    finder = PictureFinder()
    events = [event for segment in segments for event in finder.feed(segment)]
    found: list[Found] = []
    errors: list[str] = []
    data = b""
    for event in [*events, *finder.finish()]:
        match event:
            case Begun(kind, offset):
                name, begin, data = kind.name, offset, b""
            case Ended(None):
                found.append((name, begin, data))
            case Ended(error):
                errors.append(f"{begin}: {error}")
            case _:
                data += event
    return found, errors


def contents(segments: list[bytes]) -> list[bytes]:
    """Return the sound pictures in *segments*, where all are."""
    found, errors = find(segments)
    assert errors == []
    return [data for _, _, data in found]


def uri(picture: bytes) -> bytes:
    """Return *picture* as a style sheet has it."""
    return b"{background: url(data:image/x;base64," + base64.b64encode(picture) + b")}"


def mime(*pictures: bytes) -> bytes:
    """Return *pictures* as a mail has them."""
    head = b"--=_\r\nContent-Type: image/x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    written = [base64.encodebytes(each).replace(b"\n", b"\r\n") for each in pictures]
    return b"\r\n".join([*(head + each for each in written), b"--=_--\r\n"])


def camera(*pictures: bytes) -> bytes:
    """Return *pictures* as multipart/x-mixed-replace has them."""
    head = b"\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
    return b"".join(head % len(each) + each for each in pictures)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_is_cut_out_exactly(picture: bytes, step: int) -> None:
    """Out of junk, one after the other, and out of all ways of writing: the same bytes."""
    for data, offset in [(picture, 0), (JUNK + picture + JUNK, len(JUNK))]:
        found, errors = find(by(step, data))
        assert [(begin, content) for _, begin, content in found] == [(offset, picture)]
        assert errors == []
    assert contents(by(step, picture * 3)) == [picture] * 3
    for written in (uri(picture) * 2, mime(picture, picture), camera(picture, picture)):
        assert contents(by(step, written)) == [picture, picture]


def test_kinds_are_told_by_structure() -> None:
    """The kind is what the bytes say, in the order in which they come."""
    names = [name for name, _, _ in find([JUNK.join(PICTURES)])[0]]
    assert names == ["png", *["jpeg"] * 5, *["gif"] * 3, *["webp"] * 4]


@pytest.mark.parametrize(
    "segment",
    [
        b"\xe0\0\x07AVI1\0", b"\xe1\0\x08Exif\0\0", b"\xe1\0\x07http:", b"\xe2\0\x07ICC_P",
        b"\xe2\0\x07MPF\0\0", b"\xe8\0\x07SPIFF", b"\xec\0\x07Ducky", b"\xed\0\x07Photo",
        b"\xed\0\x07Adobe", b"\xee\0\x07Adobe", b"\xfe\0\x06text", b"\xdd\0\4\0\0",
        b"\xdb\0\x43\0" + bytes(64), b"\xdb\0\x83\x10" + bytes(128),
        b"\xdb\0\x84\0" + bytes(64) + b"\1" + bytes(64), b"\xc4\0\x13\0" + bytes(16),
    ],
)  # fmt: skip
def test_photographs_begin_in_many_ways(segment: bytes) -> None:
    """Whatever segment cameras and programs write first, the file is known by it."""
    photograph = THUMBNAIL[:2] + b"\xff" + segment + THUMBNAIL[2:]
    assert contents([b"junk", photograph]) == [photograph]


@given(st.data())
def test_finding_is_independent_of_segmentation(data: st.DataObject) -> None:
    """However the input is cut, the same pictures and errors come out of it."""
    short = PICTURES[2][:-30]
    wire = b"".join([JUNK, uri(PICTURES[6]), short, mime(PICTURES[9]), *PICTURES[3:8], short])
    segments = at(data.draw(cuts(wire)), wire)
    assert find(segments) == find([wire])
    assert len(find(segments)[0]) == 7


@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from(PICTURES))
def test_junk_around_a_picture_does_not_matter(
    before: bytes, behind: bytes, picture: bytes
) -> None:
    """A picture is found in the middle of anything."""
    found, _ = find([before + picture + behind])  # the junk may be the beginning of another
    assert picture in [data for _, _, data in found]


@pytest.mark.parametrize("picture", PICTURES)
def test_no_prefix_passes_for_a_picture(picture: bytes) -> None:
    """Cut short anywhere, nothing is found, and behind its header that is told."""
    for size in range(len(picture)):
        found, errors = find([b"x", picture[:size]])
        small = [data for _, _, data in found]
        assert small in ([], [THUMBNAIL])  # the thumbnail of a photograph cut in its Exif
        assert all(error.startswith("1: ") for error in errors[:1])
        assert errors or size < 16


@pytest.mark.parametrize("write", [uri, mime])
@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_cut_short_does_not_hide_the_next(
    picture: bytes, write: Callable[[bytes], bytes]
) -> None:
    """Those behind one that is cut short come out whole, and it is told of."""
    for size in range(40, len(picture), 7):
        found, errors = find(by(64, write(picture[:size]) + camera(*PICTURES)))
        assert [data for _, _, data in found[-len(PICTURES) :]] == PICTURES
        assert errors


@pytest.mark.parametrize("picture", PICTURES[:5])
def test_a_picture_cut_short_ends_where_it_is_cut(picture: bytes) -> None:
    """In its pixels, what follows can only be the next: it is found."""
    for size in range(picture.find(PIXELS[picture[:1]]) + 14, len(picture), 7):
        for behind in PICTURES:
            found, errors = find(by(64, picture[:size] + camera(behind)))
            assert [data for _, _, data in found] == [behind]
            assert len(errors) == 1


def test_thumbnails_are_part_of_their_picture() -> None:
    """What a segment holds is not a picture of its own, also when the rest is missing."""
    whole = photograph(THUMBNAIL)
    assert contents([whole]) == [whole]
    found, errors = find([whole[:-9]])
    assert (found, len(errors)) == ([], 1)


@pytest.mark.parametrize("step", [1000, 65536, 1 << 30])
def test_memory_is_bounded(step: int) -> None:
    """Of a picture that goes wrong late, no more than the rewind is looked at again."""
    first = PICTURES[9]
    huge = bytearray(b"RIFF" + (1 << 20).to_bytes(4, "little") + b"WEBPVP8L")
    huge += (600_000).to_bytes(4, "little") + b"\x2f" + bytes(599_999) + b"\xff\0\0\0\0\0\0\0"
    huge[100_000 : 100_000 + len(first)] = first
    huge[550_000 : 550_000 + len(first)] = first
    found, errors = find(by(step, bytes(huge)))
    assert [begin for _, begin, _ in found] == [550_000]
    assert len(errors) == 1
    assert len(huge) - REWIND_SIZE < 550_000


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (THUMBNAIL.replace(b"\xff\xda", b"\xff\xd9", 1), "no picture"),
        (THUMBNAIL.replace(b"\xff\xdb", b"\xff\x05", 1), "05 is no marker of a segment"),
        (THUMBNAIL.replace(b"\xff\xda\0", b"\xff\xda\1", 1), "scan header makes no sense"),
        (THUMBNAIL.replace(b"\xff\xc0\0", b"\xff\xc0\1", 1), "frame header makes no sense"),
        (THUMBNAIL.replace(b"\xff\xc0\0", b"\xff\xe4\0", 1), "scan header makes no sense"),
        (THUMBNAIL[:-2] + b"\xff\x01", "01 is no marker"),
        (THUMBNAIL[:2] + b"\xff\xe0\0\x10JFIF\0" + bytes(9) + b"\xfe", "no marker behind"),
        (THUMBNAIL[:2] + b"\xff\xe0\0\x10JFIF\0" + bytes(9) + b"\xff\xe1\0\1", "of 1 bytes"),
        (PICTURES[6][:-1] + b"\x3a", "3A begins no block"),
        (b"GIF89a\1\0\1\0\0\0\0\x21\xfe\1x\0\x3b", "no picture"),
        (b"GIF89a\1\0\1\0\0\0\0\x21\xfe\1x\0\x21\x07", "07 is no extension"),
        (b"GIF89a\1\0\1\0\0\0\0\x2c" + bytes(9) + b"\x0d", "LZW codes of 13 bits"),
        (b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(10), "no picture"),
        (b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(14), "do not fill it"),
        (b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(18), "no name of a chunk"),
        (b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(10) + b"ALPH\1\0\0\0", "larger than the file"),
    ],
)
@pytest.mark.parametrize("step", STEPS)
def test_what_breaks_the_rules_is_corrupt(broken: bytes, reason: str, step: int) -> None:
    """The error of a corrupt picture names the part, and the next picture is found."""
    found, errors = find(by(step, broken + bytes(30) + PICTURES[0]))
    assert [data for _, _, data in found] == [PICTURES[0]]
    assert len(errors) == 1
    assert reason in errors[0]


def test_padding_that_is_missing_is_corrupt() -> None:
    """Base64 that ends inside a group of four ends no picture."""
    written = base64.b64encode(PICTURES[0][:41])[:-1]
    _, errors = find([b"data:;base64," + written + b'"'])
    assert errors == ["13: [Errno 71] PNG file is corrupt: its base64 is not padded correctly"]


def test_words_about_pictures_are_none() -> None:
    """Text that names the formats, and signatures alone, are passed over without a word."""
    assert find([JUNK * 3, b"GIF89a image data\n", b"RIFF....WEBP", b"\n\n/9j/4\n"]) == ([], [])


def test_what_is_found_can_be_read() -> None:
    """Pillow reads what was cut out of a page, all frames of it."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for data in contents([uri(PICTURES[2]) + animated("GIF", 20) + mime(animated("WEBP", 20))]):
        with image.open(io.BytesIO(data)) as picture:
            picture.load()
            assert picture.width in {20, 40}


def test_errors_are_of_the_right_type() -> None:
    """What ends too early is told from what is wrong."""
    finder = PictureFinder()
    events = [*finder.feed(PICTURES[9][:-1]), *finder.finish()]
    assert isinstance(events[-1], Ended)
    assert isinstance(events[-1].error, IncompleteError)
