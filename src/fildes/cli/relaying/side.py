"""One side of a relay: an address, and how it is to be used."""

from __future__ import annotations

from typing import Literal, NamedTuple

from fildes.address import Address
from fildes.opening.owners import NOBODY_ELSE, Owner

#: How the end of file is passed on to a side: by a half-close, not at all, as an empty
#: datagram, or by closing it.
Shut = Literal["down", "none", "null", "close"]

LineEnd = Literal["", "cr", "crnl"]


class Settings(NamedTuple):
    """How a side is used, beyond what its address says.

    Attributes:
      fork: a listener serves any number of connections, not only the first one; of
        another address, it is opened again when its relay has ended.
      accept_timeout: seconds to wait for the first connection.
      connect_timeout: seconds for the open; None for what the command line says.
      retry: how often a failed open is tried again; -1 for ever.
      interval: seconds between two tries.
      read_bytes: end of file after so many bytes were read.
      ignore_eof: an end of file is none, and more may come, as with ``tail -f``.
      null_eof: an empty datagram is an end of file.
      escape: the byte that is read as an end of file.
      line_end: what a newline is on this side.
      shut: how the end of file is passed on to it.
      end_close: at the end it is closed without a shutdown(2), which others who hold
        the same connection would feel.
      open_flags: of open(2), where the address is a file opened as it is.
      mode: permission bits of what is created.
      owner: whose the file is from then on.
      generic: the path may be a socket, a device or a file; that is seen at the open.
      seek, seek_end: position to start from, from the beginning or the end; or None.
      terminal: modes of the terminal and their values, in order.
      unlink_close: what is at the path is removed at the end.
      signals: those that go on to its program, while there is one, instead of ending us.
    """

    fork: bool = False
    accept_timeout: float | None = None
    connect_timeout: float | None = None
    retry: int = 0
    interval: float = 1.0
    read_bytes: int | None = None
    ignore_eof: bool = False
    null_eof: bool = False
    escape: int | None = None
    line_end: LineEnd = ""
    shut: Shut = "down"
    end_close: bool = False
    open_flags: int | None = None
    mode: int | None = None
    owner: Owner = NOBODY_ELSE
    generic: bool = False
    seek: int | None = None
    seek_end: int | None = None
    terminal: tuple[tuple[str, int], ...] = ()
    unlink_close: bool = False
    signals: tuple[int, ...] = ()


DEFAULT = Settings()


class Side(NamedTuple):
    """One side of a relay.

    Attributes:
      address: what is opened.
      sink: where this is written to, if that is something else than what is read.
    """

    address: Address
    settings: Settings = DEFAULT
    sink: Side | None = None

    @property
    def listening(self) -> bool:
        """Whether connections are accepted here."""
        return any(layer.scheme.endswith("-listen") for layer in self.address.layers())
