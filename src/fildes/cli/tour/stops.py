"""The stops of the tour, in order. What each of them claims is checked there."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import fildes
from fildes.cli.output import write_text
from fildes.cli.reporting import message_of
from fildes.cli.tour.guide import Guide
from fildes.cli.tour.server import CA_FILE, Site


class Visit(NamedTuple):
    """What every stop works with.

    Attributes:
      folder: where what was received is left.
    """

    site: Site
    folder: Path
    guide: Guide

    @property
    def page(self) -> str:
        """The address of the page, over TLS."""
        return f"{self.site.https}/page"


TLS = {"ca": str(CA_FILE)}


def walk(site: Site, folder: Path, guide: Guide) -> None:
    """Visit every stop."""
    guide.say(
        "A web server runs inside this process, on loopback. It has a page, and in the",
        "page lies a picture. An authority of its own vouches for it, so every line here",
        "says whom to trust: --ca ca.pem, or in Python, once:",
        "",
        '    import fildes, shutil, subprocess; tls = {"ca": "ca.pem"}',
    )
    shutil.copyfile(CA_FILE, folder / "ca.pem")
    visit = Visit(site, folder, guide)
    for stop in STOPS:
        stop(visit)


def open_the_page(visit: Visit) -> None:
    """Open the page, and draw the steps."""
    guide, page = visit.guide, visit.page
    guide.stop(
        "Open: all the steps from a name to a file, in one call",
        f'f = fildes.open("{page}", tls=tls)',
        f"fildes explain --ca ca.pem {page}",
    )
    with fildes.open(page, tls=TLS) as f:
        guide.draw(f.trace)
        names = [step.name for step in f.trace]
        wanted = ["resolve", "connect", "handshake", "request", "response"]
        guide.found(f"{f!r}", true=not f.closed)
        guide.found("its steps are " + ", ".join(wanted), true=sorted({*names}) == sorted(wanted))


def receive_the_page(visit: Visit) -> None:
    """Receive the HTTP file into a file."""
    guide, page, place = visit.guide, visit.page, visit.folder / "page.html"
    guide.stop(
        "Receive the HTTP file",
        'with fildes.open("./page.html", "wb") as to: shutil.copyfileobj(f, to)',
        f"fildes get --ca ca.pem -o page.html {page}",
    )
    with fildes.open(page, tls=TLS) as f, fildes.open(place, "wb") as file:
        shutil.copyfileobj(f, file)
        guide.found("before close() there is no page.html", true=not place.exists())
    received = place.read_bytes()
    guide.found(
        f"after it there is, whole: {len(received)} bytes", true=received == visit.site.page
    )


def extract_the_picture(visit: Visit) -> None:
    """Extract the PNG file from the page."""
    guide, address, place = visit.guide, f"png::{visit.page}", visit.folder / "fildes.png"
    guide.stop(
        "Extract the PNG file from it: a layer more in the address",
        f'f = fildes.open("{address}", tls=tls)',
        f"fildes get --ca ca.pem -o fildes.png {address}",
    )
    with fildes.open(address, tls=TLS) as f, fildes.open(place, "wb") as file:
        shutil.copyfileobj(f, file)
        guide.draw(f.trace[-1:])
    same = place.read_bytes() == visit.site.picture
    guide.found(f"fildes.png is the picture, all {len(visit.site.picture)} bytes of it", true=same)


def pipe_it(visit: Visit) -> None:
    """Hand the descriptor to another program."""
    guide, address = visit.guide, f"png::{visit.page}"
    guide.stop(
        "Pipe: the file has a descriptor, and any program can read it",
        'subprocess.run(["sha256sum"], stdin=f)',
        f"fildes run --ca ca.pem {address} -- sha256sum",
    )
    with fildes.open(address, tls=TLS) as f:
        fd = f.fileno()
        kind = os.readlink(f"/proc/self/fd/{fd}") if os.path.exists("/proc/self/fd") else "open"
        guide.found(f"f.fileno() is {fd}, {kind}", true=fd > 2)
        program = subprocess.run(hasher(), stdin=f, stdout=subprocess.PIPE, text=True, check=True)
    digest = program.stdout.split()[0]
    wanted = hashlib.sha256(visit.site.picture).hexdigest()
    guide.found(f"sha256sum says {digest[:48]}..", true=digest == wanted)
    with fildes.open(f"{visit.site.http}/fildes.png") as f:
        plain = hashlib.file_digest(f, "sha256").hexdigest()
    guide.found("and so does hashlib from http://, without TLS or page", true=plain == digest)


def hasher() -> list[str]:
    """Return the command line of sha256sum(1), or of something to the same effect."""
    if shutil.which("sha256sum"):
        return ["sha256sum"]
    program = (
        "import hashlib, sys; print(hashlib.file_digest(sys.stdin.buffer, 'sha256').hexdigest())"
    )
    return [sys.executable, "-c", program]


def look_at_it(visit: Visit) -> None:
    """Show the picture."""
    from fildes.cli import picture

    guide, place = visit.guide, visit.folder / "fildes.png"
    guide.stop(
        "Look at it",
        'fildes.open("./fildes.png").read()',
        "xdg-open fildes.png",
    )
    colours = guide.colours if guide.utf8 else "none"
    with fildes.open(place) as f:
        write_text(picture.draw(f.read(), columns=guide.columns, colours=colours))


def meet_a_broken_one(visit: Visit) -> None:
    """Read what the server cuts in the middle."""
    guide, address = visit.guide, f"{visit.site.http}/cut.png"
    guide.stop(
        "And when it breaks? An end of file means complete; all else is an OSError",
        f'fildes.open("{address}").read()',
        f"fildes cat {address}",
    )
    try:
        with fildes.open(address, tls=TLS) as f:
            f.read()
    except OSError as error:
        guide.found(f"fildes: {message_of(error)}", true=isinstance(error, fildes.IncompleteError))
    else:
        guide.found("half a file was noticed", true=False)


def close(visit: Visit) -> None:
    """Say where things are, and what to do next."""
    guide = visit.guide
    guide.stop(
        "Close: it returns when all was well, and raises when it was not",
        "f.close()",
        "exit status 0, and 18 for what was cut: see docs/exit-codes.md",
    )
    guide.say(
        f"What was received is in {visit.folder}/",
        "    page.html    the HTTP file",
        "    fildes.png   the PNG file that lay in it",
        "    ca.pem       the authority that vouches for the server",
        "",
        "Next: fildes --help, fildes help https, and in Python help(fildes.open)",
    )


STOPS: tuple[Callable[[Visit], None], ...] = (
    open_the_page,
    receive_the_page,
    extract_the_picture,
    pipe_it,
    look_at_it,
    meet_a_broken_one,
    close,
)
