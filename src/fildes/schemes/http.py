"""http: a document on a web server, fetched by HTTP/1.1; RFC 9110, RFC 9112."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.errors import AddressError
from fildes.scheme import Example, Option, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

AUTH = ("basic", "digest")
HINTS = ("random", "head", "tail", "sequential")

#: Given in Python only, ``http={...}``: the query belongs to the server. Shared by https.
OPTIONS = (
    Option("headers", "mapping", "fields to send besides or instead of the usual ones"),
    Option("bearer", "text", "a token that says who we are; RFC 6750", secret=True),
    Option("auth", "text", "how user and password are proved", "basic", choices=AUTH),
    Option("netrc", "text", "a file with users and passwords by host; on for ~/.netrc", "off"),
    Option("cookies", "object", "a jar that keeps them: an http.cookiejar.CookieJar"),
    Option("method", "text", "what is sent when writing: PUT; for r+b POST; PATCH or another"),
    Option(
        "size", "integer", "bytes that will be written; if left out the body is chunked", least=0
    ),
    Option("expect", "flag", "let the server refuse before the body is sent", False),
    Option("decode", "flag", "let it come compressed, and decompress it", False),
    Option("max_size", "integer", "more decompressed bytes than these are an error", least=0),
    Option("if_none_match", "text", "only if its ETag is another: else NotModifiedError"),
    Option("if_modified_since", "text", "only if it is newer than this HTTP date"),
    Option("proxy", "text", "env (HTTP_PROXY and the like), none, or a proxy's address", "env"),
    Option(
        "hint", "text", "how it will be read; sequential asks for no parts", "random", choices=HINTS
    ),
    Option("range", "text", "only this part: FIRST-LAST, FIRST- or -COUNT, as in 100-199"),
    Option("retries", "integer", "further attempts to open where that may help", 0, least=0),
    Option("resume", "flag", "go on where an answer was cut; off, that is an error at once", True),
    Option("max_redirects", "integer", "redirects that are followed", 10, least=0),
    Option(
        "max_head_size", "integer", "bytes that the head of a response may have", 65536, least=1
    ),
    Option("max_fields", "integer", "fields that the head of a response may have", 256, least=0),
    Option(
        "max_interim", "integer", "1xx responses that may come before the final one", 20, least=0
    ),
    Option("max_trailers", "integer", "bytes that the trailers of a body may have", 16384, least=0),
)

SCHEME = Scheme(
    name="http",
    shape=Shape.RESOURCE,
    summary="a document on a web server",
    mode="rb",
    modes=("rb", "wb", "xb", "r+b"),
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
    """Fetch the document; in a mode that writes, begin to send one.

    Written is what `close` has found accepted: ``wb`` puts a document in its place, ``xb``
    only where there was none. ``r+b`` posts one, ended by `half_close`, and reads the answer.
    """
    if opening.mode != "rb":
        from fildes.http.uploading import upload

        return await upload(opening, address)
    if opening.option(address, "decode"):
        from fildes.http.coding import fetch_decoded

        return await fetch_decoded(opening, address)
    if opening.option(address, "method") is not None:
        raise AddressError("method is for writing: open with r+b to read the answer too")
    part = opening.option(address, "range")
    if part is not None:
        from fildes.http.excerpt import fetch_excerpt

        return await fetch_excerpt(opening, address, part)
    given = opening.option(address, "hint")
    # A layer knows how it reads: an archive wants its end, whatever a command line prefers.
    hint = given if opening.hint == "random" else opening.hint
    if opening.sequential or address is not opening.positioned or hint == "sequential":
        from fildes.http.resuming import fetch_resumable

        return await fetch_resumable(opening, address, learning=address is opening.address)
    from fildes.http.random import open_random

    return await open_random(opening, address, tail=hint == "tail")
