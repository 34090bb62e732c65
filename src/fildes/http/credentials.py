"""Who we are, for the server that the caller chose and for no other.

Basic credentials stand in the address; here is what needs more: a bearer token, a
netrc file, and Digest, which answers a challenge and so takes a second request. All
of it is part of a request that a redirect to another origin leaves behind.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from fildes.address import Secret
from fildes.errors import AddressError
from fildes.http.request import Request, own_fields

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.wire.digest import Challenge
    from fildes.wire.http1 import Fields

BASIC, DIGEST = "basic", "digest"


def request_for(opening: Opening, address: Address) -> Request:
    """Return the request for the document at *address*, with all that the options say of it."""
    request = request_of_ours(opening, address)
    return request._replace(own=request.own + conditions(opening, address))


def request_of_ours(opening: Opening, address: Address) -> Request:
    """Return the request for *address* with all that the options say of its sender.

    Raises:
      ValueError, TypeError: a header cannot be sent, or two options say who we are.
      OSError: the netrc file cannot be read.
    """
    own = own_fields(opening.option(address, "headers"))
    token = opening.option(address, "bearer")
    if token is not None:
        if address.user is not None or any(name.lower() == "authorization" for name, _ in own):
            raise AddressError("bearer: the address or the headers say already who we are")
        own = (*own, ("Authorization", f"Bearer {token}"))
    netrc = opening.option(address, "netrc")
    if netrc and netrc != "off" and address.user is None and token is None:
        user, password = look_up(netrc, address.host)
        address = address.replace(user=user, password=password)
    return Request(address, own)


def conditions(opening: Opening, address: Address) -> Fields:
    """Return the fields that ask for the document only if it has changed; RFC 9110 section 13."""
    asked = (("If-None-Match", "if_none_match"), ("If-Modified-Since", "if_modified_since"))
    given = ((name, opening.option(address, option)) for name, option in asked)
    return tuple((name, value) for name, value in given if value is not None)


def look_up(place: str, host: str) -> tuple[str | None, str | None]:
    """Return user and password of exactly *host* in the netrc file at *place*.

    Args:
      place: a path; or ``on`` for ~/.netrc, which need not be there.

    Raises:
      AddressError: it is no netrc file; what it holds is in no message.
    """
    import netrc

    try:
        found = netrc.netrc(None if place == "on" else os.path.expanduser(place))
    except FileNotFoundError:
        if place != "on":
            raise
        return None, None
    except netrc.NetrcParseError as error:
        raise AddressError(
            f"{error.filename} is no netrc file: see its line {error.lineno}"
        ) from None
    user, _, password = found.hosts.get(host, (None, None, None))
    return user or None, password


class Prover:
    """Answers the challenges of one server, for one user.

    Attributes:
      challenge: the last one; None before the first.
      count: how many requests have answered it.
    """

    def __init__(self, user: str, password: str) -> None:
        self.user = user
        self.password = Secret(password)
        self.challenge: Challenge | None = None
        self.count = 0

    def fields(self, request: Request, method: str = "GET") -> Fields:
        """Return the field that answers the challenge, if there was one."""
        if self.challenge is None or not request.chosen:
            return ()
        from fildes.wire.digest import Proof, answer

        self.count += 1
        cnonce = os.urandom(16).hex()  # 128 bits; RFC 7616 section 5.4 wants no repetition
        proof = Proof(self.user, self.password, method, request.target, self.count, cnonce)
        return (("Authorization", answer(self.challenge, proof)),)

    def learn(self, request: Request, error: OSError) -> bool:
        """Take the challenge in *error*, a refusal; tell whether to ask again."""
        if getattr(error, "status", 0) != 401 or not request.chosen:
            return False
        from fildes.wire.digest import challenge_in

        found = challenge_in(vars(error)["headers"].get_all("WWW-Authenticate"))
        if found is None or found == self.challenge:  # the same again: the password is wrong
            return False
        self.challenge, self.count = found, 0
        return True


def prover_for(opening: Opening, request: Request) -> tuple[Request, Prover | None]:
    """Return *request* as it is first sent, and what answers challenges, if that is wanted.

    Raises:
      AddressError: the option is none, or there is nobody to prove.
    """
    address = request.address
    how = opening.option(address, "auth")
    if how not in (BASIC, DIGEST):
        raise AddressError(f"auth is {BASIC} or {DIGEST}")
    if how == BASIC:
        return request, None
    if address.user is None:
        raise AddressError("auth=digest proves a user: put user:password@ before the host")
    bare = address.replace(user=None, password=None)
    return request._replace(address=bare), Prover(address.user, address.password or "")


T = TypeVar("T")


def proving(ask: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """Let *ask*, a method that sends a request and extra fields, say who we are when asked."""

    @functools.wraps(ask)
    async def proved(self: Any, request: Request, extra: Fields = (), *args: Any) -> T:
        prover: Prover | None = self.prover
        if prover is None:
            return await ask(self, request, extra, *args)
        try:
            return await ask(self, request, (*extra, *prover.fields(request)), *args)
        except OSError as error:
            if not prover.learn(request, error):
                raise
        return await ask(self, request, (*extra, *prover.fields(request)), *args)

    return proved
