"""Ways to read a document at random, by the readers of archives, tables and pictures.

`PATTERNS` are those that the rules of reading at random were made on. Those of `held_out`
and `fresh` were written down later, and tell what the rules are worth elsewhere.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

K, M = 1 << 10, 1 << 20

Read = Callable[[Any], object]


class Pattern(NamedTuple):
    """A way to read: its *name*, the *document* and what is done with the file."""

    name: str
    document: str
    read: Read
    hint: str = "random"


def member(number: int) -> str:
    return f"folder/member-{number:04}"


def zip_members(*numbers: int) -> Read:
    """Return the reader of the list of a zip, and of these members."""

    def read(file: Any) -> int:
        opened = isinstance(file, zipfile.ZipFile)  # of remotezip
        with contextlib.nullcontext(file) if opened else zipfile.ZipFile(file) as archive:
            return len(archive.namelist()) + sum(len(archive.read(member(n))) for n in numbers)

    return read


def tar_list(file: Any) -> int:
    with tarfile.open(fileobj=file) as archive:
        return len(archive.getnames())


def tar_member(file: Any) -> int:
    with tarfile.open(fileobj=file) as archive:
        for each in archive:
            if each.name == member(20):
                data = archive.extractfile(each)
                assert data is not None
                return len(data.read())
    raise KeyError(member(20))


def parquet_schema(file: Any) -> object:
    return importlib.import_module("pyarrow.parquet").ParquetFile(file).schema_arrow


def parquet_column(file: Any) -> object:
    table = importlib.import_module("pyarrow.parquet").ParquetFile(file)
    return table.read(columns=["c3"])


def hdf5_list(file: Any) -> object:
    with importlib.import_module("h5py").File(file, "r") as tree:
        return sorted(tree)


def hdf5_slice(file: Any) -> object:
    with importlib.import_module("h5py").File(file, "r") as tree:
        return tree["d2"][1000:1200].sum()


def picture_size(file: Any) -> object:
    with importlib.import_module("PIL.Image").open(file) as picture:
        return picture.size


def in_order(chunk: int) -> Read:
    """Return the reader of everything, by pieces of *chunk*."""

    def read(file: Any) -> int:
        return sum(len(data) for data in iter(lambda: file.read(chunk), b""))

    return read


def at(offsets: list[int], size: int) -> Read:
    """Return the reader of *size* bytes at each of *offsets*, one after the other."""

    def read(file: Any) -> int:
        got = 0
        for offset in offsets:
            file.seek(offset)
            got += len(file.read(size))
        return got

    return read


def clusters() -> list[int]:
    """Return offsets around four places of the large document, in turn."""
    chance = random.Random(2)
    places = [chance.randrange(LARGE - M) for _ in range(4)]
    return [chance.choice(places) + chance.randrange(256 * K) for _ in range(60)]


LARGE = 256 * M
CHANCE = random.Random(1)

PATTERNS = [
    Pattern("zip: the list of 2,000", "zip", zip_members(), "tail"),
    Pattern("zip: one member", "zip", zip_members(777), "tail"),
    Pattern("zip: 20 members", "zip", zip_members(*CHANCE.sample(range(2000), 20)), "tail"),
    Pattern("tar: the list", "tar", tar_list),
    Pattern("tar: one member", "tar", tar_member),
    Pattern("Parquet: the schema", "parquet", parquet_schema, "tail"),
    Pattern("Parquet: one column of eight", "parquet", parquet_column, "tail"),
    Pattern("HDF5: the list", "hdf5", hdf5_list),
    Pattern("HDF5: a slice", "hdf5", hdf5_slice),
    Pattern("PNG: the size", "png", picture_size),
    Pattern("all, by 64 KiB", "tar", in_order(64 * K)),
    Pattern("all, by 1 MiB", "tar", in_order(M)),
    Pattern(
        "4 MiB backward, by 64 KiB",
        "large",
        at(list(range(LARGE - 4 * M, LARGE, 64 * K))[::-1], 64 * K),
    ),
    Pattern(
        "30 places, 100 bytes each", "large", at([CHANCE.randrange(LARGE) for _ in range(30)], 100)
    ),
    Pattern("60 reads around 4 places", "large", at(clusters(), 4 * K)),
    Pattern("4 KiB of each MiB of 32", "large", at(list(range(0, 32 * M, M)), 4 * K)),
    Pattern("the head and the tail", "large", at([0, LARGE - 8 * K, 4 * K], 4 * K)),
]


def make_documents(root: Path) -> None:
    """Write the documents that are read."""
    noise = random.Random(3).randbytes(24 * M)
    (root / "zip").write_bytes(zip_of(noise))
    (root / "tar").write_bytes(tar_of(noise))
    np, pa, pq, h5py, image = (
        importlib.import_module(name)
        for name in ("numpy", "pyarrow", "pyarrow.parquet", "h5py", "PIL.Image")
    )
    numbers = np.frombuffer(noise, dtype="int64")[: 3 * M].reshape(8, -1)
    columns = {f"c{index}": row for index, row in enumerate(numbers)}
    pq.write_table(pa.table(columns), root / "parquet", row_group_size=100_000)
    with h5py.File(root / "hdf5", "w") as tree:
        for index, row in enumerate(numbers):
            tree.create_dataset(
                f"d{index}", data=row[:300_000].reshape(3000, 100), chunks=(100, 100)
            )
    image.frombytes("RGB", (1200, 1000), noise[:3_600_000]).save(root / "png", "PNG")
    with (root / "large").open("wb") as file:
        file.truncate(LARGE)


def zip_of(noise: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(2000):
            archive.writestr(member(number), noise[number * 12 * K : (number + 1) * 12 * K])
    return file.getvalue()


def tar_of(noise: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for number in range(40):
            info = tarfile.TarInfo(member(number))
            info.size = 512 * K
            archive.addfile(info, io.BytesIO(noise[number * 512 * K :]))
    return file.getvalue()
