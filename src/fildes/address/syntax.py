"""The characters of an address; RFC 3986 section 2, read strictly."""

from __future__ import annotations

import re
from typing import NoReturn

from fildes.errors import AddressError
from fildes.patterns import pattern

#: Longest text that is read as an address.
MAX_TEXT = 65536  # arbitrary; browsers and servers stop between 8 and 64 KiB

#: What a secret is shown as; refused as a value, so that redacted text never opens.
REDACTED = "***"

#: Controls (C0, DEL, C1) and surrogates that stand for no byte; PEP 383.
UNSAFE = pattern("[\x00-\x1f\x7f-\x9f\ud800-\udc7f\udd00-\udfff]")
_UNSAFE_TEXT = pattern("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_UNRESERVED = r"A-Za-z0-9._~\-"
_SUB_DELIMS = "!$&'()*+,;="

#: pchar, "/" and "?": what a path, a query and a userinfo are made of. The group is not
#: possessive: CPython 3.11.2 then ends the match behind the % of what is no escape.
_WIRE = pattern(rf"(?:[{_UNRESERVED}{_SUB_DELIMS}:@/?]++|%[0-9A-Fa-f]{{2}})*")

_ESCAPE = pattern(rb"%([0-9A-Fa-f]{2})")

# The colon is escaped in all of these, so that no text holds the "::" of a layer.
PATH_SAFE = pattern(rf"[{_UNRESERVED}{_SUB_DELIMS}@/]*+")
SEGMENT_SAFE = pattern(rf"[{_UNRESERVED}{_SUB_DELIMS}@]*+")
USER_SAFE = pattern(rf"[{_UNRESERVED}{_SUB_DELIMS}]*+")
VALUE_SAFE = pattern(rf"[{_UNRESERVED}!$'()*+,;=@/]*+")
#: In a query that a server reads, "+" may mean a blank (HTML forms).
QUERY_SAFE = pattern(rf"[{_UNRESERVED}!$'()*,;@/]*+")


def check_wire(text: str, what: str, *, secret: bool = False) -> str:
    """Return *text* if it is made of RFC 3986 characters and escapes only.

    Raises:
      AddressError: it is not; the message names the character and its escape,
        except where *secret* says that the text may hold a password.
    """
    end = _WIRE.match(text).end()  # type: ignore[union-attr]  # the empty text matches
    if end == len(text):
        return text
    if secret:
        raise AddressError(f"a character of the {what} must be written as a %XX escape")
    _refuse_character(text[end], what)


def _refuse_character(character: str, what: str) -> NoReturn:
    if character == "%":
        message = f"a % in the {what} begins no %XX escape; a literal % is written %25"
    elif character.isspace():
        message = f"a blank in the {what} is written {escape(character)}"
    elif character == "\\":
        message = f"a backslash in the {what} is written %5C (the separator is /)"
    elif character == "[" and what.startswith("option"):
        message = f"{character!r} in the {what} is written {escape(character)}, and :: %3A%3A"
    else:
        message = f"{character!r} in the {what} is written {escape(character)}"
    raise AddressError(message)


def escape(text: str) -> str:
    """Return *text* with every byte of it percent-encoded."""
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise AddressError("a surrogate that stands for no byte; write text") from None
    return "".join(f"%{byte:02X}" for byte in data)


def quote(text: str, safe: re.Pattern[str]) -> str:
    """Return *text* percent-encoded but for the characters of *safe*."""
    if safe.fullmatch(text):
        return text
    return "".join(part if safe.fullmatch(part) else escape(part) for part in text)


def unquote(text: str) -> bytes:
    """Return the bytes that *text*, checked by `check_wire`, stands for."""
    data = text.encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), data)


def decode_text(text: str, what: str, *, secret: bool = False) -> str:
    """Return *text* unescaped; it must be UTF-8."""
    check_wire(text, what, secret=secret)
    if "%" not in text:
        return text
    try:
        return unquote(text).decode("utf-8")
    except UnicodeDecodeError:
        raise AddressError(f"the escapes of the {what} are not UTF-8") from None


def decode_path(text: str, what: str) -> str:
    """Return *text* unescaped; bytes that are not UTF-8 as PEP 383 has them."""
    check_wire(text, what)
    return unquote(text).decode("utf-8", "surrogateescape") if "%" in text else text


def normal_path(path: str) -> str:
    """Return *path* with the one spelling that its bytes have as text."""
    if path.isascii():
        return path
    check_safe(path, "path")
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def check_safe(text: str, what: str) -> None:
    """Refuse control characters, which could split a request or a terminal line."""
    if UNSAFE.search(text):
        raise AddressError(f"a control character in the {what}; addresses have none")


def check_text(text: str, what: str) -> None:
    """Refuse control characters and what is not Unicode text."""
    if _UNSAFE_TEXT.search(text):
        raise AddressError(f"a control character or a byte that is no text in the {what}")


def excerpt(text: str) -> str:
    """Return *text* quoted and short enough for a message."""
    longest = 60  # arbitrary; fits a line with what is said about it
    return ascii(text if len(text) <= longest else f"{text[:longest]}...")


def nearest(name: str, known: list[str]) -> str:
    """Return " (did you mean ...?)" when *name* resembles a *known* one."""
    import difflib  # 3 ms that only an error pays

    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""
