"""The text of a socat address, cut at its separators.

A separator inside quotes or brackets, or behind a backslash, is data. Quotes go
away, brackets stay: an IPv6 address needs them. So each character is first marked as
protected or not, and everything else only looks for unprotected separators.
"""

from __future__ import annotations

from typing import NamedTuple

from fildes.errors import AddressError

CLOSING = {"(": ")", "[": "]", "{": "}"}

#: What a backslash makes of a letter, as in C.
ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}

#: Deeper brackets are a mistake; bounds what one text can cost.
MAX_DEPTH = 64  # arbitrary


class Character(NamedTuple):
    """One character of what is meant, and whether it can be a separator."""

    text: str
    protected: bool


class Words(NamedTuple):
    """One address, in words.

    Attributes:
      keyword: as written; its case does not matter.
      parameters: what follows it, between colons.
      options: names and values; None for a name without ``=``.
    """

    keyword: str
    parameters: tuple[str, ...]
    options: tuple[tuple[str, str | None], ...]


def read_words(text: str) -> tuple[Words, ...]:
    """Return the address that *text* spells; two of them for ``A!!B``.

    Raises:
      AddressError: a quote or a bracket is not closed, or there are three parts.
    """
    parts = split(scan(text), "!!")
    if len(parts) > 2:
        raise AddressError("a dual address has two parts: READ!!WRITE")
    return tuple(words_of(part) for part in parts)


def words_of(part: list[Character]) -> Words:
    """Return the words of one address."""
    head, *options = split(part, ",")
    keyword, *parameters = (plain(each) for each in split(head, ":"))
    return Words(keyword, tuple(parameters), tuple(option_of(each) for each in options))


def option_of(part: list[Character]) -> tuple[str, str | None]:
    """Return the name of an option, and its value if it has one."""
    name, *value = split(part, "=", at_most=1)
    return plain(name).lower(), plain(value[0]) if value else None


def split_command(text: str) -> list[str]:
    """Return the arguments of a command line that no shell looks at."""
    return [plain(word) for word in split(scan(text), " ") if word]


def plain(part: list[Character]) -> str:
    """Return the text of *part*."""
    return "".join(character.text for character in part)


def split(
    part: list[Character], separator: str, *, at_most: int | None = None
) -> list[list[Character]]:
    """Return what stands between the unprotected separators, once or as often as there are."""
    wanted = [Character(each, protected=False) for each in separator]
    pieces: list[list[Character]] = [[]]
    position = 0
    while position < len(part):
        if part[position : position + len(wanted)] == wanted and len(pieces) - 1 != at_most:
            pieces.append([])
            position += len(wanted)
        else:
            pieces[-1].append(part[position])
            position += 1
    return pieces


def scan(text: str) -> list[Character]:
    """Return the characters that *text* means, each marked as protected or not."""
    scanner = Scanner(text)
    while scanner.position < len(text):
        scanner.take()
    scanner.check_end()
    return scanner.characters


class Scanner:
    """Where in a text one is: inside which quote and which brackets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.characters: list[Character] = []
        self.quote = ""
        self.closing: list[str] = []

    def take(self) -> None:
        """Take the next character, or the two of an escape."""
        each = self.text[self.position]
        self.position += 1
        if each == "\\":  # also inside of single quotes, other than in a shell
            self.take_escape()
        elif each == self.quote:
            self.quote = ""
        elif each in "'\"" and not self.quote:
            self.quote = each
        else:
            self.take_plain(each)

    def take_escape(self) -> None:
        if self.position == len(self.text):
            raise AddressError("a backslash at the end protects nothing; write two for one")
        each = self.text[self.position]
        self.position += 1
        self.characters.append(Character(ESCAPES.get(each, each), protected=True))

    def take_plain(self, each: str) -> None:
        protected = bool(self.quote or self.closing or each in CLOSING)
        self.characters.append(Character(each, protected))
        if self.quote:
            return
        if each in CLOSING:
            self.closing.append(CLOSING[each])
        elif self.closing and each == self.closing[-1]:
            self.closing.pop()
        if len(self.closing) > MAX_DEPTH:
            raise AddressError(f"more than {MAX_DEPTH} brackets inside each other")

    def check_end(self) -> None:
        if self.quote:
            raise AddressError(f"a quote {self.quote} is not closed; a literal one is written \\'")
        if self.closing:
            raise AddressError(
                f"a bracket is not closed, {self.closing[-1]} is missing;"
                " a literal one is written with a backslash"
            )
