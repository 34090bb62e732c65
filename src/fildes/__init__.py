"""One open() for everything that can be reached: what comes back is a file."""

from __future__ import annotations

from fildes import verbs
from fildes.address import Address
from fildes.copying import pipe, relay
from fildes.datagram_file import DatagramFile
from fildes.errors import (
    AddressError,
    Failure,
    IncompleteError,
    PolicyError,
    ProtocolError,
    failure_of,
)
from fildes.files import (
    BufferedFile,
    BufferedWriteFile,
    RandomFile,
    RawFile,
)
from fildes.listener import Listener
from fildes.policy import Policy
from fildes.programs import Exec
from fildes.signatures import Listen, Open
from fildes.text import TextConversation, TextFile
from fildes.trace import Step, Trace
from fildes.verbs import Explanation, explain

open: Open = verbs.open
listen: Listen = verbs.listen

__all__ = [
    "Address",
    "AddressError",
    "BufferedFile",
    "BufferedWriteFile",
    "DatagramFile",
    "Exec",
    "Explanation",
    "Failure",
    "IncompleteError",
    "Listener",
    "Policy",
    "PolicyError",
    "ProtocolError",
    "RandomFile",
    "RawFile",
    "Step",
    "TextConversation",
    "TextFile",
    "Trace",
    "explain",
    "failure_of",
    "listen",
    "open",
    "pipe",
    "relay",
]


def __getattr__(name: str) -> object:
    """Import `fildes.aio` when it is first used: most programs do without."""
    if name != "aio":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return importlib.import_module("fildes.aio")
