"""Opens parts of a document for `fildes get`, each sure to be of the same version."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from fildes.cli.ledger import ENDLESS
from fildes.cli.partial import Version
from fildes.errors import add_context
from fildes.http.validator import changed, validator_of
from fildes.wire.content_range import parse_content_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.address import Address
    from fildes.opener import Opener

#: What says that a server gives no parts, or not this one.
NO_PARTS_STATUS = frozenset({400, 416, 501})


class Sources:
    """The addresses of one document, and the connections to their servers.

    Attributes:
      addresses: where it is; the user says that it is the same everywhere.
      home: the number of the address whose version is received.
      trusted: a digest of the whole will be checked, so that sizes suffice for parts.
    """

    home = 0

    def __init__(self, addresses: Sequence[Address], opener: Opener, *, trusted: bool) -> None:
        self.addresses = addresses
        self.trusted = trusted
        self.opener = opener

    def open(self, number: int, **options: str) -> Any:
        """Open the address of this *number*, with options besides those of the user."""
        address = self.addresses[number % len(self.addresses)]
        settings: dict[str, Any] = {address.scheme: options}
        return self.opener.open_file(address, "rb", 0, **settings)

    def open_part(self, number: int, start: int, stop: int, version: Version) -> Any:
        """Open a part of *version* of the document, from *start* to before *stop*.

        Raises:
          OSError: ESTALE, there is another version, or one that may be another.
          OSError, EOFError: as `fildes.open`.
        """
        last = "" if stop == ENDLESS else str(stop - 1)
        source = self.open(number, range=f"{start}-{last}")
        if self.agree(version, version_of(source), same_server=self.is_home(number)):
            return source
        source.abort()
        error = changed("its validator is another")
        add_context(error, "response", source.address)
        raise error

    def is_home(self, number: int) -> bool:
        """Tell whether the address of this *number* is the one whose version is received."""
        return number % len(self.addresses) == self.home

    def agree(self, ours: Version, theirs: Version, *, same_server: bool) -> bool:
        """Tell whether parts of both are parts of the same bytes.

        A strong entity tag says so. The time of the last modification does if it is one
        server that tells it; else only somebody who knows the digest of the whole can.
        """
        sizes_known = None not in (ours.size, theirs.size)
        if sizes_known and ours.size != theirs.size:
            return False
        if self.trusted:
            return True
        if None not in (ours.etag, theirs.etag):
            return ours.etag == theirs.etag
        same_time = ours.modified == theirs.modified is not None
        return same_server and sizes_known and same_time


def version_of(source: Any) -> Version:
    """Return which version of a document *source*, the whole or a part, belongs to."""
    headers = source.response.headers
    if source.response.status == 206:
        size = parse_content_range(headers["Content-Range"]).total
    else:
        length = headers.get("Content-Length", "")
        size = int(length) if length.isdecimal() else None
    return Version(size, *validator_of(headers))


def no_parts(error: OSError | EOFError) -> bool:
    """Tell whether *error* says that the server gives no parts of the document."""
    status = getattr(error, "status", None)
    return status in NO_PARTS_STATUS or getattr(error, "errno", None) == errno.EOPNOTSUPP
