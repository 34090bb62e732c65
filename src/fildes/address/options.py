"""Options: the part after ``?`` of every address whose query no server owns."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

from fildes.address.model import Secret
from fildes.address.syntax import REDACTED, check_text, decode_text, excerpt, nearest
from fildes.errors import AddressError
from fildes.patterns import pattern
from fildes.scheme import Option, Scheme, Value

Options = tuple[tuple[str, Value], ...]

FLAGS = {
    **dict.fromkeys(("on", "yes", "true", "1"), True),
    **dict.fromkeys(("off", "no", "false", "0"), False),
}
_INTEGER = pattern(r"-?[0-9]{1,18}")  # fits 64 bits

#: Seconds, some 30 years: what is longer is a mistake, and more than some timers can take.
LONGEST = 1e9  # arbitrary

_SECONDS = pattern(r"[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,3})?")


def parse_options(query: str, scheme: Scheme) -> Options:
    """Return the typed options that *query* spells, sorted by name.

    Raises:
      AddressError: an option is unknown, repeated without being a list, or has
        a value that is not of its type.
    """
    texts: dict[str, list[str]] = {}
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        option = _find_option(scheme, name, hide=_has_secret(scheme, texts))
        if not equals:
            raise AddressError(f"option {name} of {scheme.name} needs a value: {name}=VALUE")
        decoded = decode_text(value, f"option {name}", secret=option.secret)
        texts.setdefault(name, []).append(decoded)
    return _sorted((name, _convert(scheme, name, given)) for name, given in texts.items())


def check_options(values: Mapping[str, object], scheme: Scheme) -> Options:
    """Return *values*, given as Python objects or text, as typed options.

    None and the empty list stand for an option that is not given.
    """
    options = {name: _find_option(scheme, name) for name in values}
    typed = [
        (name, _coerce(options[name], value)) for name, value in values.items() if value is not None
    ]
    return _sorted(pair for pair in typed if pair[1] != ())


def _sorted(options: Iterable[tuple[str, Value]]) -> Options:
    return tuple(sorted(options, key=lambda pair: pair[0]))


def _find_option(scheme: Scheme, name: str, *, hide: bool = False) -> Option:
    """Return the option called *name*; *hide* it from the message if it is none."""
    option = scheme.option(name)
    if option:
        return option
    known = [option.name for option in scheme.options]
    if not known:
        raise AddressError(f"{scheme.name} has no options; a literal ? is written %3F")
    # After a secret that holds a bare "&", what looks like a name is its rest.
    shown = "of that name" if hide else f"{excerpt(name)}{nearest(name, known)}"
    raise AddressError(f"{scheme.name} has no option {shown}; it has: {', '.join(known)}")


def _has_secret(scheme: Scheme, names: Iterable[str]) -> bool:
    return any(option.secret for option in scheme.options if option.name in names)


def _convert(scheme: Scheme, name: str, texts: list[str]) -> Value:
    option = _find_option(scheme, name)
    if option.type == "list":
        return tuple(_checked_text(option, text) for text in texts)
    if len(texts) > 1:
        raise AddressError(f"option {name} of {scheme.name} is given more than once")
    return _convert_text(option, texts[0])


def typed_value(option: Option, value: object) -> Value | Mapping[Any, Any]:
    """Return *value*, which may also be a mapping or have path objects, as of *option*'s type.

    Raises:
      AddressError: it is not.
      TypeError: it is no mapping, which has no text either.
    """
    if option.type == "mapping":
        if not isinstance(value, Mapping):
            raise TypeError(f"option {option.name} takes a mapping")
        return value
    if isinstance(value, list | tuple):
        return _coerce(option, [_without_paths(each) for each in value])
    return _coerce(option, _without_paths(value))


def _without_paths(value: object) -> object:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _coerce(option: Option, value: object) -> Value:
    """Return *value* as the type of *option*; text is converted, nothing else is."""
    if option.type == "list" and isinstance(value, str | list | tuple):
        items = (value,) if isinstance(value, str) else value
        return tuple(_checked_text(option, item) for item in items)
    if isinstance(value, str):
        return _convert_text(option, value)
    if option.type == "flag" and isinstance(value, bool):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad_value(option, value)
    if option.type in ("integer", "seconds"):
        return _convert_text(option, repr(value))
    raise _bad_value(option, value)


def _convert_text(option: Option, text: str) -> Value:
    if option.type == "flag" and text in FLAGS:
        return FLAGS[text]
    if option.type == "integer" and _INTEGER.fullmatch(text):
        return _within(option, int(text), text)
    if option.type == "seconds" and _SECONDS.fullmatch(text) and float(text) <= LONGEST:
        return _within(option, float(text), text)
    if option.type == "text":
        return _checked_text(option, text)
    raise _bad_value(option, text)


def _within(option: Option, number: float, text: str) -> float:
    """Return *number*, which *text* spells, if it is one that *option* may be."""
    if not option.least <= number <= option.most:
        raise _bad_value(option, text)
    return number


def _checked_text(option: Option, text: object) -> str:
    if not isinstance(text, str):
        raise _bad_value(option, text)
    check_text(text, f"option {option.name}")
    if option.choices and text not in option.choices:
        raise _bad_value(option, text)
    if not option.secret:
        return text
    if text == REDACTED:
        raise AddressError(f"the value of option {option.name} was redacted; write the real one")
    return Secret(text)


#: What each type of option takes, for messages.
_EXPECTED = {
    "text": "text",
    "flag": "on or off",
    "integer": "a whole number",
    "seconds": "a number of seconds",
    "list": "text, repeated for more",
    "mapping": "a mapping, given in Python only",
    "object": "an object, given in Python only",
}


def _range_of(option: Option) -> str:
    """Return what numbers *option* may be, for messages."""
    least, most = option.least, option.most
    if option.type == "seconds":
        least, most = max(least, 0), min(most, LONGEST)
    start = f" from {least:.12g}" if least > -math.inf else ""
    return start + (f" to {most:.12g}" if most < math.inf else "")


def _bad_value(option: Option, value: object) -> AddressError:
    expected = " or ".join(option.choices) or _EXPECTED[option.type] + _range_of(option)
    shown = "" if option.secret else f", not {excerpt(str(value))}"
    return AddressError(f"option {option.name} takes {expected}{shown}")
