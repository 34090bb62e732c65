"""http: a document on a web server, fetched by HTTP/1.1; RFC 9110, RFC 9112."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.scheme import Example, Option, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

#: Given in Python only, ``http={...}``: the query belongs to the server. Shared by https.
OPTIONS = (
    Option("headers", "mapping", "fields to send besides or instead of the usual ones"),
    Option("proxy", "text", "env (HTTP_PROXY and the like), none, or a proxy's address", "env"),
    Option("max_redirects", "integer", "redirects that are followed", 10),
    Option("max_head_size", "integer", "bytes that the head of a response may have", 65536),
    Option("max_fields", "integer", "fields that the head of a response may have", 256),
    Option("max_interim", "integer", "1xx responses that may come before the final one", 20),
)

SCHEME = Scheme(
    name="http",
    shape=Shape.RESOURCE,
    summary="a document on a web server",
    mode="rb",
    default_port=80,
    carried_by="transport",
    userinfo=True,
    confined=True,
    options=OPTIONS,
    examples=(
        Example("http://localhost:8000/notes.txt", "a document"),
        Example("http://localhost/info::unix:///run/docker.sock", "a server on a unix socket"),
        Example("http://example.com/::connect://proxy:3128", "through an HTTP proxy's tunnel"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Fetch the document."""
    from fildes.http.fetching import fetch

    return await fetch(opening, address)
