"""Compressed members: every cut of them, whatever follows them, and bombs."""

from __future__ import annotations

import errno
import gzip
import lzma
import random
import zlib

import pytest
from compressed import LIBRARIES, Library, decode, every_format, every_format_of_members, format_of
from cutting import STEPS, at, by
from hypothesis import given
from hypothesis import strategies as st

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.members import OUTPUT_SIZE, Format, MemberDecoder

TEXT = random.Random(7).randbytes(40) + b"so it goes, " * 30


def named(name: str) -> Format:
    """Return the format called *name*."""
    return next(format_of(library) for library in LIBRARIES if library.name == name)


@every_format
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("text", [b"", b"x", TEXT, TEXT * 2000])
def test_output_is_what_was_compressed(library: Library, text: bytes, step: int) -> None:
    """What a library has compressed is decompressed, whatever the segments."""
    data = library.compress(text)
    assert decode(MemberDecoder(format_of(library)), by(step, data)) == text


@pytest.mark.slow
@every_format_of_members
@given(st.data())
def test_any_split_gives_the_same(library: Library, draw: st.DataObject) -> None:
    """However the input is cut, the output of its members is the same."""
    data = library.compress(TEXT) + library.compress(b"") + library.compress(b"end")
    cuts = draw.draw(st.lists(st.integers(1, len(data) - 1), max_size=20))
    assert decode(MemberDecoder(format_of(library)), at(cuts, data)) == TEXT + b"end"


@every_format
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_truncated_at_every_byte(library: Library, step: int) -> None:
    """Cut anywhere, even before its first byte, a member is never complete."""
    data = library.compress(TEXT)
    for size in range(len(data)):
        with pytest.raises(IncompleteError, match=f"the {library.name} data was cut short"):
            decode(MemberDecoder(format_of(library)), by(step, data[:size]))


@every_format_of_members
def test_second_member_truncated_at_every_byte(library: Library) -> None:
    """A second member is complete or an error; where it is cut off whole, nobody can tell."""
    first, second = library.compress(TEXT), library.compress(b"more")
    for size in range(1, len(second)):
        with pytest.raises(IncompleteError):
            decode(MemberDecoder(format_of(library)), [first + second[:size]])


@every_format
@pytest.mark.parametrize("rest", [b"x", b"trailing garbage", b"\1\0\0\0"])
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_what_follows_must_be_a_member(library: Library, rest: bytes, step: int) -> None:
    """Bytes behind the last member are an error, not ignored as the programs do."""
    data = library.compress(TEXT) + rest
    with pytest.raises(ProtocolError):
        decode(MemberDecoder(format_of(library)), by(step, data))


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("zeros", [1, 4, 511])
def test_gzip_padding(zeros: int, step: int) -> None:
    """Zeros may follow a gzip member, and another member may follow them."""
    format = named("gzip")
    data = gzip.compress(b"a") + bytes(zeros)
    assert decode(MemberDecoder(format), by(step, data)) == b"a"
    assert decode(MemberDecoder(format), by(step, data + gzip.compress(b"b"))) == b"ab"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("zeros", "sound"), [(4, True), (8, True), (1, False), (6, False)])
def test_xz_padding(zeros: int, sound: bool, step: int) -> None:
    """Stream padding has a multiple of four bytes; anything else was damaged."""
    data = lzma.compress(b"a") + bytes(zeros)
    for text, output in ((data, b"a"), (data + lzma.compress(b"b"), b"ab")):
        decoder = MemberDecoder(named("xz"))
        if sound:
            assert decode(decoder, by(step, text)) == output
        else:
            with pytest.raises(ProtocolError, match="padded"):
                decode(decoder, by(step, text))


@every_format_of_members
def test_padding_comes_after_a_member(library: Library) -> None:
    """Zeros before the first member are no padding."""
    with pytest.raises(ProtocolError, match=f"no {library.name} data: it begins with the bytes 00"):
        decode(MemberDecoder(format_of(library)), [bytes(4) + library.compress(b"x")])


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_every_flipped_bit_is_found(name: str) -> None:
    """Whatever bit is flipped in checksummed data, no other bytes pass for the whole."""
    library = next(each for each in LIBRARIES if each.name == name)
    data = bytearray(library.compress(TEXT))
    for offset in range(len(data)):
        for bit in (1, 16, 128):
            data[offset] ^= bit
            try:
                output = decode(MemberDecoder(format_of(library)), [bytes(data)])
            except ProtocolError:
                output = TEXT  # a header's time stamp may change without harm
            assert output == TEXT
            data[offset] ^= bit


@every_format
def test_bomb_is_given_out_in_pieces(library: Library) -> None:
    """However far the input expands, one step gives out no more than its limit."""
    data = library.compress(bytes(3_000_000))
    decoder = MemberDecoder(format_of(library))
    size = largest = 0
    output = decoder.feed(data)
    while output or not decoder.hungry:
        size, largest = size + len(output), max(largest, len(output))
        output = b"" if decoder.hungry else decoder.feed(b"")
    decoder.finish()
    assert size == 3_000_000
    assert largest <= 2 * OUTPUT_SIZE  # brotli rounds up


@every_format
def test_size_limit(library: Library) -> None:
    """More output than allowed is EFBIG; exactly as much is not."""
    data = library.compress(TEXT)
    assert decode(MemberDecoder(format_of(library), len(TEXT)), [data]) == TEXT
    with pytest.raises(OSError, match=f"max-size={len(TEXT) - 1}") as caught:
        decode(MemberDecoder(format_of(library), len(TEXT) - 1), [data])
    assert caught.value.errno == errno.EFBIG


def test_window_is_limited() -> None:
    """Data that wants more memory than any usual archive is refused."""
    small = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
    data = bytearray(lzma.compress(b"x", filters=small))
    # https://tukaani.org/xz/xz-file-format.txt section 3.1: the block header, behind the
    # stream's, ends with its CRC; section 5.3.1: 37 is a dictionary of 768 MiB.
    header = slice(12, 12 + data[12] * 4)
    data[data.index(b"\x21\x01") + 2] = 37
    data[header.stop : header.stop + 4] = zlib.crc32(data[header]).to_bytes(4, "little")
    with pytest.raises(ProtocolError, match=r"[Mm]emory"):
        decode(MemberDecoder(named("xz")), [bytes(data)])
