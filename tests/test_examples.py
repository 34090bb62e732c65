"""The README's examples are run, each as a process of its own in an empty folder.

Their hosts are replaced by servers of ours: ``example.com`` by a server that has the
documents the examples ask for, ``localhost:7`` by an echo. The certificate of the
former is trusted by way of SSL_CERT_FILE, as OpenSSL reads it.
"""

from __future__ import annotations

import io
import re
import ssl
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import ENVIRONMENT, LIMIT
from peers import StartPeer, echo

from fildes.cli.tour.painting import paint
from fildes.cli.tour.server import CA_FILE, IDENTITY_FILE, Resource, page_with, running
from fildes.opening import registry

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^```(python|shell)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [match.groups() for match in BLOCK.finditer(README.read_text())]

#: The commands of the repository itself are tested elsewhere.
EXAMPLES = [(language, text) for language, text in BLOCKS if not text.startswith("make ")]


def archive() -> bytes:
    """Return a tar file, compressed, with one file in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a/readme"), io.BytesIO())
    return packed.getvalue()


@pytest.fixture
def site(nothing_left_behind: None) -> Iterator[str]:
    """Serve what the examples ask example.com for; return the host and port."""
    bodies = {
        "/notes.txt": ("text/plain", b"two\none\n"),
        "/a.tar.gz": ("application/gzip", archive()),
        "/page": ("text/html", page_with(paint())),
    }
    resources = {path: Resource(*each, len(each[1])) for path, each in bodies.items()}
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(IDENTITY_FILE)
    with running(resources, context) as port:
        yield f"localhost:{port}"


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """Return a folder with the command in it, as an installation would have it."""
    place = tmp_path / "bin" / "fildes"
    place.parent.mkdir()
    place.write_text(f'#!/bin/sh\nexec {sys.executable} -X dev -m fildes "$@"\n')
    place.chmod(0o755)
    return place.parent


def opening_line(example: tuple[str, str]) -> str:
    """Return the line of an example that opens something, as its name."""
    return next(
        line for line in example[1].splitlines() if "fildes" in line and "import" not in line
    )


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=opening_line)
def test_example_works(
    example: tuple[str, str], site: str, peer: StartPeer, bin_folder: Path, tmp_path: Path
) -> None:
    """An example of the README does what it says when it is typed as it stands."""
    language, text = example
    server = peer(echo, echo)
    text = text.replace("example.com", site).replace("localhost:7", f"127.0.0.1:{server.port}")
    programs = {
        "python": [sys.executable, "-X", "dev", "-W", "error", "-c", text],
        "shell": ["bash", "-euo", "pipefail", "-c", text],
    }
    path = f"{bin_folder}:{ENVIRONMENT['PATH']}"
    folder = tmp_path / "work"
    folder.mkdir()
    done = subprocess.run(
        programs[language],
        env={**ENVIRONMENT, "PATH": path, "SSL_CERT_FILE": str(CA_FILE)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    check_effects(text, folder, done.stdout)


def check_effects(text: str, folder: Path, out: str) -> None:
    """Check what an example claims besides ending well."""
    if "logo.png" in text:
        assert (folder / "logo.png").read_bytes() == paint()
        assert (folder / "pictures" / "001.png").read_bytes() == paint()
    if "report.txt" in text:
        assert (folder / "report.txt").read_text() == "all of it, or nothing\n"
    if "-d papers" in text:
        assert (folder / "papers" / "notes.txt").read_text() == "two\none\n"
        assert (folder / "papers" / "a.tar.gz").read_bytes()[:2] == b"\x1f\x8b"
    elif "tar" in text:
        assert "a/readme" in out
    if "| sort" in text:
        assert out == "one\ntwo\n"
    if "Policy" in text:
        assert len(out.splitlines()) == 4


def test_ten_examples() -> None:
    """The README has ten examples, in Python and in the shell."""
    assert len(EXAMPLES) >= 10
    assert {language for language, _ in EXAMPLES} == {"python", "shell"}


def test_readme_lists_every_scheme() -> None:
    """The README's table is what the schemes say of themselves."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", README.read_text(), re.MULTILINE)
    assert rows == [(name, registry.find_scheme(name).summary) for name in registry.known()]
