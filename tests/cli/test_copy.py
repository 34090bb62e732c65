"""How much is copied at once, to whom."""

from __future__ import annotations

import io
from types import SimpleNamespace

from fildes.cli.output import COPY_SIZE, FILE_COPY_SIZE, copy


class Source(io.BytesIO):
    """An unbuffered file that gives no more than *most* bytes at once."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self.most = most
        self.description = SimpleNamespace(stream=SimpleNamespace(endless=False))

    def readinto(self, buffer: object) -> int:
        assert isinstance(buffer, memoryview)
        return super().readinto(buffer[: self.most])


def pieces(source: Source, most: int) -> list[int]:
    """Return the sizes of what is written, once it was all there."""
    written: list[bytes] = []
    copy(source, lambda data: written.append(bytes(data)), most=most)
    assert b"".join(written) == source.getvalue()
    return [len(data) for data in written]


DATA = bytes(range(256)) * 12_288  # 3 MiB


def test_pieces_grow_where_much_waits() -> None:
    """A file gets larger pieces once a whole one has been waiting."""
    sizes = pieces(Source(DATA, len(DATA)), FILE_COPY_SIZE)
    assert sizes == [COPY_SIZE, FILE_COPY_SIZE, FILE_COPY_SIZE, FILE_COPY_SIZE - COPY_SIZE]


def test_pieces_stay_where_little_waits() -> None:
    """What comes in small pieces is written in these."""
    assert set(pieces(Source(DATA, 4096), FILE_COPY_SIZE)) == {4096}


def test_pieces_stay_for_a_device() -> None:
    """Pieces grow no more than was said."""
    assert set(pieces(Source(DATA, len(DATA)), COPY_SIZE)) == {COPY_SIZE}
