"""One open() for everything that can be reached: what comes back is a file."""

from __future__ import annotations

from fildes import verbs
from fildes.address import Address
from fildes.copying import pipe, relay
from fildes.errors import (
    AddressError,
    Failure,
    IncompleteError,
    NotModifiedError,
    PolicyError,
    ProtocolError,
    failure_of,
)
from fildes.extracting import Picture, extract
from fildes.files.binary import (
    BufferedFile,
    BufferedWriteFile,
    RandomFile,
    RawFile,
)
from fildes.files.datagram import DatagramFile
from fildes.files.text import TextConversation, TextFile
from fildes.listener import Listener
from fildes.listing import glob, ls
from fildes.opened_by import Explanation
from fildes.opener import Opener
from fildes.opening.programs import Exec
from fildes.policy.policy import Policy
from fildes.serving import serve
from fildes.signatures import Listen, Open
from fildes.trace import Step, Trace
from fildes.verbs import explain
from fildes.wire.entries import Entry

open: Open = verbs.open
listen: Listen = verbs.listen

__all__ = [
    "Address",
    "AddressError",
    "BufferedFile",
    "BufferedWriteFile",
    "DatagramFile",
    "Entry",
    "Exec",
    "Explanation",
    "Failure",
    "IncompleteError",
    "Listener",
    "NotModifiedError",
    "Opener",
    "Picture",
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
    "extract",
    "failure_of",
    "glob",
    "listen",
    "ls",
    "open",
    "pipe",
    "relay",
    "serve",
]


def __getattr__(name: str) -> object:
    """Import `fildes.aio` when it is first used: most programs do without."""
    if name != "aio":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return importlib.import_module("fildes.aio")
