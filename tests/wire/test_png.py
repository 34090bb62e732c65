"""One PNG file, verified."""

from __future__ import annotations

import zlib

import pytest
from cutting import STEPS, by
from pictures import chunk, dot, header, pillow

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.png import SIGNATURE, PngReader, begins_png

DATA = chunk(b"IDAT", zlib.compress(b"\0\x80"))
IEND = chunk(b"IEND")


def take(png: bytes, step: int) -> tuple[PngReader, int]:
    """Return a reader that was given *png*, and how much it took."""
    reader = PngReader()
    return reader, sum(reader.take(memoryview(piece)) for piece in by(step, png))


SOUND = [
    dot(),
    dot(chunk(b"tEXt", b"Comment\0" + b"x" * 9999)),
    SIGNATURE + header() + DATA + chunk(b"IDAT") + DATA + chunk(b"tIME", bytes(7)) + IEND,
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("png", SOUND)
def test_a_sound_file_ends_with_its_last_byte(png: bytes, step: int) -> None:
    """From signature to the CRC of IEND, and not one byte more."""
    reader, taken = take(png + b"\0junk", step)
    assert (reader.done, taken) == (True, len(png))
    reader.eof()


@pytest.mark.parametrize(
    ("mode", "options"),
    [("1", {}), ("L", {}), ("LA", {}), ("P", {}), ("RGB", {"optimize": True}), ("RGBA", {}),
     ("I;16", {}), ("RGB", {"icc_profile": b"x" * 3000}), ("RGB", {"dpi": (300, 300)})],
)  # fmt: skip
def test_what_pillow_writes_is_sound(mode: str, options: dict[str, object]) -> None:
    """Every mode and extra chunk of a real encoder passes."""
    reader, _ = take(pillow(mode, 99, **options), 4096)
    assert reader.done


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        ([IEND], "IEND chunk behind IHDR"),
        ([header(), DATA, IEND], "IHDR chunk behind IHDR"),
        ([DATA, chunk(b"tEXt"), DATA, IEND], "IDAT chunk behind tEXt"),
        ([DATA, chunk(b"IEND", b"x")], "IEND chunk of 1 bytes"),
        ([b"\x80\0\0\0IDAT"], "IDAT chunk of 2147483648 bytes"),
        ([chunk(b"ID\0T")], "no chunk type"),
        ([chunk(b"IDA[")], "no chunk type"),
        ([DATA[:-1] + b"\0", IEND], "CRC of IDAT"),
        ([DATA, IEND[:-1] + b"\0"], "CRC of IEND"),
    ],
)
@pytest.mark.parametrize("step", STEPS)
def test_a_corrupt_file_is_refused_by_name(chunks: list[bytes], words: str, step: int) -> None:
    """Lengths, types, order and CRCs are checked, and the message says which chunk."""
    with pytest.raises(ProtocolError, match=words) as caught:
        take(b"".join([SIGNATURE, header(), *chunks]), step)
    assert not isinstance(caught.value, IncompleteError)


@pytest.mark.parametrize("step", STEPS)
def test_a_file_cut_short_anywhere_is_incomplete(step: int) -> None:
    """The end of the bytes is the end of the file only behind IEND."""
    png = dot()
    for size in range(len(png)):
        reader, taken = take(png[:size], step)
        assert (reader.done, taken) == (False, size)
        with pytest.raises(IncompleteError, match="PNG file ended"):
            reader.eof()


def test_the_error_says_in_which_chunk() -> None:
    """An incomplete file states the chunk, and how much of it came."""
    reader, _ = take(SIGNATURE + header() + chunk(b"IDAT", bytes(100))[:58], 1000)
    with pytest.raises(IncompleteError, match="after 50 of 100 bytes of its IDAT chunk"):
        reader.eof()


COMBINATIONS = {
    0: {1, 2, 4, 8, 16},
    2: {8, 16},
    3: {1, 2, 4, 8},
    4: {8, 16},
    6: {8, 16},
}  # table 11.1 of the specification, "Allowed combinations of colour type and bit depth"


def test_a_header_has_an_allowed_depth_and_colour() -> None:
    """Exactly the combinations of the specification make a header."""
    allowed = {
        (colour, depth)
        for colour in range(256)
        for depth in range(256)
        if begins_png(SIGNATURE + header(tail=bytes([depth, colour, 0, 0, 0])))
    }
    assert allowed == {(colour, depth) for colour in COMBINATIONS for depth in COMBINATIONS[colour]}


@pytest.mark.parametrize(
    ("changes", "sound"),
    [
        ({"tail": b"\x08\0\0\0\1"}, True),
        ({"tail": b"\x08\0\0\0\2"}, False),
        ({"tail": b"\x08\0\0\1\0"}, False),
        ({"tail": b"\x08\0\1\0\0"}, False),
        ({"width": 0}, False),
        ({"height": 0}, False),
        ({"width": 2**31 - 1, "height": 256}, True),
        ({"width": 2**31}, False),
        ({"height": 2**32 - 1}, False),
        ({"width": 0x0A0A0A0A}, True),
    ],
)
def test_a_header_has_a_size_and_known_methods(changes: dict[str, int], sound: bool) -> None:
    """What cannot be a picture is no header."""
    assert begins_png(SIGNATURE + header(**changes)) is sound  # type: ignore[arg-type]  # as given


def test_the_start_of_a_header_is_not_decided() -> None:
    """Too few bytes are neither a file nor none, unless they already differ."""
    png = dot()
    assert [begins_png(png[:size]) for size in range(29)] == [None] * 29
    assert begins_png(SIGNATURE + b"\0\0\0\x0dIHDX") is False
