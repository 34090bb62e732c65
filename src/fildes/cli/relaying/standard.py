"""Standard input and output as sides of relays: somebody else's, and perhaps not there."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fildes.cli.output import check_stdout
from fildes.cli.relaying.opening import MODES
from fildes.errors import add_context

if TYPE_CHECKING:
    from fildes.cli.relaying.plan import Plan
    from fildes.cli.relaying.side import Side

#: By the mode in which `stdio` is opened.
DESCRIPTORS = {"r+b": (0, 1), "rb": (0,), "wb": (1,)}


def check_standard(plans: Iterable[Plan]) -> None:
    """Raise if *plans* need a standard input or output that is not there.

    Its descriptor may be another file's by now, which nobody wants to be copied.

    Raises:
      OSError: it was closed before this program began.
    """
    needed = {number for plan in plans for number in descriptors_of(plan)}
    if 0 in needed and sys.stdin is None:
        error = OSError(errno.EBADF, "it is closed")
        add_context(error, "connect", "standard input")
        raise error
    if 1 in needed:
        check_stdout()


def descriptors_of(plan: Plan) -> Iterator[int]:
    """Return which of 0 and 1 the sides of *plan* are, in the directions that it copies."""
    modes = MODES[plan.directions]
    for side, mode in zip((plan.left, plan.right), modes, strict=True):
        if side.sink is None:
            yield from descriptors_of_side(side, mode)
            continue
        if mode != "wb":
            yield from descriptors_of_side(side, "rb")
        if mode != "rb":
            yield from descriptors_of_side(side.sink, "wb")


def descriptors_of_side(side: Side, mode: str) -> Iterator[int]:
    """Return which of 0 and 1 *side* is in *mode*, whatever is spoken over it."""
    for layer in side.address.layers():
        if layer.scheme == "stdio":
            yield from DESCRIPTORS[mode]
        elif layer.scheme == "fd" and layer.path in {"0", "1"}:
            yield int(layer.path)
