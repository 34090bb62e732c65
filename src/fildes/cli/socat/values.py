"""The values of socat options: text into what an option takes, strictly."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from fildes.address.options import FLAGS
from fildes.address.syntax import check_text, excerpt
from fildes.cli.socat.options import Rule
from fildes.errors import AddressError

Value = bool | int | float | str

_INTEGER = re.compile(r"-?(?:0[xX][0-9a-fA-F]{1,16}|[0-9]{1,18})")
_OCTAL = re.compile(r"0?o?[0-7]{1,4}")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def read_value(rule: Rule, text: str | None) -> Value:
    """Return the value that *text* is for the option of *rule*; None is no ``=``.

    Raises:
      AddressError: it is missing, or not of the option's type.
    """
    if rule.takes == "anything":
        return text or ""
    if rule.takes == "nothing":
        if text is not None:
            raise AddressError("it takes no value")
        return True
    if rule.takes == "flag":
        return read_flag(text)
    if rule.takes == "offset":
        return read_integer(text) if text else 0
    if not text:
        raise AddressError(f"it needs a value: {rule.name}={EXAMPLES[rule.takes]}")
    return READERS[rule.takes](text)


#: What a value may look like, for messages.
EXAMPLES = {"integer": "NUMBER", "seconds": "SECONDS", "text": "TEXT", "mode": "0600",
            "byte": "0x1d"}  # fmt: skip


def read_flag(text: str | None) -> bool:
    """Return whether an option is on: alone it is."""
    if text is None:
        return True
    if text not in FLAGS:
        raise AddressError(f"{excerpt(text)} is neither 0 nor 1")
    return FLAGS[text]


def read_integer(text: str) -> int:
    """Return the number that *text* is, decimal or hexadecimal; a leading 0 is octal in C."""
    if not _INTEGER.fullmatch(text):
        raise AddressError(f"{excerpt(text)} is not a whole number")
    digits = text.lstrip("-")
    if len(digits) > 1 and digits[0] == "0" and digits[1] not in "xX":
        raise AddressError(f"{excerpt(text)} would be octal in C; write it decimal, or 0x...")
    return int(text, 0)


def read_seconds(text: str) -> float:
    """Return a length of time."""
    if not _SECONDS.fullmatch(text) or not math.isfinite(float(text)):
        raise AddressError(f"{excerpt(text)} is not a number of seconds")
    return float(text)


def read_mode(text: str) -> int:
    """Return permission bits, in octal as chmod(1) takes them."""
    if not _OCTAL.fullmatch(text):
        raise AddressError(f"{excerpt(text)} is no mode in octal, such as 0600")
    return int(text.replace("o", ""), 8)


def read_byte(text: str) -> int:
    """Return the value of one byte."""
    value = read_integer(text)
    if not 0 <= value <= 255:
        raise AddressError(f"{excerpt(text)} is no byte: 0 to 255")
    return value


def read_text(text: str) -> str:
    """Return *text*, in which nothing can drive a terminal."""
    check_text(text, "value")
    return text


READERS: dict[str, Callable[[str], Value]] = {
    "integer": read_integer,
    "seconds": read_seconds,
    "text": read_text,
    "mode": read_mode,
    "byte": read_byte,
}
