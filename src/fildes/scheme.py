"""What an address scheme says about itself.

Every module in `fildes.schemes` holds one `Scheme`. The parser, `fildes help`,
the policy and shell completion all read it, so a scheme is described once.
"""

from __future__ import annotations

import enum
import io
import math
from typing import Literal, NamedTuple

#: What an option's text is turned into; a mapping or another object has no text and is
#: given in Python only.
OptionType = Literal["text", "flag", "integer", "seconds", "list", "mapping", "object"]

#: A typed option value, as an Address holds it.
Value = str | bool | int | float | tuple[str, ...] | None

#: The natural mode of a scheme: a conversation reads and writes, a document is read.
Mode = Literal["r+b", "rb"]


class Shape(enum.Enum):
    """How the part of an address after ``scheme:`` is read."""

    ENDPOINT = "scheme://[user[:password]@]host[:port][?options]"
    RESOURCE = "scheme://[user[:password]@]host[:port][/path][?query]"
    PLACE = "scheme://host[:port][/path][?options]"
    PATH = "scheme:PATH[?options] or scheme://PATH[?options]"
    WORD = "scheme:[WORD][?options] or scheme://[WORD][?options]"
    OPAQUE = "scheme:TEXT"


class Option(NamedTuple):
    """One declared option of a scheme.

    Attributes:
      least, most: what an integer or a number of seconds may be.
    """

    name: str
    type: OptionType
    meaning: str
    default: Value = None
    secret: bool = False  #: its value is never shown
    choices: tuple[str, ...] = ()
    confined: bool = False  #: may be set in an address under `Policy.untrusted`
    least: float = -math.inf
    most: float = math.inf


class Example(NamedTuple):
    """An address of the scheme, and what it is good for."""

    address: str
    meaning: str


class Scheme(NamedTuple):
    """The declaration of one address scheme.

    Attributes:
      carried_by: what stands to the right of ``::``. ``"nothing"``: always the
        innermost layer. ``"transport"``: a stream that reaches host and port;
        plain tcp when the address names none. ``"bytes"``: any readable thing,
        which must be named. ``"listener"``: another place to listen at, which the
        address then names instead of a host and port.
      tunnels: the scheme reaches a destination that the layer to its left
        names (a proxy); alone it is not openable.
      modes: the modes of `fildes.open` that it takes; empty for the usual ones of
        its natural mode.
      userinfo: ``user:password@`` is allowed.
      confined: may appear in an address under `Policy.untrusted`.
    """

    name: str
    shape: Shape
    summary: str
    mode: Mode = "r+b"
    modes: tuple[str, ...] = ()
    default_port: int | None = None
    carried_by: Literal["nothing", "transport", "bytes", "listener"] = "nothing"
    tunnels: bool = False
    userinfo: bool = False
    confined: bool = False
    options: tuple[Option, ...] = ()
    examples: tuple[Example, ...] = ()

    def option(self, name: str) -> Option | None:
        """Return the declared option called *name*, or None."""
        return next((option for option in self.options if option.name == name), None)

    def check_mode(self, mode: str) -> None:
        """Raise `io.UnsupportedOperation` if nothing of this scheme opens in *mode*."""
        usual = ("r+b", "rb", "wb") if self.mode == "r+b" else ("rb",)
        if mode not in (self.modes or usual):
            takes = ", ".join(self.modes or usual)
            raise io.UnsupportedOperation(
                f"{self.name} cannot be opened as {mode}, only as {takes}"
            )
