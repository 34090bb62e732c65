"""The story that fildes is for, told by the command: a page, and the picture in it.

The server is nginx, so that both sides were not written by the same hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from authority import Authority
from commands import RunMain, fildes, run
from web_servers import Site, nginx

from fildes.cli.tour.painting import paint
from fildes.cli.tour.server import page_with

__all__ = ["fildes"]

PICTURE = paint()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, tls_ca: Authority) -> Iterator[Site]:
    """Serve a page with a picture in it by nginx."""
    root = tmp_path_factory.mktemp("nginx")
    with nginx(root, tls_ca) as site:
        (root / "documents" / "page.html").write_bytes(page_with(PICTURE))
        yield site


@pytest.fixture
def ca(tls_ca: Authority) -> list[str]:
    """Return the options that trust the server."""
    return ["--ca", str(tls_ca.ca_file)]


@pytest.mark.parametrize("folder", ["", "/chunked", "/until-close"])
def test_picture_is_extracted(
    fildes: RunMain, site: Site, ca: list[str], tmp_path: Path, folder: str
) -> None:
    """The PNG file comes out of the HTTP file, however nginx frames it."""
    place = tmp_path / "logo.png"
    address = f"png::{site.secure}{folder}/page.html"
    assert fildes("get", *ca, "-o", str(place), address) == (0, "", "")
    assert place.read_bytes() == PICTURE


@pytest.mark.parametrize("command", [["cat"], ["run"]])
def test_bytes_reach_a_pipe(site: Site, ca: list[str], command: list[str]) -> None:
    """The bytes are the same through our own hands and through a program's descriptor."""
    program = ["--", "cat"] if command == ["run"] else []
    done = run(*command, *ca, f"png::{site.secure}/page.html", *program)
    assert (done.returncode, done.stdout, done.stderr) == (0, PICTURE, b"")


def test_all_ways_lead_there(fildes: RunMain, site: Site, ca: list[str]) -> None:
    """Plain, private and by unix socket it is the same document."""
    plain = fildes("cat", f"{site.plain}/page.html")
    secure = fildes("cat", *ca, f"{site.secure}/page.html")
    local = fildes("cat", f"http://localhost/page.html::{site.unix}")
    assert plain == secure == local == (0, page_with(PICTURE).decode(), "")


def test_steps_are_explained(fildes: RunMain, site: Site, ca: list[str]) -> None:
    """Every step from the name to the picture is there, and has taken some time."""
    done = fildes("explain", "--json", *ca, f"png::{site.secure}/page.html")
    steps = json.loads(done.out)["steps"]
    names = [step["name"] for step in steps if step["error"] is None]
    assert names == ["resolve", "connect", "handshake", "request", "response", "decode"]
    assert all(step["seconds"] > 0 for step in steps)
    assert steps[-1]["detail"] == "png 320x120 RGB"


def test_unknown_authority(fildes: RunMain, site: Site) -> None:
    """Without --ca the server is not believed, and the message says what to do."""
    done = fildes("cat", f"{site.secure}/page.html")
    assert (done.status, done.out) == (60, "")
    assert "certificate verify failed" in done.err
    assert "pass the CA with --ca FILE if you trust it" in done.err
