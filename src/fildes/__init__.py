"""One open() for everything that can be reached: what comes back is a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes import verbs
from fildes.address import Address
from fildes.errors import (
    AddressError,
    Failure,
    IncompleteError,
    NotModifiedError,
    PolicyError,
    ProtocolError,
    failure_of,
)
from fildes.files.binary import (
    BufferedFile,
    BufferedWriteFile,
    RandomFile,
    RawFile,
)
from fildes.policy.policy import Policy
from fildes.trace import Step, Trace
from fildes.verbs import explain

if TYPE_CHECKING:
    from fildes import aio as aio
    from fildes.copying import pipe, relay
    from fildes.extracting import Picture, extract
    from fildes.files.datagram import DatagramFile
    from fildes.files.text import TextConversation, TextFile
    from fildes.listener import Listener
    from fildes.listing import glob, ls
    from fildes.opened_by import Explanation
    from fildes.opener import Opener
    from fildes.opening.programs import Exec
    from fildes.serving import serve
    from fildes.signatures import Listen, Open
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


#: What most programs do without, by the module that is imported when it is first used.
LATER = {
    "DatagramFile": "fildes.files.datagram",
    "Entry": "fildes.wire.entries",
    "Exec": "fildes.opening.programs",
    "Explanation": "fildes.opened_by",
    "Listener": "fildes.listener",
    "Opener": "fildes.opener",
    "Picture": "fildes.extracting",
    "TextConversation": "fildes.files.text",
    "TextFile": "fildes.files.text",
    "extract": "fildes.extracting",
    "glob": "fildes.listing",
    "ls": "fildes.listing",
    "pipe": "fildes.copying",
    "relay": "fildes.copying",
    "serve": "fildes.serving",
}


if not TYPE_CHECKING:  # or a type checker would take any name for one

    def __getattr__(name: str) -> object:
        """Import what is used for the first time; PEP 562."""
        import importlib

        if name == "aio":
            return importlib.import_module("fildes.aio")
        if name not in LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(importlib.import_module(LATER[name]), name)
        return found


def __dir__() -> list[str]:
    """Return the names that there are, used or not."""
    return sorted({*globals(), *LATER, "aio"})
