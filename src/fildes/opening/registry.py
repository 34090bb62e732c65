"""Which module serves a scheme: the one in `fildes.schemes` that bears its name."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from fildes import schemes
from fildes.errors import AddressError

if TYPE_CHECKING:
    from fildes.scheme import Scheme


def find_scheme(name: str) -> Scheme:
    """Return the declaration of the scheme called *name*.

    Raises:
      AddressError: no module serves it; the message names what is close.
    """
    scheme: Scheme = find_module(name).SCHEME
    return scheme


@functools.cache
def find_defaults(name: str) -> dict[str, Any]:
    """Return the defaults of the options that the scheme called *name* declares."""
    return {option.name: option.default for option in find_scheme(name).options}


@functools.cache
def find_set_defaults(name: str) -> dict[str, Any]:
    """Return those of `find_defaults` that are values."""
    return {key: value for key, value in find_defaults(name).items() if value is not None}


@functools.cache
def find_module(name: str) -> ModuleType:
    """Return the module that opens addresses of the form ``name:``."""
    module = f"{schemes.__name__}.{name.replace('-', '_')}"
    if not {"_", "."} & set(name):
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:  # it is there, and misses something of others
                raise
    entries = third_party()
    if name in entries:
        return importlib.import_module(entries[name])
    raise AddressError(unknown(name))


def unknown(name: str) -> str:
    """Say that no scheme is called *name*, and which ones are close."""
    import difflib

    close = difflib.get_close_matches(name, known(), n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(known())}"
    return f"unknown scheme {name!r}; {hint}"


def known() -> list[str]:
    """Return the names of all schemes, sorted."""
    import pkgutil

    own = (module.name.replace("_", "-") for module in pkgutil.iter_modules(schemes.__path__))
    return sorted({*own, *third_party()})


@functools.cache
def third_party() -> dict[str, str]:
    """Return the modules of other distributions' schemes by scheme name."""
    from importlib.metadata import entry_points  # 15 ms, needed for unknown names only

    return {entry.name: entry.value for entry in entry_points(group="fildes.schemes")}
