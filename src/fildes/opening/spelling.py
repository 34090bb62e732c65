"""What the address argument of an open names, in whichever of its forms."""

from __future__ import annotations

import functools
import os
import re

from fildes.address import Address, build, parse
from fildes.address.layering import check_outermost
from fildes.address.syntax import MAX_TEXT
from fildes.opening import registry

#: What stands for itself in the path and query of a document, and is no part of a "::".
_ITSELF = r"[A-Za-z0-9._~!$&'()*+,;=@/-]"

#: Documents of the web whose text holds nothing but what may stand there and cannot be read
#: in two ways; so all that has to be parsed is the site, which most of them share.
PLAIN = re.compile(
    r"(?P<site>https?://(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?)"
    rf"(?P<target>(?P<path>/{_ITSELF}*(?:%(?!00)[0-9A-Fa-f]{{2}}{_ITSELF}*)*)"
    rf"(?:\?(?P<query>{_ITSELF}*(?:(?:%[0-9A-Fa-f]{{2}}|\?){_ITSELF}*)*))?)"
)


def to_address(address: str | os.PathLike[str] | Address) -> Address:
    """Return the parsed address; a path object is a plain path, absolute or not.

    Raises:
      AddressError: the text is not an address.
    """
    if isinstance(address, str):
        plain = PLAIN.fullmatch(address)
        if plain is not None and len(address) <= MAX_TEXT:
            site, path, query = plain.group("site", "path", "query")
            return parse_once(f"{site}/").beside(path, query)
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
