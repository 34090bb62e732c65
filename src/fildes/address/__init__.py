"""Text to `Address` and back; pure: nothing here opens or resolves anything.

One strict parser serves Python, the command line, the mount and the policy.
What two URL parsers could read in two ways is an `AddressError`.
"""

from __future__ import annotations

from fildes.address.building import build
from fildes.address.model import Address, Secret
from fildes.address.parsing import parse

__all__ = ["Address", "Secret", "build", "parse"]
