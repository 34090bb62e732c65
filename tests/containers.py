"""Archives with pictures, as the libraries of others make them, and what is found in them."""

from __future__ import annotations

import functools
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable

from compressed import OF_MEMBERS
from pictures import each_kind

from fildes.compression.unpacking import DeepFinder
from fildes.wire.picture_finder import Begun, Ended

PICTURES = each_kind()
TEXT = b"some text, which is no picture. " * 40
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]


class Found:
    """What a search has found.

    Attributes:
      pictures: the sound ones, with their offsets.
      errors: of the others, and of the search itself.
    """

    def __init__(self, segments: list[bytes]) -> None:
        self.pictures: list[tuple[int, bytes]] = []
        self.errors: list[str] = []
        self.begun: tuple[int, list[bytes]] = 0, []
        finder = DeepFinder()
        try:
            for segment in segments:
                for event in finder.feed(segment):
                    self.take(event)
            for event in finder.finish():
                self.take(event)
        except OSError as error:
            self.errors.append(str(error))

    def take(self, event: object) -> None:
        match event:
            case Begun():
                self.begun = event.offset, []
            case Ended(None):
                self.pictures.append((self.begun[0], b"".join(self.begun[1])))
            case Ended(error):
                self.errors.append(str(error))
            case bytes():
                self.begun[1].append(event)

    @property
    def data(self) -> list[bytes]:
        return [data for _, data in self.pictures]


def found_in(data: bytes) -> list[bytes]:
    """Return the pictures in *data*, where nothing is wrong."""
    found = Found([data])
    assert found.errors == []
    return found.data


class Pipe(io.BytesIO):
    """A file without positions, into which zipfile writes data descriptors."""

    def seekable(self) -> bool:
        return False

    def seek(self, *args: int) -> int:
        raise io.UnsupportedOperation

    tell = seek


def zipped(
    members: list[bytes], method: int = zipfile.ZIP_DEFLATED, sink: type[io.BytesIO] = io.BytesIO
) -> bytes:
    buffer = sink()
    with zipfile.ZipFile(buffer, "w", method) as writer:
        for number, data in enumerate(members):
            writer.writestr(f"folder/{number}", data)
    return buffer.getvalue()


def tarred(members: list[bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as writer:
        for number, data in enumerate(members):
            member = tarfile.TarInfo(f"{number}")
            member.size = len(data)
            writer.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def all_gzipped(members: list[bytes]) -> bytes:
    """Return a tar archive whose members are compressed one by one."""
    return tarred([gzip.compress(each) for each in members])


Pack = Callable[[list[bytes]], bytes]

CONTAINERS: dict[str, Pack] = {
    "zip": zipped,
    "stored zip": functools.partial(zipped, method=zipfile.ZIP_STORED),
    "bzip2 in zip": functools.partial(zipped, method=zipfile.ZIP_BZIP2),
    "zip from a pipe": functools.partial(zipped, sink=Pipe),
    "stored zip from a pipe": functools.partial(zipped, method=0, sink=Pipe),
    "tar": tarred,
    "gzip in tar": all_gzipped,
    "zip in zip": lambda members: zipped([TEXT, zipped(members), TEXT]),
    "zip stored in zip": lambda members: zipped([zipped(members)], zipfile.ZIP_STORED),
    "tar.gz in zip in tar.xz": lambda members: lzma.compress(
        tarred([zipped([gzip.compress(tarred(members))])])
    ),
    "after a program": lambda members: random.Random(5).randbytes(99_999) + zipped(members),
    **{
        f"tar in {library.name}": functools.partial(
            lambda members, library: library.compress(tarred(members)), library=library
        )
        for library in OF_MEMBERS
    },
}
