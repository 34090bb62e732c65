"""What is checked of an open's arguments before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fildes.address.options import typed_value
from fildes.opening import registry


def check_options(options: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return options by scheme, each checked and of its declared type.

    Raises:
      TypeError, AddressError: as `typed_options`.
    """
    return {name.replace("-", "_"): typed_options(name, each) for name, each in options.items()}


def typed_options(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options given for the scheme *name*, which are an argument of that name.

    Raises:
      TypeError: they are no mapping, or the scheme declares no such option.
      AddressError: a value is not of its option's type.
    """
    scheme = registry.find_scheme(name.replace("_", "-"))
    if not isinstance(values, Mapping):
        raise TypeError(f"options of {name} come in a mapping: {name}={{'option': value}}")
    typed: dict[str, Any] = {}
    for key, value in values.items():
        option = scheme.option(key)
        if option is None:
            known = ", ".join(option.name for option in scheme.options) or "none"
            raise TypeError(f"{scheme.name} has no option {key!r}; it knows: {known}")
        if value is not None:
            typed[key] = value if option.type == "object" else typed_value(option, value)
    return typed


def check_times(timeout: float | None, idle_timeout: float | None = None) -> None:
    """Raise `ValueError` for a time that is none; nothing is open yet."""
    for name, seconds in (("timeout", timeout), ("idle_timeout", idle_timeout)):
        if seconds is not None and not seconds >= 0:  # not a number is neither
            raise ValueError(f"{name} is a number of seconds, 0 or more, not {seconds}")
