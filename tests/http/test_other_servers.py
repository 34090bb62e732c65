"""Apache, lighttpd, nginx and Python's own server: what is promised holds with each of them."""

from __future__ import annotations

import contextlib
import io
import os
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from authority import Authority
from commands import RunMain
from commands import fildes as command
from http_script import response_of
from other_servers import apache, lighttpd
from upload_script import LARGE
from web_servers import DOCUMENTS, nginx, python_server

import fildes

__all__ = ["command"]

BYTES = DOCUMENTS["large.bin"]
KINDS = ["apache", "lighttpd", "nginx", "python"]
WITH_PARTS = ["apache", "lighttpd", "nginx"]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, tls_ca: Authority) -> Iterator[dict[str, str]]:
    """Start every server that is installed; return their addresses, or why there is none."""
    folder = tmp_path_factory.mktemp
    servers = {
        "apache": apache(),
        "lighttpd": lighttpd(folder("lighttpd")),
        "nginx": plain_nginx(folder("nginx"), tls_ca),
        "python": python_server(folder("python")),
    }
    with contextlib.ExitStack() as running:
        found: dict[str, str] = {}
        for kind, server in servers.items():
            try:
                found[kind] = running.enter_context(server)
            except pytest.skip.Exception as missing:
                found[kind] = str(missing)
        yield found


@contextlib.contextmanager
def plain_nginx(folder: Path, authority: Authority) -> Iterator[str]:
    with nginx(folder, authority) as site:
        yield site.plain


@pytest.fixture
def site(sites: dict[str, str], kind: str) -> str:
    """Return the address of a server of this *kind*."""
    if not sites[kind].startswith("http"):
        pytest.skip(sites[kind])
    return sites[kind]


every_kind = pytest.mark.parametrize("kind", KINDS)
with_parts = pytest.mark.parametrize("kind", WITH_PARTS)


@every_kind
@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(site: str, name: str) -> None:
    """Each document is read whole, with a hint and without."""
    for hint in ("sequential", "random", "tail"):
        with fildes.open(f"{site}/{name.replace(' ', '%20')}", http={"hint": hint}) as file:
            assert file.read() == DOCUMENTS[name]


@with_parts
def test_random_reads(site: str) -> None:
    """Whatever is read, wherever, is what is there."""
    places = random.Random(7)
    with fildes.open(f"{site}/large.bin") as file:
        assert file.size == len(BYTES)
        for _ in range(60):
            offset, size = places.randrange(len(BYTES)), places.choice([1, 100, 5000, 200_000])
            assert file.pread(size, offset) == BYTES[offset : offset + size]
        ranges = [(start, start + 100) for start in places.sample(range(len(BYTES)), 20)]
        assert file.read_ranges(ranges) == [BYTES[start:stop] for start, stop in ranges]
        file.seek(-5, os.SEEK_END)
        assert file.read() == BYTES[-5:]


@pytest.mark.parametrize("kind", ["python"])
def test_no_parts(site: str) -> None:
    """Without ranges the document is a stream, and a part of it an error."""
    with fildes.open(f"{site}/large.bin") as file:
        assert not file.seekable()
        assert file.read(10) == BYTES[:10]
    with pytest.raises(OSError, match="no part"):
        fildes.open(f"{site}/large.bin", http={"range": "5-9"})


@with_parts
@pytest.mark.parametrize("text", ["0-0", "1000000-1999999", "2000000-", "-77", "0-"])
def test_ranges(site: str, text: str) -> None:
    """A range is exactly what is read, as curl counts it."""
    first, _, last = text.partition("-")
    start = int(first) if first else len(BYTES) - int(last)
    stop = int(last) + 1 if first and last else len(BYTES)
    with fildes.open(f"{site}/large.bin", http={"range": text}) as file:
        assert file.read() == BYTES[start:stop]


@with_parts
def test_range_of_nothing(site: str) -> None:
    """In an empty document, and behind the end, there is no range."""
    for name in ("empty", "small.txt"):
        with pytest.raises(OSError, match=r"416|200"):
            fildes.open(f"{site}/{name}", http={"range": "50-60"})


