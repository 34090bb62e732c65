"""The opening handshake of WebSocket, both sides of it; RFC 6455 section 4.

Pure: heads in, values and bytes out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from fildes.errors import ProtocolError
from fildes.wire.http1 import FieldIndex, Fields, ResponseHead, parse_field

#: Joined to the key before it is hashed; RFC 6455 section 1.3.
GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

VERSION: Final = "13"  #: RFC 6455 section 4.1

DEFLATE: Final = "permessage-deflate"  #: RFC 7692

#: A name in a list: a subprotocol, an extension; RFC 9110 section 5.6.2.
TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

_REQUEST_LINE = re.compile(r"([A-Z]{1,20}) ([\x21-\x7e]+) HTTP/1\.([01])")
_KEY_SIZE = 16  # RFC 6455 section 4.1

#: What the answers that refuse say besides the number; RFC 9110 section 15.
REASONS: Final = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
}


class Agreed(NamedTuple):
    """What a handshake has agreed on.

    Attributes:
      subprotocol: empty for none.
      deflate: the parameters of the compression, as they came; None without it.
    """

    subprotocol: str = ""
    deflate: str | None = None


class Refusal(Exception):
    """The request of a client that is not let in.

    Attributes:
      status: the HTTP status of the answer; its other fields.
    """

    def __init__(self, status: int, words: str, fields: Fields = ()) -> None:
        super().__init__(words)
        self.status = status
        self.fields = fields


class RequestHead(NamedTuple):
    """The request line and the header fields of a request."""

    method: str
    target: str
    version: tuple[int, int]
    fields: Fields

    def get_all(self, name: str) -> list[str]:
        """Return the values of all fields called *name*, in any case."""
        return FieldIndex(self.fields).get_all(name)

    @property
    def path(self) -> str:
        """The target up to its query."""
        return self.target.partition("?")[0]


def accept_of(key: str) -> str:
    """Return the value of Sec-WebSocket-Accept that answers *key*; RFC 6455 section 4.2.2."""
    digest = hashlib.sha1(f"{key}{GUID}".encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def new_key(nonce: bytes) -> str:
    """Return *nonce*, of 16 random bytes, as the value of Sec-WebSocket-Key."""
    assert len(nonce) == _KEY_SIZE
    return base64.b64encode(nonce).decode()


def asking_fields(key: str, subprotocols: Sequence[str], *, deflate: bool) -> Fields:
    """Return the fields that ask for an upgrade."""
    fields = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", VERSION),
    ]
    if subprotocols:
        fields.append(("Sec-WebSocket-Protocol", ", ".join(subprotocols)))
    if deflate:
        fields.append(("Sec-WebSocket-Extensions", DEFLATE))
    return tuple(fields)


def check_answer(
    head: ResponseHead, key: str, subprotocols: Sequence[str], *, deflate: bool
) -> Agreed:
    """Return what a server agreed to in a 101 answer; RFC 6455 section 4.1.

    Raises:
      ProtocolError: it is not the answer to our request, or agrees to what we did
        not ask for.
    """
    if [value.lower() for value in head.get_all("Upgrade")] != ["websocket"]:
        raise ProtocolError("the server switched to something else than WebSocket")
    if "upgrade" not in listed(head.get_all("Connection")):
        raise ProtocolError("the server's answer lacks Connection: Upgrade")
    if head.get_all("Sec-WebSocket-Accept") != [accept_of(key)]:
        raise ProtocolError("Sec-WebSocket-Accept does not answer our key: a cache, perhaps")
    chosen = head.get_all("Sec-WebSocket-Protocol")
    if len(chosen) > 1 or not set(chosen) <= set(subprotocols):
        raise ProtocolError("the server chose a subprotocol that was not asked for")
    return Agreed("".join(chosen), answered_deflate(head, offered=deflate))


def answered_deflate(head: ResponseHead, *, offered: bool) -> str | None:
    """Return the parameters of the only extension we know; None if it is not used."""
    extensions = split_list(head.get_all("Sec-WebSocket-Extensions"))
    if not extensions:
        return None
    name, _, parameters = extensions[0].partition(";")
    if len(extensions) > 1 or name.strip(" \t") != DEFLATE or not offered:
        raise ProtocolError("the server uses an extension that was not offered")
    return parameters


def split_list(values: Iterable[str]) -> list[str]:
    """Return the members of comma-separated lists; RFC 9110 section 5.6.1."""
    members = (member.strip(" \t") for value in values for member in value.split(","))
    return [member for member in members if member]


def listed(values: Iterable[str]) -> set[str]:
    """Return the members of comma-separated lists, in lower case."""
    return {member.lower() for member in split_list(values)}


def parse_request(head: bytes) -> RequestHead:
    """Return a request *head*, which ends with its empty line.

    Raises:
      Refusal: it is none; strict as `fildes.wire.http1` is with answers.
    """
    first, *lines = str(head, "latin-1").removesuffix("\r\n\r\n").split("\r\n")
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise Refusal(400, "not a request of HTTP/1.1")
    try:
        fields = tuple(parse_field(line) for line in lines)
    except ProtocolError as error:
        raise Refusal(400, str(error.strerror)) from None
    return RequestHead(match[1], match[2], (1, int(match[3])), fields)


def check_request(head: RequestHead) -> str:
    """Return the key of a request for WebSocket; RFC 6455 section 4.2.1.

    Raises:
      Refusal: it is another request, or a wrong one.
    """
    if head.method != "GET":
        raise Refusal(405, "only GET is taken", (("Allow", "GET"),))
    if len(head.get_all("Host")) != 1 or head.version != (1, 1):
        raise Refusal(400, "not HTTP/1.1 with one Host")
    if head.get_all("Transfer-Encoding") or set(head.get_all("Content-Length")) - {"0"}:
        raise Refusal(400, "the request has a body")
    asked = "upgrade" in listed(head.get_all("Connection"))
    if not asked or "websocket" not in listed(head.get_all("Upgrade")):
        upgrade = (("Upgrade", "websocket"), ("Connection", "Upgrade"))
        raise Refusal(426, "here WebSocket is spoken", upgrade)
    if head.get_all("Sec-WebSocket-Version") != [VERSION]:
        fields = (("Sec-WebSocket-Version", VERSION),)
        raise Refusal(426, f"only version {VERSION} of WebSocket is spoken", fields)
    return checked_key(head.get_all("Sec-WebSocket-Key"))


def checked_key(keys: list[str]) -> str:
    """Return the only one of *keys* if it is 16 bytes in base64."""
    try:
        (key,) = keys
        if len(base64.b64decode(key, validate=True)) == _KEY_SIZE:
            return key
    except (ValueError, binascii.Error):
        pass
    raise Refusal(400, "Sec-WebSocket-Key is not 16 bytes in base64")


def answering_fields(key: str, subprotocol: str, deflate: str | None) -> Fields:
    """Return the fields that agree to an upgrade."""
    fields = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", accept_of(key)),
    ]
    if subprotocol:
        fields.append(("Sec-WebSocket-Protocol", subprotocol))
    if deflate is not None:
        fields.append(("Sec-WebSocket-Extensions", f"{DEFLATE}{deflate}"))
    return tuple(fields)


def refusing(refusal: Refusal) -> bytes:
    """Return the answer that tells a client of *refusal*; no connection follows it."""
    body = f"{refusal}\n".encode()
    fields = (
        *refusal.fields,
        ("Content-Type", "text/plain"),
        ("Content-Length", str(len(body))),
        *(() if dict(refusal.fields).get("Connection") else (("Connection", "close"),)),
    )
    return response_bytes(refusal.status, REASONS[refusal.status], fields) + body


def response_bytes(status: int, reason: str, fields: Fields) -> bytes:
    """Return the head of an answer."""
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
