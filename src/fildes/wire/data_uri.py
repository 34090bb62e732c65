"""The ``data:`` URI; RFC 2397."""

from __future__ import annotations

import binascii
import re
from typing import Final

from fildes.errors import AddressError

#: What a URI without media type holds; RFC 2397 section 3.
DEFAULT_MEDIA_TYPE: Final = "text/plain"
DEFAULT_PARAMETERS: Final = ";charset=US-ASCII"

_TOKEN = r"[!#$&'*+\-.^_`|~0-9A-Za-z]+"  # of RFC 2045 section 5.1, less what a URI cannot hold
_MEDIA_TYPE = re.compile(rf"(?:{_TOKEN}/{_TOKEN})?(?:;{_TOKEN}=(?:{_TOKEN}|%[0-9A-Fa-f]{{2}})*)*")
# pchar, "/" and "?", as RFC 3986 section 3.4 has them.
_URI_TEXT = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


def parse_data_uri(text: str) -> tuple[str, bytes]:
    """Return the media type and the bytes that *text*, after ``data:``, stands for.

    Raises:
      AddressError: *text* is not what RFC 2397 allows.
    """
    head, comma, body = text.partition(",")
    if not comma:
        raise AddressError("data: address has no comma before its data")
    is_base64 = head.lower().endswith(";base64")
    media_type = head[: -len(";base64")] if is_base64 else head
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise AddressError(f"data: address has a malformed media type {media_type[:40]!r}")
    if not _URI_TEXT.fullmatch(body):
        raise AddressError("data: address holds a character that must be percent-encoded")
    data = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), body.encode("ascii"))
    return _complete(media_type), _decode_base64(data) if is_base64 else data


def _complete(media_type: str) -> str:
    if not media_type:
        return DEFAULT_MEDIA_TYPE + DEFAULT_PARAMETERS
    return DEFAULT_MEDIA_TYPE + media_type if media_type.startswith(";") else media_type


def _decode_base64(data: bytes) -> bytes:
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except binascii.Error as error:
        raise AddressError(f"data: address is not valid base64: {error}") from None
