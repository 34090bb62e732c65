"""Tar archives: every cut of them, damaged headers, the dialects."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from cutting import STEPS, at, by, cuts
from hypothesis import given
from hypothesis import strategies as st
from programs import need
from tars import FORMATS, MEMBERS, archive, info, special

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.tar import MAX_EXTENSION, TarReader
from fildes.wire.tar_header import (
    BLOCK_SIZE,
    Header,
    number,
    read_header,
    read_records,
    with_records,
)

PLAIN = archive({"a": b"x" * 700, "b": b"y"})
MARKER = 5 * BLOCK_SIZE  #: where its end marker begins


def member(segments: list[bytes], name: str) -> bytes:
    """Return the data of the member called *name* in *segments*."""
    reader = TarReader(lambda header: header.name == name)
    data = b"".join(map(reader.feed, segments))
    reader.finish()
    assert reader.done
    if reader.member is None:
        raise FileNotFoundError
    return data


def headers(content: bytes) -> list[Header]:
    """Return all headers."""
    found: list[Header] = []

    def note(header: Header) -> bool:
        found.append(header)
        return False

    reader = TarReader(note)
    reader.feed(content)
    reader.finish()
    return found


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", MEMBERS)
def test_member_is_what_tarfile_wrote(format: int, name: str, step: int) -> None:
    """In every format and whatever the segments, a member is what was put in."""
    assert member(by(step, archive(format=format)), name) == MEMBERS[name]


@pytest.mark.slow
@given(cuts(PLAIN))
def test_any_split_gives_the_same(cuts: list[int]) -> None:
    """However the archive is cut into segments, the member is the same."""
    assert member(at(cuts, PLAIN), "b") == b"y"


def test_headers_are_what_tarfile_reads() -> None:
    """Names, sizes and times are those that the standard library reads."""
    content = archive(format=tarfile.PAX_FORMAT)
    with tarfile.open(fileobj=io.BytesIO(content)) as reader:
        expected = [(each.name, each.size, each.mtime) for each in reader]
    assert [(each.name, each.size, each.mtime) for each in headers(content)] == expected


def test_archive_of_a_program(tmp_path: Path) -> None:
    """What tar(1) writes is read, also with links, directories and holes in files."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").write_bytes(b"text")
    (tmp_path / "link").symlink_to("d/x")
    with (tmp_path / "hole").open("wb") as file:
        for number in range(30):  # more pieces than the first header has room for
            file.seek(number << 16)
            file.write(b"x")
    for format in ("gnu", "pax", "ustar"):
        argv = [need("tar"), "-cSf-", f"--format={format}", "hole", "link", "d"]
        argv = argv if format != "ustar" else [each.replace("S", "") for each in argv]
        content = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=True).stdout
        assert member([content], "d/x") == b"text"
        kinds = {each.name: each.kind for each in headers(content)}
        assert (kinds["link"], kinds["d/"]) == ("link", "directory")


def test_truncated_anywhere() -> None:
    """Cut anywhere, even between two members, an archive does not lack its member."""
    end = PLAIN.index(b"y")
    for size in range(0, MARKER + 2 * BLOCK_SIZE, 3):
        if size <= end:
            with pytest.raises(IncompleteError, match="cut short"):
                member([PLAIN[:size]], "b")
        with pytest.raises(IncompleteError, match="cut short"):
            member([PLAIN[:size]], "c")


def test_missing_member_needs_the_end() -> None:
    """Only behind an end marker it is sure that a member is not there."""
    with pytest.raises(FileNotFoundError):
        member([PLAIN], "c")
    with pytest.raises(IncompleteError, match="no end marker"):
        member([PLAIN[:MARKER]], "c")


def test_half_an_end_marker_is_none() -> None:
    """After one block of zeros nothing but another may come."""
    half = PLAIN[:MARKER] + bytes(BLOCK_SIZE)
    with pytest.raises(ProtocolError, match="half of an end marker"):
        member([half + PLAIN], "c")
    with pytest.raises(IncompleteError):
        member([half], "c")


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_announced_member_must_come(format: int) -> None:
    """A long name or pax header, and then the end marker: a member is missing."""
    content = archive({"a": b"x", "long/" * 60: b""}, format)
    announced = next(
        at for at in range(0, len(content), 512) if content[at + 156 : at + 157] in b"Lx"
    )
    size = BLOCK_SIZE + number(content[announced + 124 : announced + 136])
    end = announced + size + -size % BLOCK_SIZE
    with pytest.raises(ProtocolError, match="was announced"):
        headers(content[:end] + bytes(2 * BLOCK_SIZE))