@with_parts
def test_unchanged(site: str) -> None:
    """What a server says of a document is what it recognizes."""
    with fildes.open(f"{site}/small.txt") as file:
        headers = response_of(file).headers
    for option, name in (("if_none_match", "ETag"), ("if_modified_since", "Last-Modified")):
        with pytest.raises(fildes.NotModifiedError):
            fildes.open(f"{site}/small.txt", http={option: headers[name]})


@every_kind
def test_missing(site: str) -> None:
    """What is not there is a FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        fildes.open(f"{site}/missing")


@pytest.mark.parametrize("kind", ["apache", "lighttpd"])
@pytest.mark.parametrize("hint", ["sequential", "random"])
def test_several_redirects(site: str, hint: str) -> None:
    """Over several redirects, to other hosts and back, the document is found."""
    with fildes.open(f"{site}/one/large.bin", http={"hint": hint}) as file:
        assert response_of(file).address == f"{site}/large.bin"
        assert file.read() == BYTES
    with fildes.open(f"{site}/one/large.bin", http={"range": "7-9"}) as file:
        assert file.read() == BYTES[7:10]


@pytest.mark.parametrize("kind", ["apache"])
def test_compressed_by_apache(site: str) -> None:
    """What Apache compresses for us is the document."""
    with fildes.open(f"{site}/gzip/large.bin", http={"decode": True}) as file:
        assert response_of(file).headers["content-encoding"] == "gzip"
        assert file.read() == BYTES
    with fildes.open(f"{site}/gzip/large.bin") as file:
        assert file.pread(10, 1_000_000) == BYTES[1_000_000:1_000_010]


@pytest.mark.parametrize("kind", ["apache"])
def test_digest_of_apache(site: str) -> None:
    """mod_auth_digest lets in who proves the password, for every part that is asked for."""
    place = site.replace("//", "//me:p%40ss%20word@") + "/digest/large.bin"
    with fildes.open(place, http={"auth": "digest"}) as file:
        for offset in (0, 1_500_000, 700_000):
            assert file.pread(100, offset) == BYTES[offset : offset + 100]
    with pytest.raises(PermissionError):
        fildes.open(place.replace("p%40ss", "wrong"), http={"auth": "digest"})


def received(place: str) -> bytes:
    with fildes.open(place) as file:
        return file.read()


@pytest.mark.parametrize("kind", ["apache"])
@pytest.mark.parametrize("options", [{}, {"size": len(LARGE)}, {"expect": True}])
def test_put_to_apache(site: str, options: dict[str, int]) -> None:
    """What is put there is there; only a new one with xb; and nothing of what is interrupted."""
    place = f"{site}/dav/{len(options)}{'expect' in options}"
    with fildes.open(place, "wb", http=options) as file:
        file.write(LARGE)
    assert received(place) == LARGE
    with pytest.raises(FileExistsError), fildes.open(place, "xb") as file:
        file.write(b"another")
    with contextlib.suppress(KeyError), fildes.open(place, "wb") as file:
        file.write(b"half")
        raise KeyError
    assert received(place) == LARGE


@pytest.mark.parametrize("kind", ["apache"])
def test_archive_on_apache(site: str) -> None:
    """An archive that was put there is listed and read, by us and by zipfile."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("noise", LARGE)
        archive.writestr("b", b"small")
    with fildes.open(f"{site}/dav/x.zip", "wb") as file:
        file.write(buffer.getvalue())
    assert [entry.name for entry in fildes.ls(f"zip::{site}/dav/x.zip")] == ["noise", "b"]
    assert received(f"zip://b::{site}/dav/x.zip") == b"small"
    with fildes.open(f"{site}/dav/x.zip") as found, zipfile.ZipFile(found) as archive:
        assert archive.read("b") == b"small"


@every_kind
@pytest.mark.parametrize("argv", [["-c"], ["-x", "3"], ["-c", "-x", "2"], ["--if-changed"]])
def test_get(
    site: str, command: RunMain, argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download in parts is the document, from whichever server; so is one that goes on."""
    monkeypatch.chdir(tmp_path)
    assert command("get", *argv, f"{site}/large.bin") == (0, "", "")
    assert Path("large.bin").read_bytes() == BYTES
    assert os.listdir() == ["large.bin"]
