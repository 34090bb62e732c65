"""Packages that only some schemes need; they come with our extras."""

from __future__ import annotations

import errno
import importlib
from typing import Any


def require(module: str, extra: str) -> Any:
    """Return a module of another distribution, which comes with our *extra*.

    Raises:
      OSError: ENOPKG, it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        package = module.replace("_", "-")
        message = f"the package {package} is missing: pip install 'fildes[{extra}]'"
        raise OSError(errno.ENOPKG, message) from None
