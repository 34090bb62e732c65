"""Following redirects, by the rules that keep them harmless.

A redirect is text that a server wrote. It leads to http and https only, and never
from https to http. What the caller gave for one origin (headers, user, password,
client certificate) is dropped for good when it leads to another. The policy is asked at each hop
again: for the scheme here, for the network when the connection is made.
"""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from fildes.address import parse
from fildes.errors import AddressError, ProtocolError
from fildes.http.request import DEFAULT_PORTS, Request
from fildes.http.response import MOVED, printable
from fildes.opening import registry
from fildes.patterns import pattern

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.response import Response
    from fildes.opening.opening import Opening
    from fildes.wire.reference import Reference

#: Bytes that no URI holds and that delimit nothing in any reading of one, so that
#: writing them as escapes is what the server meant. Not so the backslash.
_TO_ESCAPE = pattern(r'[ "<>^`{|}\x80-\xff]')
#: Elsewhere than in a host they delimit nothing either; RFC 3986 section 3.2.2.
_BRACKETS = pattern(r"[\[\]]")


class Journey:
    """The requests that one open makes until a document comes.

    Attributes:
      request: the one to be sent next.
      hops: how many redirects led to it.
    """

    def __init__(self, opening: Opening, request: Request, max_redirects: int) -> None:
        self.opening = opening
        self.request = request
        self.max_redirects = max_redirects
        self.visited = {request}

    @property
    def hops(self) -> int:
        """How many redirects were followed."""
        return len(self.visited) - 1

    def follow(self, response: Response) -> bool:
        """Go on to where *response* leads; return False if it is no redirect.

        Raises:
          PermissionError: it leads where it must not.
          OSError: ELOOP, it leads in a circle, or there were too many.
          ProtocolError: it leads nowhere.
        """
        if response.status not in MOVED:
            return False
        found = response.headers.get_all("Location")
        if len(found) != 1 or not found[0]:
            raise ProtocolError(f"redirect ({response.status}) without one Location")
        request = redirected(self.request, found[0])
        self.check(request)
        self.visited.add(request)
        self.request = request
        return True

    def check(self, request: Request) -> None:
        """Raise unless *request* may come next."""
        check_route(self.request, request)
        self.opening.check_schemes(request.address)
        if request in self.visited:
            raise OSError(errno.ELOOP, f"redirected in a circle, to {request.shown}")
        if self.hops == self.max_redirects:
            raise OSError(errno.ELOOP, f"more than {self.max_redirects} redirects")

    def note(self, error: BaseException) -> None:
        """Say in *error* where the journey had led to, if anywhere."""
        if self.hops:
            error.add_note(f"fildes: redirected to {self.request.shown}")


def redirected(request: Request, location: str) -> Request:
    """Return the request that *location*, the answer to *request*, asks for.

    Raises:
      PermissionError: it leaves http and https, or TLS.
      ProtocolError: it is no address.
    """
    from fildes.wire.reference import resolve, split

    here = request.address
    origin = here.replace(path="/", query=None, user=None, password=None, inner=None)
    base = split(str(origin))._replace(path=here.path, query=here.query)
    text = _TO_ESCAPE.sub(_escape, location)
    reference = resolve(base, split(text))
    check_scheme(here.scheme, (reference.scheme or "").lower())
    try:
        there = to_address(reference)
    except AddressError as error:
        raise ProtocolError(f"redirect to no usable address: {error}") from None
    moved = Request(there.replace(inner=here.inner), chosen=False)
    if moved.origin != request.origin:
        return moved
    there = moved.address.replace(user=here.user, password=here.password)
    return Request(there, request.own, request.chosen)


def check_scheme(current: str, scheme: str) -> None:
    """Raise `PermissionError` unless a redirect may lead from one scheme to the other."""
    if scheme not in DEFAULT_PORTS:
        shown = printable(scheme)
        raise PermissionError(errno.EACCES, f"redirect to {shown}, which is neither http nor https")
    if current == "https" and scheme == "http":
        raise PermissionError(errno.EACCES, "redirect from https to http, which would lose TLS")


def check_route(current: Request, request: Request) -> None:
    """Raise `PermissionError` if what carries both requests leads to the first one only."""
    carrier = current.address.inner
    if carrier is None or current.origin == request.origin:
        return
    if not registry.find_scheme(carrier.scheme).tunnels:
        raise PermissionError(
            errno.EACCES,
            f"redirect to another origin, {request.shown}, which {carrier.display()} cannot reach",
        )


def to_address(reference: Reference) -> Address:
    """Return the address, of one layer, that the absolute *reference* spells.

    Only the authority is parsed as an address: what a server writes into its path
    or query is not read as layers.
    """
    authority = reference.authority
    if not authority:
        raise AddressError("it names no host")
    if "@" in authority:
        raise AddressError("it holds a user or password, which RFC 9110 section 4.2.4 forbids")
    origin = parse(f"{reference.scheme}://{authority}/", registry.find_scheme)
    if origin.inner is not None:
        raise AddressError("its host is none")
    path, query = _BRACKETS.sub(_escape, reference.path), reference.query
    if "%00" in path:
        raise AddressError("its path holds a NUL")
    return origin.replace(path=path or "/", query=query and _BRACKETS.sub(_escape, query))


def _escape(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"
