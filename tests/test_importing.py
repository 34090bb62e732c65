"""What is imported when: a command that reads one document starts in no time."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import fildes

SOURCE = Path(__file__).parents[1] / "src"

#: What a document that comes over plain http, and at once, is read without.
NOT_NEEDED = {
    "cli": "board get progress relay reporting socat terminal waterfall",
    "http": "excerpt extents planning random upload uploading",
    "wire": "certificate data_uri digest entries png proxy_header reference zip",
    "files": "datagram text",
    "streams": "ancillary programs relay terminal",
    "": "aio compression copying extracting listener listening listing opener relaying serving",
}


#: Of the standard library, what would cost milliseconds.
SLOW = "asyncio dataclasses email hashlib http.client idna inspect logging shutil ssl"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers each request with one byte."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1")
        self.end_headers()
        self.wfile.write(b"x")

    def log_message(self, *what: object) -> None:
        """Say nothing."""


@pytest.fixture
def document() -> Iterator[str]:
    """The address of a small document."""
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def loaded_by(program: str, *arguments: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after *program*."""
    show = "print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; {program}; {show}", *arguments],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.removeprefix("fildes.") for name in done.stderr.split()}


def test_import_loads_what_open_needs() -> None:
    """`import fildes` alone loads no scheme, and nothing that other verbs are made of."""
    loaded = loaded_by("import fildes")
    later = {module.removeprefix("fildes.") for module in fildes.LATER.values()}
    assert loaded & (later - {"opened_by"}) == set()
    assert not any(name.startswith(("schemes.", "wire.", "tls.")) for name in loaded)
    assert loaded & {"argparse", "streams.kernel", *SLOW.split()} == set()


def test_cat_loads_what_it_needs(document: str) -> None:
    """`fildes cat` of a document over http loads nothing that only other commands need."""
    loaded = loaded_by("from fildes.cli import main; main(sys.argv[1:])", "cat", document)
    for folder, names in NOT_NEEDED.items():
        unneeded = {f"{folder}.{name}".lstrip(".") for name in names.split()}
        assert {name for name in loaded if name in unneeded} == set()
    assert loaded & set(SLOW.split()) == set()


@pytest.mark.parametrize("name", sorted(fildes.LATER))
def test_later_names_are_there(name: str) -> None:
    """What is imported when it is used belongs to the package as all else does."""
    assert name in dir(fildes)
    assert name in fildes.__all__
    assert getattr(fildes, name) is getattr(fildes, name)


def test_unknown_name() -> None:
    """A name that there is not is no attribute."""
    with pytest.raises(AttributeError, match="has no attribute 'opne'"):
        fildes.opne  # type: ignore[attr-defined]  # noqa: B018  # for its effect
