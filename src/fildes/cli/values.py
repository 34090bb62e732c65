"""What options take, on the command line as in a configuration file: a text, or a number of TOML.

Each function returns the value, or raises a ValueError that says what it should be.
"""

from __future__ import annotations

import math
import re
from typing import Any

from fildes.address.options import LONGEST
from fildes.beginning import MOST_WORKERS

_LINGER = re.compile(r"linger:[0-9]{1,9}(\.[0-9]{1,9})?")
_SIZE = re.compile(r"([0-9]{1,15})([kMGT]?)")
_FACTOR = {"": 1, "k": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def read_eof(value: Any) -> str:
    """Return the name of what an end of file does."""
    if value in ("propagate", "first", "ignore") or _LINGER.fullmatch(str(value)):
        return str(value)
    raise ValueError("propagate, first, ignore or linger:SECONDS")


def read_limit(value: Any) -> float | None:
    """Return a length of time; 0 is no limit."""
    return read_seconds(value) or None


def read_seconds(value: Any) -> float:
    """Return a length of time."""
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"a number of seconds, from 0 to {LONGEST:.0f}")
    return seconds


def read_count(value: Any) -> int:
    """Return a number of at least 1."""
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise ValueError("a whole number, 1 or more")
    return int(text)


def read_workers(value: Any) -> int:
    """Return a number of processes."""
    try:
        count = read_count(value)
    except ValueError:
        count = 0
    if not 1 <= count <= MOST_WORKERS:
        raise ValueError(f"a number of processes, from 1 to {MOST_WORKERS}")
    return count


def read_descriptor(value: Any) -> int:
    """Return the number of a descriptor."""
    if not re.fullmatch(r"[0-9]{1,9}", str(value)):
        raise ValueError("the number of a descriptor")
    return int(value)


def read_tries(value: Any) -> int:
    """Return how often to try again; ``forever`` is -1."""
    if value == "forever":
        return -1
    try:
        return 0 if str(value) == "0" else read_count(value)
    except ValueError:
        raise ValueError("a whole number, 0 or more, or forever") from None


def read_size(value: Any) -> int:
    """Return a number of bytes; k, M, G and T are powers of 1024."""
    match = None if isinstance(value, bool) else _SIZE.fullmatch(str(value))
    if not match or not int(match[1]):
        raise ValueError("a number of bytes, 1 or more, such as 65536, 64k or 10M")
    return int(match[1]) * _FACTOR[match[2]]
