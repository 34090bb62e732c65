"""Cookies, for who gives a jar to keep them in: an `http.cookiejar.CookieJar`.

The jar decides which cookie goes where, by its own policy; here is what it wants to
know of requests and responses. Its module takes 30 ms to import, so that who wants no
cookies does not pay: nothing here imports it.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from fildes.http.request import Request, host_field

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.response import Headers
    from fildes.opening.opening import Opening
    from fildes.wire.http1 import Fields

T = TypeVar("T")


class Asked:
    """What a jar wants to know of a request, under the names of `urllib.request.Request`."""

    unverifiable = False  # the user, or a redirect that the user allowed, asked for it

    def __init__(self, request: Request) -> None:
        self.request = request
        self.type = request.address.scheme
        self.host = host_field(request.address)
        self.origin_req_host = request.address.host
        self.fields: Fields = ()

    def get_full_url(self) -> str:
        """Return the address, without user and password."""
        return f"{self.type}://{self.host}{self.request.target}"

    def has_header(self, name: str) -> bool:
        """Tell whether the caller has set the field *name*, which then stays."""
        return self.request.says(name.lower())

    def get_header(self, name: str, default: str | None = None) -> str | None:
        """Return *default*: no field of ours concerns a jar."""
        return default

    def add_unredirected_header(self, name: str, value: str) -> None:
        """Take the field that the jar wants to be sent."""
        self.fields = (*self.fields, (name, value))


class Answered:
    """What a jar wants to know of a response, under the names of `urllib`."""

    def __init__(self, headers: Headers) -> None:
        self.headers = headers

    def info(self) -> Answered:
        """Return what has `get_all`."""
        return self

    def get_all(self, name: str, default: list[str]) -> list[str]:
        """Return all values of the fields called *name*."""
        return self.headers.get_all(name) or default


def jar_of(opening: Opening, address: Address) -> Any:
    """Return the jar that was given, or None.

    Raises:
      TypeError: it is no jar.
    """
    jar = opening.option(address, "cookies")
    if jar is not None and not hasattr(jar, "add_cookie_header"):
        raise TypeError("cookies is an http.cookiejar.CookieJar")
    return jar


def cookies_for(jar: Any, request: Request) -> Fields:
    """Return the field with the cookies that *jar* has for *request*, if any."""
    if jar is None:
        return ()
    asked = Asked(request)
    jar.add_cookie_header(asked)
    return tuple(field for field in asked.fields if field[0] == "Cookie")


def keep(jar: Any, request: Request, headers: Headers | None) -> None:
    """Put the cookies that the answer to *request* sets into *jar*."""
    if jar is not None and headers is not None:
        jar.extract_cookies(Answered(headers), Asked(request))


def remembering(ask: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """Let *ask*, a method that sends a request and extra fields, use its owner's jar."""

    @functools.wraps(ask)
    async def remembered(self: Any, request: Request, extra: Fields = (), *args: Any) -> T:
        if self.jar is None:
            return await ask(self, request, extra, *args)
        try:
            answer = await ask(self, request, (*extra, *cookies_for(self.jar, request)), *args)
        except OSError as error:
            keep(self.jar, request, getattr(error, "headers", None))
            raise
        keep(self.jar, request, getattr(answer, "response").headers)  # noqa: B009  # T is an Answer
        return answer

    return remembered
