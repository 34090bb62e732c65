"""Scripts for peers that speak HTTP, or something like it."""

from __future__ import annotations

from collections.abc import Callable

from peers import Conversation, Script

from fildes.files.described import Described
from fildes.http.response import Response

END_OF_HEAD = b"\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED_HEAD = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH_20 = HEAD + b"Content-Length: 20\r\n\r\n"

Ending = Callable[[Conversation], None]


def answering(response: bytes, end: Ending = Conversation.fin) -> Script:
    """Return the script that answers one request with *response* and then ends."""

    def answer(talk: Conversation) -> None:
        talk.recv_until(END_OF_HEAD)
        talk.send(response)
        end(talk)

    return answer


def document(data: bytes = b"document", fields: bytes = b"") -> bytes:
    """Return a whole response with *data* for its body."""
    return HEAD + fields + b"Content-Length: %d\r\n\r\n%s" % (len(data), data)


def redirect(location: bytes, status: int = 302) -> bytes:
    """Return a whole response that leads to *location*, the last one on its connection."""
    fields = b"Location: %s\r\nContent-Length: 0\r\nConnection: close\r\n" % location
    return b"HTTP/1.1 %d Moved\r\n%s\r\n" % (status, fields)


def chunks(*parts: bytes) -> bytes:
    """Return *parts* as the chunks of a body, without its end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def fields_of(request: bytes) -> dict[str, list[str]]:
    """Return the fields of the *request* that a script received, by name in lower case."""
    fields: dict[str, list[str]] = {}
    for line in request.split(END_OF_HEAD)[0].decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        fields.setdefault(name.lower(), []).append(value)
    return fields


def response_of(file: Described) -> Response:
    """Return the response that *file* was read from."""
    assert file.response is not None
    return file.response