def test_directory_with_data() -> None:
    """What some readers take for a directory, and others for a file, is neither."""
    directory = info("d/", type=b"\0").tobuf(tarfile.USTAR_FORMAT)
    assert headers(directory + bytes(2 * BLOCK_SIZE))[0].kind == "directory"
    with_data = info("d/", type=b"\0", size=1).tobuf(tarfile.USTAR_FORMAT)
    with pytest.raises(ProtocolError, match="directory has data"):
        headers(with_data + b"x".ljust(BLOCK_SIZE, b"\0") + bytes(2 * BLOCK_SIZE))


def test_extended_header_of_solaris() -> None:
    """What was a pax header before POSIX had one, type X, is read as one."""
    content = bytearray(archive({"é": b"text"}, tarfile.PAX_FORMAT))
    content[156:157] = b"X"
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:BLOCK_SIZE])
    assert member([bytes(content)], "é") == b"text"


def test_every_damaged_byte_of_a_header_is_found() -> None:
    """A header whose checksum is wrong is an error."""
    content = bytearray(PLAIN)
    for offset in range(BLOCK_SIZE):
        before = content[offset]
        content[offset] = before ^ 0x15
        with pytest.raises(ProtocolError):
            member([bytes(content)], "c")
        content[offset] = before


def test_what_is_no_archive() -> None:
    """Other data is told apart at its first block."""
    with pytest.raises(ProtocolError, match="no tar archive"):
        member([b"<html>" * 200], "a")


def test_file_in_pieces_is_told() -> None:
    """The data of a sparse file or of a volume is not that of the file."""
    sparse = headers(special(info("x", type=b"S")))
    volume = headers(special(info("x", type=b"M")))
    assert "sparse" in sparse[0].unreadable
    assert "volume" in volume[0].unreadable
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as writer:
        writer.addfile(info("x", pax_headers={"GNU.sparse.major": "1"}))
    assert "sparse" in headers(buffer.getvalue())[0].unreadable


def test_links_have_no_data() -> None:
    """Whatever size the header of a link says, the next header follows it."""
    found = headers(special(info("l", type=b"1", linkname="a", size=700), info("b")))
    assert [(each.name, each.size, each.target) for each in found] == [("l", 0, "a"), ("b", 0, "")]


def test_global_records_hold_for_all() -> None:
    """A global pax header is kept for all members, their own comes first."""
    buffer = io.BytesIO()
    how = {"mtime": "7"}
    with tarfile.open(
        fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers=how
    ) as writer:
        writer.addfile(info("a"))
        writer.addfile(info("b", pax_headers={"mtime": "8.5"}))
    assert [each.mtime for each in headers(buffer.getvalue())] == [7, 8.5]


@pytest.mark.parametrize(
    "data", [b"x", b"5 a=b", b"9 a=b\n", b"6 ab=\n1", b"0 a=b\n", b"4 ab\n", b"99999999999 a=b\n"]
)
def test_corrupt_records(data: bytes) -> None:
    """A pax record that is not as long as it says is an error."""
    with pytest.raises(ProtocolError):
        read_records(data)


def test_records_are_bounded() -> None:
    """No extended header takes much memory: neither its size nor its records."""
    assert read_records(b"8 k=vvv\n") == {}
    block = info("x", type=b"x", size=MAX_EXTENSION + 1).tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(ProtocolError, match="extended header"):
        member([block], "a")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b"   644 \0", 0o644),
        (b"\0" * 8, 0),
        (b"\x80" + bytes(6) + b"\x07", 7),
        (b"\xff" * 8, -1),
        (b"\xff" * 7 + b"\x85", -123),
    ],
)
def test_number(field: bytes, value: int) -> None:
    """Numbers are octal, or base 256 with the first bit set."""
    assert number(field) == value


@pytest.mark.parametrize(
    "field", [b"0x12\0\0\0\0", b"9\0", b"-1\0", b"1 1\0", b"1_0\0", b"\x00644\0", b"\xb0000002\0"]
)
def test_no_number(field: bytes) -> None:
    """What is no octal number is an error."""
    with pytest.raises(ProtocolError):
        number(field)


@given(st.binary(min_size=BLOCK_SIZE, max_size=BLOCK_SIZE))
def test_noise_is_no_header(block: bytes) -> None:
    """Whatever the bytes of a block, reading it is a header or a ProtocolError."""
    try:
        read_header(block)
    except ProtocolError:
        return


@pytest.mark.parametrize(
    "record", [{"size": "1_0"}, {"size": "-1"}, {"size": "٥"}, {"mtime": "nan"}, {"size": "9" * 30}]
)
def test_no_size_or_time(record: dict[str, str]) -> None:
    """A pax record that is no decimal number is an error, whatever int() thinks of it."""
    with pytest.raises(ProtocolError, match="size or time"):
        with_records(read_header(PLAIN[:BLOCK_SIZE]), record)
