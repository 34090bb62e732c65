"""What the address argument of an open names, in whichever of its forms."""

from __future__ import annotations

import functools
import os
import re

from fildes.address import Address, build, parse
from fildes.address.layering import check_outermost
from fildes.opening import registry

#: Documents of the web whose text holds nothing but what may stand there and cannot be read
#: in two ways; so all that has to be parsed is where they are, which most of them share. The
#: length is below the most that an address may have.
_PLAIN = re.compile(
    r"(https?://[a-z0-9.-]{1,255}(?::[0-9]{1,5})?)"
    r"(/[A-Za-z0-9._~/-]{0,2000})(?:\?([A-Za-z0-9._~/=&-]{0,2000}))?"
)


def to_address(address: str | os.PathLike[str] | Address) -> Address:
    """Return the parsed address; a path object is a plain path, absolute or not.

    Raises:
      AddressError: the text is not an address.
    """
    if isinstance(address, str):
        plain = _PLAIN.fullmatch(address)
        if plain is not None:
            return parse_once(f"{plain[1]}/").beside(plain[2], plain[3])
        # Passwords stand before "@" or in options, and are not kept.
        if "@" in address or "?" in address:
            return parse(address, registry.find_scheme)
        return parse_once(address)
    if isinstance(address, Address):
        check_outermost(registry.find_scheme(address.scheme))
        return address
    path = os.path.join(".", os.fspath(address))
    return build(registry.find_scheme, "file", path=path)


@functools.lru_cache(maxsize=128)  # arbitrary
def parse_once(text: str) -> Address:
    """Return the parsed address; whoever opens one twice pays once."""
    return parse(text, registry.find_scheme)
