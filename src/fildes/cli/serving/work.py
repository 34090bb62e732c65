"""What a server is to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from fildes.cli.relaying.reporter import Reporter
    from fildes.listening.accepting import Acceptor


class Work(NamedTuple):
    """What a server is to do, in each of its processes.

    Attributes:
      numbers: of connections, whichever process they are in.
    """

    acceptor: Acceptor
    arguments: Namespace
    reporter: Reporter
    numbers: Iterator[int]
