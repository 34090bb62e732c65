"""pty: a new pseudoterminal, for a program that wants a terminal or a serial line; pty(7).

We have the master's end; the program opens the path of the other one, which `peer`
and the trace tell, or the link that was asked for.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.errors import AddressError
from fildes.opening.owners import OWNER, owner_of
from fildes.opening.terminal_options import TERMINAL_OPTIONS, terminal_settings
from fildes.scheme import Example, Option, Scheme, Shape
from fildes.streams.terminal import MasterStream, open_master
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="pty",
    shape=Shape.WORD,
    summary="a new pseudoterminal, whose other end a program opens",
    options=(
        Option("link", "text", "a path that leads to the other end, removed on close"),
        Option("mode", "text", "the permissions of the other end, in octal, as in 600"),
        *OWNER,
        Option("wait", "flag", "wait until somebody has opened the other end", False),
        *TERMINAL_OPTIONS,
    ),
    examples=(
        Example("pty:?link=/tmp/modem&raw=on", "what looks like a serial line to others"),
        Example("pty:?wait=on", "opened as soon as a program uses it"),
    ),
)

#: poll(2) does not tell when the other end is opened, so it is looked at so often.
LOOK_DELAY = 0.010  # arbitrary


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Make a pseudoterminal and say where its other end is."""
    if address.path:
        raise AddressError("pty takes no word: exec:PROGRAM?pty=on starts a program on one")
    settings, mode = terminal_settings(opening, address), parse_mode(opening, address)
    owner = owner_of(opening, address)
    with opening.step("connect", "pseudoterminal") as step:
        stream = PtyStream(open_master())
        try:
            step.detail = stream.path
            settings(stream.source)
            owner.give(stream.path)
            if mode is not None:
                os.chmod(stream.path, mode)
            if link := opening.option(address, "link"):
                stream.make_link(link)
            if opening.option(address, "wait"):
                await opened(stream)
        except BaseException:
            stream.abort()
            raise
    return stream


def parse_mode(opening: Opening, address: Address) -> int | None:
    """Return the permissions that the option says, None if it says none."""
    text = opening.option(address, "mode")
    if text is None:
        return None
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise AddressError("option mode takes permissions in octal, as in 600")
    return mode


async def opened(stream: MasterStream) -> None:
    """Wait until another process has the other end open."""
    # After the first close of the other end the kernel reports a hang-up until the next open.
    os.close(os.open(stream.path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    while wait({stream.source: 0}, 0).get(stream.source, 0) & select.POLLHUP:
        await wait_any({}, LOOK_DELAY)


class PtyStream(MasterStream):
    """A pseudoterminal, with a link to its other end."""

    link = ""

    def make_link(self, link: str) -> None:
        """Make *link* lead to the other end; a link that is there already is replaced.

        Raises:
          FileExistsError: there is something else.
        """
        link = os.path.abspath(link)  # whatever the working directory is later
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISLNK(os.lstat(link).st_mode):
                raise FileExistsError(errno.EEXIST, f"{link} is there, and is no link")
            os.unlink(link)
        os.symlink(self.path, link)
        self.link = link

    def abort(self) -> None:
        link, self.link = self.link, ""
        if link:
            with contextlib.suppress(OSError):  # it was removed, or is somebody else's now
                if os.readlink(link) == self.path:
                    os.unlink(link)
        super().abort()
