"""Documents put to servers that others wrote, by every driver."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from programs import need, serving
from upload_script import LARGE

import fildes
import fildes.aio

NGINX = """
daemon off; master_process off; pid {root}/pid; error_log {root}/log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {root}/bodies; proxy_temp_path {root}; fastcgi_temp_path {root};
  uwsgi_temp_path {root}; scgi_temp_path {root};
  server {{
    listen 127.0.0.1:{port}; root {root}/documents;
    location / {{ dav_methods PUT DELETE; create_full_put_path on; client_max_body_size 8m; }}
    location /small/ {{ dav_methods PUT; client_max_body_size 10; }}
    location /not/ {{ }}
  }}
}}
"""


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[str]:
    """Start nginx with its module for WebDAV; return the address of its documents."""
    program = need("nginx")
    built = subprocess.run([program, "-V"], capture_output=True, check=True).stderr
    if b"http_dav_module" not in built:
        pytest.skip("this nginx was built without its module for WebDAV")
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents").chmod(0o777)  # the worker may be another user
    tmp_path.chmod(0o777)

    def argv(port: int) -> list[str]:
        (tmp_path / "nginx.conf").write_text(NGINX.format(root=tmp_path, port=port))
        config = str(tmp_path / "nginx.conf")
        return [program, "-c", config, "-p", str(tmp_path), "-e", str(tmp_path / "log")]

    with serving(argv) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("options", [{}, {"size": len(LARGE)}, {"expect": True}])
def test_put_to_nginx(nginx: str, options: dict[str, int], tmp_path: Path) -> None:
    """What was put is there, and comes back."""
    with fildes.open(f"{nginx}/folder/x", "wb", http=options) as file:
        file.write(LARGE)
    assert file.response is not None
    assert file.response.status == 201
    assert (tmp_path / "documents" / "folder" / "x").read_bytes() == LARGE
    with fildes.open(f"{nginx}/folder/x") as found:
        assert found.read() == LARGE


def test_same_as_curl(nginx: str, tmp_path: Path) -> None:
    """curl and we put the same."""
    (tmp_path / "ours").write_bytes(LARGE)
    command = [need("curl"), "-sS", "--fail", "-T", str(tmp_path / "ours"), f"{nginx}/by-curl"]
    subprocess.run(command, check=True)
    with fildes.open(f"{nginx}/by-us", "wb") as file:
        file.write(LARGE)
    documents = tmp_path / "documents"
    assert (documents / "by-us").read_bytes() == (documents / "by-curl").read_bytes()


@pytest.mark.parametrize("options", [{}, {"size": len(LARGE)}, {"expect": True}])
def test_too_large_for_nginx(nginx: str, options: dict[str, int], tmp_path: Path) -> None:
    """A document that is too large is refused in words, whenever the server notices."""
    with (
        pytest.raises(OSError, match="413"),
        fildes.open(f"{nginx}/small/x", "wb", http=options) as file,
    ):
        file.write(LARGE)
    assert not (tmp_path / "documents" / "small" / "x").exists()


def test_not_allowed(nginx: str) -> None:
    """A place where nothing can be put says so."""
    with pytest.raises(OSError, match="405"), fildes.open(f"{nginx}/not/x", "wb") as file:
        file.write(b"x")


def test_interrupted_put(nginx: str, tmp_path: Path) -> None:
    """What was interrupted is not there, and what was there before stays."""
    with fildes.open(f"{nginx}/x", "wb") as file:
        file.write(b"before")
    with contextlib.suppress(KeyError), fildes.open(f"{nginx}/x", "wb") as file:
        file.write(LARGE)
        raise KeyError
    with fildes.open(f"{nginx}/x") as found:
        assert found.read() == b"before"


async def put(address: str) -> None:
    async with await fildes.aio.open(address, "wb") as file:
        await file.write(LARGE)


def test_put_under_asyncio_and_trio(nginx: str, tmp_path: Path) -> None:
    """Both loops put a document."""
    asyncio.run(put(f"{nginx}/one"))
    trio.run(put, f"{nginx}/two")
    for name in ("one", "two"):
        assert (tmp_path / "documents" / name).read_bytes() == LARGE


async def put_half(address: str) -> None:
    async with await fildes.aio.open(address, "wb") as file:
        await file.write(LARGE)
        raise KeyError


def test_interrupted_put_under_asyncio_and_trio(nginx: str, tmp_path: Path) -> None:
    """An exception commits nothing there either."""
    with pytest.raises(KeyError):
        asyncio.run(put_half(f"{nginx}/one"))
    with pytest.raises(KeyError):
        trio.run(put_half, f"{nginx}/two")
    assert list((tmp_path / "documents").iterdir()) == []
