"""From an address to an open request, whose body the caller writes."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Final

from fildes.errors import AddressError
from fildes.http.body import HttpStream
from fildes.http.connection import Connection
from fildes.http.cookies import cookies_for, jar_of, keep
from fildes.http.credentials import prover_for, request_for
from fildes.http.fetching import Answer, connect, head_limits
from fildes.http.proxies import proxy_of
from fildes.http.redirects import redirected
from fildes.http.request import LAST, Request
from fildes.http.response import check_document, status_error
from fildes.http.upload import Answering, Upload
from fildes.wire.http1_framing import framing_of
from fildes.wire.http1_sending import body_writer

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.response import Response
    from fildes.opening.opening import Opening
    from fildes.streams.document import Document
    from fildes.streams.stream import Stream
    from fildes.wire.http1 import Fields, ResponseHead

#: What is sent if the *method* option does not say otherwise.
METHODS: Final = {"wb": "PUT", "xb": "PUT", "r+b": "POST"}

#: They carry no document; RFC 9110 section 9.3.
WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "CONNECT", "TRACE"})

#: Seconds for which a server is given the chance to refuse a body before it is sent;
#: RFC 9110 section 10.1.1 forbids to wait without limit. As CURLOPT_EXPECT_100_TIMEOUT_MS(3).
EXPECT_TIMEOUT = 1.0


async def upload(opening: Opening, address: Address) -> Upload:
    """Return an open request to the server of *address*; its body is to be written.

    Raises:
      OSError: a step failed, or the server did not want to begin.
      ValueError, TypeError: a header or method cannot be sent; nothing was opened.
    """
    request, prover = prover_for(opening, request_for(opening, address))
    if prover is None:
        return await begin(opening, request)
    # The body cannot be sent twice, so the challenge has to come before it.
    try:
        return await begin(opening, request, expects=True)
    except OSError as error:
        if not prover.learn(request, error):
            raise
    proof = prover.fields(request, method_of(opening, address))
    return await begin(opening, request, proof, expects=True)


async def begin(
    opening: Opening, request: Request, proof: Fields = (), *, expects: bool = False
) -> Upload:
    """Send the head of *request* with *proof*, and wait for a word if one is expected."""
    address = request.address
    method = method_of(opening, address)
    writer = body_writer(size_of(opening, address))
    expects = expects or opening.option(address, "expect")
    extra = (*writer.fields, *conditions(opening.mode, expects=expects), *proof, *LAST)
    extra += cookies_for(jar_of(opening, address), request)
    proxy = proxy_of(opening, address, opening.option(address, "proxy"))
    head = request.head(extra, method=method, proxy=proxy)
    stream = await connect(opening, request, proxy)
    try:
        with opening.step("request", f"{method} {request.shown}"):
            await stream.send_all(writer.start(head))
            outgoing = Upload(stream, writer, answering(opening, request, stream, method))
            if expects:
                await outgoing.go_ahead(EXPECT_TIMEOUT)
    except BaseException:
        stream.abort()
        raise
    return outgoing


def method_of(opening: Opening, address: Address) -> str:
    """Return the method to send.

    Raises:
      AddressError: it is none that takes a document.
    """
    method: str = opening.option(address, "method") or METHODS[opening.mode]
    if method.upper() in WITHOUT_BODY:
        raise AddressError(f"{method} sends no document: method is PUT, POST or the like")
    return method


def size_of(opening: Opening, address: Address) -> int | None:
    """Return the announced size of the document, if one was given."""
    size: int | None = opening.option(address, "size")
    if size is not None and size < 0:
        raise AddressError("size is a number of bytes, 0 or more")
    return size


def conditions(mode: str, *, expects: bool) -> Fields:
    """Return the fields that let the server refuse before anything has happened."""
    new = (("If-None-Match", "*"),) if mode == "xb" else ()  # RFC 9110 section 13.1.2
    return (*new, ("Expect", "100-continue")) if expects else new


def answering(opening: Opening, request: Request, stream: Stream, method: str) -> Answering:
    """Return what is to be made of the answer to *request*."""
    limits = head_limits(opening, request.address)
    jar = jar_of(opening, request.address)

    def read(head: ResponseHead, response: Response, rest: bytearray) -> Document:
        connection = Connection(stream, None)
        body = framing_of(head, method), rest, b"", limits.max_trailers
        return HttpStream(Answer(connection, head, response, *body))

    def check(response: Response) -> None:
        keep(jar, request, response.headers)
        try:
            if opening.mode == "r+b":
                check_document(response, request)
            elif opening.mode == "xb":
                check_new(response)
            else:
                check_stored(response)
        except OSError as error:
            advise(error, response, request)
            raise

    return Answering(request.shown, limits, check, read if opening.mode == "r+b" else None)


def advise(error: OSError, response: Response, request: Request) -> None:
    """Say in *error* where *response* points to, as what is written follows no redirect."""
    location = response.headers.get("Location")
    if location is None or not 300 <= response.status < 400:
        return
    with contextlib.suppress(OSError, ValueError):  # it is no address, or none of http
        there = redirected(request, location).shown
        # RFC 9110 section 15.4.4: the document came, and what it led to can be read there.
        what = "its result" if response.status == 303 else "the right address"
        error.advice = f"what is written follows no redirect: {what} may be {there}"  # type: ignore[attr-defined]  # see advice_for


def check_stored(response: Response) -> None:
    """Raise the OSError that *response* stands for; 2xx is success."""
    if not 200 <= response.status < 300:
        raise status_error(response)


def check_new(response: Response) -> None:
    """Raise as `check_stored`; a document that is there already is a FileExistsError."""
    try:
        check_stored(response)
    except OSError as error:
        if response.status != 412:
            raise
        there = FileExistsError(errno.EEXIST, error.strerror)
        vars(there).update(vars(error))
        raise there from None
