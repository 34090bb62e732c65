"""Permissions of what is created, in octal as chmod(1) takes them."""

from __future__ import annotations

import re

from fildes.errors import AddressError


def permissions(text: str) -> int:
    """Return the permissions that *text*, the option ``mode``, spells.

    Raises:
      AddressError: it is not three octal digits.
    """
    if not re.fullmatch("0?[0-7]{3}", text):
        raise AddressError("option mode takes three octal digits, as in mode=660")
    return int(text, 8)
