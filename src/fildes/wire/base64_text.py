"""Base64 as it is written inside other text: HTML, CSS, SVG, JSON.

There it may be folded and indented, percent-encoded, and JSON may have turned
its slashes and line ends into escapes.
"""

from __future__ import annotations

import binascii
import re

_PLAIN = re.compile(rb"[A-Za-z0-9+/=\t\n\f\r ]*")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})|\\([/nrt])")
_JSON = {b"/": b"/", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_PARTIAL = re.compile(rb"%[0-9A-Fa-f]?|\\")  # an escape cut short
_LAST_GROUP = re.compile(rb"[^=]{2}[^=]?={1,2}")


class Base64Text:
    """Decodes the base64 at the start of a text that comes in pieces.

    Attributes:
      done: it has ended, with its padding or at a character of something else.
      broken: it has ended inside a group of four characters.
    """

    def __init__(self) -> None:
        """Start before the first character."""
        self.done = False
        self.broken = False
        self._group = b""  # characters that wait for the rest of their group

    def decode(self, text: bytes) -> tuple[bytes, int]:
        """Return the bytes that *text* stands for, and how much of it was taken.

        What was not taken, unless `done`, is an escape cut short: to be given
        again, with more.
        """
        letters, end = _letters(text)
        self.done = _ends(text, end)
        return self._decode(self._group + letters), end

    def _decode(self, letters: bytes) -> bytes:
        padding = letters.find(b"=")
        size = (len(letters) if padding < 0 else padding) // 4 * 4
        self._group = letters[size : size + 4]
        if padding >= 0 and len(self._group) == 4:
            self.done = True
            if _LAST_GROUP.fullmatch(self._group):
                size, self._group = size + 4, b""
        self.broken = self.done and self._group != b""
        return binascii.a2b_base64(letters[:size])


def skip_base64(text: bytes) -> tuple[int, bool]:
    """Return how much of the start of *text* is written like base64, and whether it ends there."""
    _, end = _letters(text)
    return end, _ends(text, end)


def _letters(text: bytes) -> tuple[bytes, int]:
    """Return the letters and padding at the start of *text*, and where they end."""
    parts: list[bytes] = []
    end = 0
    while True:
        plain = _PLAIN.match(text, end)
        assert plain is not None  # it matches nothing, too
        parts += plain[0].split()
        escape = _ESCAPE.match(text, plain.end())
        if escape is None or not _PLAIN.fullmatch(letter := _unescape(escape)):
            return b"".join(parts), plain.end()
        parts += letter.split()
        end = escape.end()


def _unescape(escape: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escape[1].decode()) if escape[1] else _JSON[escape[2]]


def _ends(text: bytes, end: int) -> bool:
    return end < len(text) and not _PARTIAL.fullmatch(text, end)
