"""stdio: the standard input and output of this process, as one conversation."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from fildes.scheme import Example, Scheme, Shape
from fildes.schemes.fd import duplicate
from fildes.streams.kernel import DescriptorStream

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="stdio",
    shape=Shape.WORD,
    summary="standard input and output; also written -",
    modes=("r+b", "rb", "wb", "ab"),
    examples=(Example("stdio:", "read descriptor 0, write descriptor 1; the same as -"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Open duplicates of descriptors 0 and 1, or of the one that the mode needs."""
    with opening.step("connect", "standard input and output"):
        if opening.mode != "r+b":
            return duplicate(0 if opening.mode == "rb" else 1, opening.mode)
        if same_socket(0, 1):  # as inetd starts its programs: half-close is shutdown(2)
            return duplicate(0)
        with contextlib.ExitStack() as undo:
            source = os.dup(0)
            undo.callback(os.close, source)
            sink = os.dup(1)
            undo.callback(os.close, sink)
            stream = DescriptorStream(source, sink)
            stream.apart = True
            undo.pop_all()
        return stream


def same_socket(left: int, right: int) -> bool:
    """Tell whether two descriptors are one socket."""
    one, other = os.fstat(left), os.fstat(right)
    return stat.S_ISSOCK(one.st_mode) and os.path.samestat(one, other)
