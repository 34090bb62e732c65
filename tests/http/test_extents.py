"""The kept parts of a document are what was put in, within their budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fildes.http.extents import MAX_EXTENT, PAGE, PINNED, ExtentMap

SIZE = 300
DOCUMENT = bytes(number % 251 for number in range(SIZE))

adding = st.tuples(st.integers(0, SIZE - 1), st.integers(1, 80))


def read(extents: ExtentMap, offset: int, size: int) -> bytes:
    buffer = bytearray(size)
    return bytes(buffer[: extents.read_into(memoryview(buffer), offset)])


@given(st.lists(adding, max_size=12))
def test_extents_hold_what_was_added(additions: list[tuple[int, int]]) -> None:
    """After any additions exactly their bytes are here, and a gap is exactly what is not."""
    extents, here = ExtentMap(SIZE), set[int]()
    for offset, size in additions:
        data = DOCUMENT[offset : offset + size]
        extents.add(offset, memoryview(data))
        here |= set(range(offset, offset + len(data)))
    assert extents.stored == len(here)
    for offset in range(SIZE):
        size = next(n for n in range(SIZE + 1) if offset + n not in here)
        assert read(extents, offset, SIZE) == DOCUMENT[offset : offset + size]
        if offset not in here:
            low, high = extents.gap(offset)
            assert not here & set(range(low, high))
            assert low - 1 in here | {-1}
            assert high in here | {SIZE}


def test_budget_is_kept() -> None:
    """What was used longest ago goes; head, tail and the newest stay."""
    size, part = 100 * PINNED, memoryview(bytes(PINNED))
    extents = ExtentMap(size, budget=5 * PINNED)
    for place in (0, 99, 20, 40, 60, 80):
        if place == 80:
            assert read(extents, 20 * PINNED, 1)  # used again
        extents.add(place * PINNED, part)
    here = [place for place in range(100) if read(extents, place * PINNED, 1)]
    assert here == [0, 20, 60, 80, 99]
    assert extents.stored == extents.budget


def test_extents_stay_small() -> None:
    """Bytes in sequence make several extents, so that little goes at once."""
    extents = ExtentMap(4 * MAX_EXTENT)
    for number in range(64):
        extents.add(number * PINNED, memoryview(bytes(PINNED)))
    assert len(extents.starts) == 4
    assert len(read(extents, 0, 4 * MAX_EXTENT)) == 4 * MAX_EXTENT


def test_pages_that_were_read_stay() -> None:
    """Where little of an extent was read, its pages outlive it for one more turn."""
    part = 16 * PAGE
    extents = ExtentMap(100 * part, budget=4 * part)
    extents.add(20 * part, memoryview(bytes(part)))
    assert len(read(extents, 20 * part + PAGE - 1, 2)) == 2
    for place in range(22, 30, 2):
        extents.add(place * part, memoryview(bytes(part)))
    assert extents.stored <= extents.budget
    assert len(read(extents, 20 * part, part)) == 2 * PAGE
    for place in range(30, 46, 2):
        extents.add(place * part, memoryview(bytes(part)))
    assert not read(extents, 20 * part, 1)


def test_what_was_of_use_goes_whole() -> None:
    """Where enough of an extent was read nothing stays of it, for it was read already."""
    part = 16 * PAGE
    extents = ExtentMap(100 * part, budget=4 * part)
    extents.add(20 * part, memoryview(bytes(part)))
    assert len(read(extents, 20 * part, part // 2)) == part // 2
    for place in range(22, 30, 2):
        extents.add(place * part, memoryview(bytes(part)))
    assert extents.starts == [place * part for place in range(22, 30, 2)]
