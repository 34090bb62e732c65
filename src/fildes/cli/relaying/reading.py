"""From the text of one side, in any spelling, to the side."""

from __future__ import annotations

from fildes.address import parse
from fildes.cli.relaying.side import DEFAULT, Side
from fildes.cli.spelling import compile_spelling
from fildes.opening import registry


def read_side(text: str) -> Side:
    """Return the side that *text* stands for: an address of ours, or of socat's.

    A listener of ours serves any number of connections; socat's does where it says
    ``fork``.

    Raises:
      AddressError: it stands for none.
    """
    from fildes.cli.socat.deciding import is_socat  # its tables cost others nothing

    if is_socat(text, registry.find_scheme):
        from fildes.cli.socat.compiling import compile_socat

        return compile_socat(text, registry.find_scheme)
    side = Side(parse(compile_spelling(text, registry.find_scheme), registry.find_scheme))
    return side._replace(settings=DEFAULT._replace(fork=True)) if side.listening else side
