"""Libraries that read tables, trees, archives and pictures do so at random through our files."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from counting import CountingServer
from PIL import Image

import fildes

CHANCE = random.Random(6)
NOISE = CHANCE.randbytes(3_000_000)

Read = Callable[[Any], object]


def same(data: bytes, read: Read, hint: str = "random", most: int | None = None) -> None:
    """Check that *read* gets the same from a server as from memory, in *most* requests."""
    expected = read(io.BytesIO(data))
    with CountingServer(data) as server:
        with fildes.open(server.address(), http={"hint": hint}) as file:
            assert read(file) == expected
        assert most is None or server.count <= most


def parquet() -> bytes:
    """Return a table of four columns of numbers and one of words, in several groups of rows."""
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    writer = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    numbers = [CHANCE.random() for _ in range(40_000)]
    columns: dict[str, list[Any]] = {
        f"c{index}": numbers[index:] + numbers[:index] for index in range(4)
    }
    columns["word"] = [f"word {number % 97}" for number in range(len(numbers))]
    file = io.BytesIO()
    writer.write_table(pyarrow.table(columns), file, row_group_size=7000)
    return file.getvalue()


@pytest.mark.slow
def test_parquet_schema_in_one_request() -> None:
    """The schema of a table is in its end, which opening brings."""
    data = parquet()
    reader = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    same(data, lambda file: str(reader.ParquetFile(file).schema_arrow), "tail", most=1)


@pytest.mark.slow
@pytest.mark.parametrize("hint", ["random", "tail"])
def test_parquet_columns(hint: str) -> None:
    """A column, a group of rows and all of a table are the same as from memory."""
    data = parquet()
    reader = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    same(data, lambda file: reader.ParquetFile(file).read(["c2"]).to_pydict(), hint)
    same(data, lambda file: reader.ParquetFile(file).read_row_group(3).to_pydict(), hint)
    same(data, lambda file: reader.read_table(file).to_pydict(), hint)


@pytest.mark.slow
def test_pandas() -> None:
    """A table of text and one of columns are the same as from memory."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    data = parquet()
    same(data, lambda file: pandas.read_parquet(file, columns=["c1", "word"]).to_dict())
    text = "a,b\n" + "".join(f"{number},{number**2}\n" for number in range(20_000))
    same(text.encode(), lambda file: pandas.read_csv(file).to_dict())


def test_numpy() -> None:
    """An array is the same as from memory, from a file without a buffer: see `fildes.open`."""
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    made = io.BytesIO()
    numpy.save(made, numpy.arange(100_000))
    with (
        CountingServer(made.getvalue()) as server,
        fildes.open(server.address(), buffering=0) as file,
    ):
        assert numpy.load(file).tolist() == list(range(100_000))


@pytest.mark.slow
def test_hdf5() -> None:
    """A tree of arrays is listed, and parts of them read, as from memory."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    made = io.BytesIO()
    with h5py.File(made, "w") as tree:
        for index in range(5):
            rows = [[CHANCE.random() for _ in range(50)] for _ in range(400)]
            tree.create_dataset(f"group/{index}", data=rows, chunks=(20, 50), compression="gzip")

    def read(file: Any) -> object:
        with h5py.File(file, "r") as tree:
            parts = [tree[f"group/{index}"][37:190:3].tolist() for index in (3, 0)]
            return sorted(tree["group"]), parts

    same(made.getvalue(), read)


def test_zipfile() -> None:
    """Members are read in any order, one inside the other."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(100):
            archive.writestr(str(number), NOISE[number * 20_000 : (number + 1) * 20_000])

    def read(file: Any) -> object:
        with zipfile.ZipFile(file) as archive:
            assert archive.testzip() is None
            with archive.open("3") as first, archive.open("90") as second:
                return [first.read(100), second.read(100), first.read(), archive.read("50")]

    same(made.getvalue(), read, "tail")


def test_tarfile() -> None:
    """Members of a tar archive are found and read, backward too."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for number in range(20):
            info = tarfile.TarInfo(str(number))
            info.size = 100_000
            archive.addfile(info, io.BytesIO(NOISE[number * 100_000 :]))

    def read(file: Any) -> object:
        with tarfile.open(fileobj=file) as archive:
            members = archive.getmembers()
            files = [archive.extractfile(member) for member in reversed(members)]
            return [member.name for member in members], [file.read() for file in files if file]

    same(made.getvalue(), read)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF", "JPEG"])
def test_pictures(kind: str) -> None:
    """A picture is the same as from memory, whatever its reader jumps to."""
    made = io.BytesIO()
    Image.frombytes("RGB", (500, 400), NOISE[:600_000]).save(made, kind)

    def read(file: Any) -> object:
        with Image.open(file) as picture:
            return picture.size, picture.convert("RGB").tobytes()

    same(made.getvalue(), read)


def test_size_of_a_png_in_one_request() -> None:
    """The size of a picture is in what opening brings."""
    made = io.BytesIO()
    Image.frombytes("RGB", (500, 400), NOISE[:600_000]).save(made, "PNG")

    def read(file: Any) -> object:
        with Image.open(file) as picture:
            return picture.size

    same(made.getvalue(), read, most=1)
