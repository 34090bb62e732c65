"""The blocking verbs that look into archives and directories."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fildes.drivers import blocking
from fildes.errors import AddressError
from fildes.verbs import OPEN_TIMEOUT, Options, deadline_in, prepare

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fildes.address import Address
    from fildes.policy.policy import Policy
    from fildes.wire.entries import Entry


def ls(
    address: str | os.PathLike[str] | Address,
    *,
    timeout: float | None = OPEN_TIMEOUT,
    policy: Policy | None = None,
    **options: Options,
) -> list[Entry]:
    """Return what there is in the archive or directory at *address*.

    Args:
      address: ``zip::ADDRESS`` and ``tar::ADDRESS`` for all that is in an archive; with
        a name before the second colon, what is in that directory, or what matches it:
        ``*`` and ``?`` (written %3F) stand for what is no slash, ``**`` for anything.
        A path for a directory of this machine, or a pattern of paths.
      timeout: seconds for all of it; a tar archive is read to its end.

    Raises:
      FileNotFoundError: there is nothing of that name.
      NotADirectoryError: nothing can be in such addresses.
      OSError: as of `open`.

    Example:
      >>> [entry.name for entry in fildes.ls("zip://*.png::./site.zip")]
      ['logo.png']
    """
    opening, _ = prepare(address, "rb", policy, options)
    return blocking.run(opening.entries(), deadline_in(timeout))


def glob(
    address: str | os.PathLike[str] | Address,
    *,
    timeout: float | None = OPEN_TIMEOUT,
    policy: Policy | None = None,
    **options: Options,
) -> list[Address]:
    """Return the address of each file that `ls` of the same arguments finds.

    Each can be given to `open`, and to anything else that takes an address.

    Raises:
      AddressError: the name of one has characters that no address may have.
      OSError: as of `ls`.

    Example:
      >>> for found in fildes.glob("zip://**/*.csv::https://example.com/x.zip"):
      ...     with fildes.open(found, "rt") as f:
      ...         print(found.path, f.readline())
    """
    opening, _ = prepare(address, "rb", policy, options)
    entries = blocking.run(opening.entries(), deadline_in(timeout))
    return addresses_of(opening.address, entries)


def addresses_of(address: Address, entries: Iterable[Entry]) -> list[Address]:
    """Return the addresses of the files among *entries*, which are what *address* lists."""
    names = [entry.name for entry in entries if entry.kind == "file"]
    if address.scheme == "file" and os.path.isdir(address.path):
        names = [os.path.join(address.path, name) for name in names]
    found = []
    for name in names:
        try:
            found.append(address.replace(path=name))
        except AddressError as error:
            raise AddressError(f"{name!a} can be no part of an address: {error}") from None
    return found
