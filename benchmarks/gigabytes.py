"""Measures of `fildes get`: gigabytes to nowhere and into memory, against curl."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measuring import Missing, Run, measure, per_second, rate_ratio, timed
from servers import nginx
from starting import ENVIRONMENT, FILDES

MEGABYTES = 4000  # what is in memory is there twice
MEMORY = Path("/dev/shm")


@contextlib.contextmanager
def download(place: str, *, secure: bool = False, verb: str = "get") -> Iterator[tuple[Run, Run]]:
    """Yield how a document of that size comes to *place*, by us and by curl."""
    if shutil.which("curl") is None:
        raise Missing("curl is not installed")
    with nginx(body=MEGABYTES * 1_000_000) as (port, tls_port, ca_file):
        scheme, port = ("https", tls_port) if secure else ("http", port)
        address = f"{scheme}://localhost:{port}/body"
        trust = ["--cacert", str(ca_file)] if secure else []
        curl = ["curl", "--silent", "--fail", *trust, "--output", place, address]
        known = ["--ca", str(ca_file)] if secure else []
        ours = [*FILDES, verb, *known, *(["-o", place] if verb == "get" else []), address]
        yield timed(lambda: run(ours)), timed(lambda: run(curl))


def run(command: list[str]) -> None:
    with open(os.devnull, "wb") as nowhere:
        subprocess.run(command, env=ENVIRONMENT, stdout=nowhere, stderr=nowhere, check=True)


@contextlib.contextmanager
def into_memory(*, secure: bool = False) -> Iterator[tuple[Run, Run]]:
    """As `download`, to a new file on a tmpfs, which is gone again before the next run."""
    if not os.path.ismount(MEMORY):
        raise Missing(f"{MEMORY} is not mounted")
    if os.statvfs(MEMORY).f_bavail * os.statvfs(MEMORY).f_frsize < MEGABYTES * 1_000_000:
        raise Missing(f"{MEMORY} is too small")
    with tempfile.TemporaryDirectory(prefix="fildes-bench-", dir=MEMORY) as directory:
        place = Path(directory) / "body"
        with download(str(place), secure=secure) as runs:

            def emptied(run: Run) -> Run:
                def run_anew() -> float:
                    place.unlink(missing_ok=True)
                    return run()

                return run_anew

            yield emptied(runs[0]), emptied(runs[1])


@measure(
    "4 GB by `fildes get -o /dev/null`, plain http, against `curl -o`",
    rate_ratio(1.0),
    repeats=11,  # single ones give from 0.7 to 1.5 times
    show=per_second("MB", MEGABYTES),
)
def get_to_nowhere() -> Iterator[tuple[Run, Run]]:
    with download(os.devnull) as runs:
        yield runs


@measure(
    "the same by `fildes cat`",
    rate_ratio(1.0),
    repeats=11,  # single ones give from 0.7 to 1.5 times
    show=per_second("MB", MEGABYTES),
)
def cat_to_nowhere() -> Iterator[tuple[Run, Run]]:
    with download(os.devnull, verb="cat") as runs:
        yield runs


@measure(
    "4 GB by `fildes get -o /dev/null`, https, against `curl -o`",
    rate_ratio(0.9),
    repeats=2,
    show=per_second("MB", MEGABYTES),
)
def get_secure_to_nowhere() -> Iterator[tuple[Run, Run]]:
    with download(os.devnull, secure=True) as runs:
        yield runs


@measure(
    "4 GB by `fildes get` into a file on a tmpfs, plain http, against `curl -o`",
    rate_ratio(1.0),
    repeats=3,
    show=per_second("MB", MEGABYTES),
)
def get_into_memory() -> Iterator[tuple[Run, Run]]:
    with into_memory() as runs:
        yield runs


@measure(
    "the same over https",
    rate_ratio(0.9),
    repeats=5,
    show=per_second("MB", MEGABYTES),
)
def get_secure_into_memory() -> Iterator[tuple[Run, Run]]:
    with into_memory(secure=True) as runs:
        yield runs
