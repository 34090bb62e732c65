"""Heads of HTTP/1.1 messages: ours written, theirs read.

The reader is strict on purpose. Two readers that disagree on where a head or a
body ends can be played against each other (request smuggling, cache poisoning),
so whatever RFC 9112 does not allow is a ProtocolError that names the offence:
bare LF, folded lines, blanks before a colon, control characters.
tests/wire/test_http1_h11.py holds it to a subset of what h11 accepts.

A head is read line by line as it arrives: the search for the end of a line goes
on where the last one stopped, so the work is linear in the size of the head
however many segments bring it, and the first bad line is refused at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from fildes.errors import IncompleteError, ProtocolError
from fildes.patterns import pattern

#: Names and values of header fields, in the order and case in which they were sent.
Fields = tuple[tuple[str, str], ...]

_TCHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"  # RFC 9110 section 5.6.2
_TEXT = r"[\t\x20-\x7e\x80-\xff]"  # SP, HTAB, VCHAR and obs-text; RFC 9110 section 5.5
_TOKEN = pattern(rf"{_TCHAR}+")
_VALUE = pattern(rf"{_TEXT}*")
_TARGET = pattern(r"[\x21-\x7e]+")
_FIELD = pattern(rf"({_TCHAR}+):({_TEXT}*)")
# Some servers leave out the reason, and some of those the blank before it;
# RFC 9112 section 4 asks clients to be lenient there.
_STATUS_LINE = pattern(rf"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ({_TEXT}*))?")

# A whole head, of lines that the others above match one by one. Only a short cut.
_FIELDS = pattern(rf"({_TCHAR}+):({_TEXT}*)\r\n")
_HEAD = pattern(rf"{_STATUS_LINE.pattern}\r\n((?:{_TCHAR}+:{_TEXT}*\r\n)*)\r\n")

#: What is wrong with a field line that `_FIELD` does not match; the first hit is named.
_OFFENCES: Final = (
    (pattern(r"[ \t]"), "begins with a blank (obsolete line folding)"),
    (pattern(rf"{_TCHAR}+[ \t]+:"), "has a blank before its colon"),
    (pattern(r".*[\x00-\x08\x0a-\x1f\x7f]", re.DOTALL), "holds a control character"),
    (pattern(r"[^:]*$"), "has no colon"),
)


class HeadLimits(NamedTuple):
    """How much of a head is read before it is refused."""

    max_bytes: int = 65536  #: of one head; arbitrary, eight times nginx's and Apache's own
    max_fields: int = 256  # arbitrary
    max_interim: int = 20  #: 1xx responses before the final one; arbitrary
    max_trailers: int = 16384  #: bytes of trailers; arbitrary


class FieldIndex:
    """Header fields by name, in any case; the index is made once, when first asked."""

    __slots__ = ("fields", "index")

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.index: dict[str, list[str]] | None = None

    def get_all(self, name: str) -> list[str]:
        """Return the values of all fields called *name*; not to be changed."""
        if self.index is None:
            index: dict[str, list[str]] = {}
            for each, value in self.fields:
                index.setdefault(each.lower(), []).append(value)
            self.index = index
        return self.index.get(name.lower(), [])


class _HeadParts(NamedTuple):
    status: int
    reason: str
    version: tuple[int, int]
    fields: Fields


class ResponseHead(_HeadParts):
    """The status line and the header fields of a response."""

    _by_name: FieldIndex | None = None

    @property
    def by_name(self) -> FieldIndex:
        """The fields by name."""
        if self._by_name is None:
            self._by_name = FieldIndex(self.fields)
        return self._by_name

    def get(self, name: str) -> str | None:
        """Return the value of the first field called *name*, in any case, or None."""
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> list[str]:
        """Return the values of all fields called *name*, in any case."""
        return self.by_name.get_all(name)

    @property
    def persistent(self) -> bool:
        """Whether the connection may be used again; RFC 9112 section 9.3."""
        values = self.get_all("Connection")
        if not values:
            return self.version == (1, 1)
        options = {option.strip(" \t").lower() for value in values for option in value.split(",")}
        if "close" in options:
            return False
        return self.version == (1, 1) or "keep-alive" in options


def request_head(method: str, target: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """Return the head of a request, checked so that no part can end it early.

    Raises:
      ValueError: *method* or a name is no token, *target* holds something else
        than visible ASCII, or a value a control character or a character
        beyond Latin-1. Targets and values are not repeated in the message:
        they may be secret.
    """
    if not _TOKEN.fullmatch(method):
        raise ValueError(f"HTTP method {method!r} is not a token")
    lines = [f"{method} {checked_target(target)} HTTP/1.1"]
    for name, value in fields:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"HTTP field name {name!r} is not a token")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"value of HTTP field {name} holds a control or non-Latin-1 character")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def checked_target(target: str) -> str:
    """Return *target*, or raise `ValueError` if it is not all visible ASCII."""
    if not _TARGET.fullmatch(target):
        raise ValueError("HTTP request target must be visible ASCII: percent-encode the rest")
    return target


def parse_field(line: str) -> tuple[str, str]:
    """Return name and value of a field *line* without its CRLF.

    Raises:
      ProtocolError: it is none; the message names the offence, not the value.
    """
    match = _FIELD.fullmatch(line)
    if match is None:
        words = (words for offence, words in _OFFENCES if offence.match(line))
        raise ProtocolError(f"HTTP header line {next(words, 'has a name that is not a token')}")
    if match[2].endswith("\t") and match[1].lower() == "transfer-encoding":  # unknown to llhttp
        raise ProtocolError("Transfer-Encoding is followed by a tab")
    return match[1], match[2].strip(" \t")


def parse_status_line(line: str) -> tuple[tuple[int, int], int, str]:
    """Return version, status and reason of a status *line* without its CRLF.

    Raises:
      ProtocolError: it is none.
    """
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise ProtocolError(f"not an HTTP/1.1 status line: {line[:40]!r}")
    return (1, int(match[1])), int(match[2]), match[3] or ""


class HeadReader:
    """Reads one final response head, and the interim ones before it.

    Attributes:
      head: the final head, once it is complete; None until then.
      rest: the bytes that came after it; yours to change.
      raw: the bytes of the head; empty if it came in pieces, or behind interim ones.
      interim: how many 1xx responses were passed over.
    """

    def __init__(self, limits: HeadLimits | None = None, *, upgrade: bool = False) -> None:
        """Start before the status line.

        Args:
          limits: of each head; HeadLimits() by default.
          upgrade: an upgrade was asked for, so that a 101 response is final.
        """
        self.head: ResponseHead | None = None
        self.rest = bytearray()
        self.raw = b""
        self.interim = 0
        self._limits = limits or HeadLimits()
        self._upgrade = upgrade
        self._buffer = bytearray()
        self._searched = 0  # no LF in the unread line before this offset
        self._start_head()

    def _start_head(self) -> None:
        self._unread = 0  # offset of the first byte that is in no complete line
        self._status: tuple[tuple[int, int], int, str] | None = None
        self._fields: list[tuple[str, str]] = []

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Read on with *data*, of any size; until `head` is there.

        Raises:
          ProtocolError: the bytes so far cannot become a head within the limits.
        """
        if self.head is not None:
            raise ValueError("the head is complete; what follows it is the body")
        if not self._buffer and self._take_whole(data):
            return
        self._buffer += data
        if self._status is None:
            self._check_start()
        while self.head is None and (line := self._next_line()) is not None:
            self._take(line)

    def _take_whole(self, data: bytes | bytearray | memoryview) -> bool:
        """Take a final head that came in one piece; any other is read line by line."""
        received = bytes(data)
        end = received.find(b"\r\n\r\n") + len(b"\r\n\r\n")
        match = _HEAD.fullmatch(str(received[:end], "latin-1"))
        if match is None or end > self._limits.max_bytes or match[2] < "2" or "\t\r" in match[4]:
            return False
        found = _FIELDS.findall(match[4])
        fields = tuple([(name, value.strip(" \t")) for name, value in found])
        if len(fields) > self._limits.max_fields:
            return False
        self.head = ResponseHead(int(match[2]), match[3] or "", (1, int(match[1])), fields)
        self.rest = bytearray(received[end:])
        self.raw = received[:end]
        return True

    def eof(self) -> None:
        """Say that the peer has closed.

        Raises:
          IncompleteError: the head is not complete.
        """
        if self.head is None:
            seen = len(self._buffer)
            where = f"inside the HTTP head, after {seen} bytes" if seen else "without an HTTP reply"
            raise IncompleteError(f"peer closed {where}")

    def _check_start(self) -> None:
        """Refuse another protocol at its first bytes: it may never send a line."""
        start = bytes(self._buffer[self._unread : self._unread + 7])
        if not b"HTTP/1.".startswith(start):
            raise ProtocolError(f"reply is not HTTP/1.1: it begins with {start!r}")

    def _next_line(self) -> str | None:
        """Return the next complete line without its CRLF, or None."""
        end = self._buffer.find(b"\n", self._searched)
        size = len(self._buffer) if end < 0 else end  # a byte less than the head must have
        if size >= self._limits.max_bytes:
            raise ProtocolError(f"HTTP head is longer than {self._limits.max_bytes} bytes")
        if end < 0:
            self._searched = size
            return None
        if self._buffer[end - 1] != 0x0D:
            raise ProtocolError("HTTP header line ends in LF without CR")
        line = str(self._buffer[self._unread : end - 1], "latin-1")
        self._unread = self._searched = end + 1
        return line

    def _take(self, line: str) -> None:
        if self._status is None:
            self._status = parse_status_line(line)
        elif line:
            if len(self._fields) == self._limits.max_fields:
                raise ProtocolError(f"more than {self._limits.max_fields} HTTP header fields")
            self._fields.append(parse_field(line))
        else:
            version, status, reason = self._status
            self._end_head(ResponseHead(status, reason, version, tuple(self._fields)))

    def _end_head(self, head: ResponseHead) -> None:
        if head.status == 101 and not self._upgrade:
            raise ProtocolError("peer switched protocols (101) without being asked to")
        del self._buffer[: self._unread]
        self._searched = 0
        if head.status >= 200 or head.status == 101:
            self.head, self.rest = head, self._buffer
            return
        self._pass_over(head)
        self._start_head()
        self._check_start()

    def _pass_over(self, head: ResponseHead) -> None:
        # RFC 9110 section 8.6 and RFC 9112 section 6.1 forbid both; an empty
        # body is harmless, and seen.
        lengths = head.get_all("Content-Length")
        if head.get("Transfer-Encoding") is not None or lengths not in ([], ["0"]):
            raise ProtocolError(f"interim response {head.status} announces a body")
        if not head.persistent:  # HTTP/1.0 has none; what follows would be no answer of ours
            raise ProtocolError(f"interim response {head.status} ends the connection")
        self.interim += 1
        if self.interim > self._limits.max_interim:
            raise ProtocolError(f"more than {self._limits.max_interim} interim HTTP responses")
