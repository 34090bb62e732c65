"""zip: every way in which an archive can be wrong; each is made from a sound one."""

from __future__ import annotations

import errno
import io
import zipfile
from collections.abc import Callable

import pytest
from zips import MEMBERS, NOISE, archive, member

import fildes


def test_truncated_at_every_byte() -> None:
    """Wherever an archive is cut, its member is not taken for complete."""
    content = archive({"a/b.txt": b"some text"}, comment=b"the end")
    for size in range(len(content)):
        with pytest.raises(OSError):
            member(content[:size])


def test_every_flipped_bit_is_found_or_harmless() -> None:
    """Whatever byte is damaged, no other content passes for the member's."""
    content = bytearray(archive({"a/b.txt": b"some text, " * 5}))
    for offset in range(len(content)):
        for bit in (1, 8, 128):
            content[offset] ^= bit
            try:
                got = member(bytes(content))
            except OSError:
                got = b"some text, " * 5
            assert got == b"some text, " * 5
            content[offset] ^= bit


def test_comment_may_hold_the_mark_of_an_end() -> None:
    """The mark of an end in the comment, where it can be none, misleads nobody."""
    for comment in (b"PK\5\6", b"PK\5\6" + b"x" * 40, b"PK\5\6" * 30):
        assert member(archive(comment=comment)) == MEMBERS["a/b.txt"]


def test_longest_comment() -> None:
    """A comment of 64 KiB, the longest there is, hides no archive."""
    assert member(archive(comment=b"x" * 0xFFFF)) == MEMBERS["a/b.txt"]


def test_two_ends_are_an_error() -> None:
    """A comment that is a whole end itself could be read in two ways."""
    empty = archive({})
    with pytest.raises(fildes.ProtocolError, match="two ends"):
        member(archive(comment=empty))


def test_bytes_behind_the_archive_are_an_error() -> None:
    """What does not end as an archive is none; others would search on."""
    with pytest.raises(fildes.IncompleteError):
        member(archive() + b"behind")


def edited(content: bytes, mark: bytes, offset: int, new: bytes) -> bytes:
    """Return *content* with *new* at *offset* behind the last place of *mark*."""
    at = content.rindex(mark) + offset
    return content[:at] + new + content[at + len(new) :]


TWO = archive({"x": NOISE, "y": b"y"}, zipfile.ZIP_STORED)
CENTRAL, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"
SECOND = TWO.rindex(CENTRAL)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        # Fifield's overlap: a member whose data has the next one's header in it.
        (edited(TWO, CENTRAL, 42, b"\0\0\0\0"), "y", "not where the directory says"),
        (edited(TWO[:SECOND], CENTRAL, 20, b"\xff\xff\1\0" * 2) + TWO[SECOND:], "x", "overlaps"),
        (edited(TWO, CENTRAL, 16, b"\0\0\0\0"), "y", "checksum"),
        (edited(TWO, CENTRAL, 24, b"\2\0\0\0"), "y", "smaller"),
        (edited(TWO, CENTRAL, 24, b"\0\0\0\0"), "y", "larger"),
        (edited(TWO, CENTRAL, 10, b"\x08\0"), "y", "contradicts"),
        (edited(TWO, LOCAL, 30, b"z"), "y", "not where the directory says"),
        (edited(TWO, LOCAL, 6, b"\1"), "y", "contradicts"),
        (edited(TWO, LOCAL, 6, b"\x20"), "y", "contradicts"),
        (edited(TWO, CENTRAL, 42, b"\xff\xff\xff\x7f"), "y", "outside"),
        (edited(TWO, CENTRAL, 42, b"\xff\xff\xff\xff"), "y", "64|32 bits"),
        (edited(TWO, CENTRAL, 28, b"\xff\xff"), "y", "cut short"),
        (edited(TWO, END, 8, b"\3\0\3\0"), "y", "2 of 3 members"),
        (edited(TWO, END, 4, b"\1"), "y", "volumes"),
        (edited(TWO, CENTRAL, 0, b"XXXX"), "y", "corrupt"),
    ],
)
def test_contradictions_are_errors(content: bytes, name: str, message: str) -> None:
    """What two readers could understand differently is an error for us."""
    with pytest.raises(fildes.ProtocolError, match=message):
        member(content, name)


def test_members_that_share_data() -> None:
    """Two names for one place are how bombs are built."""
    start = TWO.index(CENTRAL)
    one, two = TWO[start:SECOND], TWO[SECOND : TWO.rindex(END)]
    content = TWO[:start] + one + one + TWO[TWO.rindex(END) :]
    assert len(one) == len(two)
    with pytest.raises(fildes.ProtocolError, match="overlaps"):
        member(content, "x", "?index=0")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: edited(edited(text, CENTRAL, 8, b"\1"), LOCAL, 6, b"\1"), "encrypted"),
        (lambda text: edited(edited(text, CENTRAL, 8, b"\x20"), LOCAL, 6, b"\x20"), "patch"),
        (lambda text: edited(edited(text, CENTRAL, 10, b"\x0e"), LOCAL, 8, b"\x0e"), "method 14"),
    ],
)
def test_what_is_not_read(edit: Callable[[bytes], bytes], message: str) -> None:
    """Encrypted members, patches and rare methods are refused by name."""
    with pytest.raises(OSError, match=message) as caught:
        member(edit(TWO), "y")
    assert caught.value.errno == errno.EOPNOTSUPP


def test_symbolic_link_is_not_followed() -> None:
    """A link in an archive is told as what it is."""
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as writer:
        writer.writestr(link, "target")
    with pytest.raises(OSError, match="symbolic link") as caught:
        member(buffer.getvalue(), "link")
    assert caught.value.errno == errno.ELOOP


def test_bomb_is_no_larger_than_the_directory_says() -> None:
    """A member that expands to more than its size is stopped there."""
    content = archive({"y": bytes(1_000_000)})
    content = edited(edited(content, CENTRAL, 24, b"\xff\0\0\0"), LOCAL, 22, b"\xff\0\0\0")
    with pytest.raises(fildes.ProtocolError, match="larger"):
        member(content, "y")
