"""A small document that an Opener knows: one that came whole, and can be asked for again."""

from __future__ import annotations

from typing import Any

from counting import CountingServer

import fildes

DATA = b"a small document\n" * 60


def read(opener: fildes.Opener, address: str, **how: Any) -> bytes:
    with opener.open(address, **how) as file:
        data: bytes = file.read()
    return data


def known(opener: fildes.Opener, site: CountingServer) -> str:
    """Open the document as often as it takes to be known; return its address."""
    address = site.address()
    for _ in range(2):
        assert read(opener, address) == DATA
    assert address in opener.known
    return address
