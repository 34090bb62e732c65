"""Regular expressions that are compiled when they are first used.

To compile one takes a tenth of a millisecond and more, which each start of the command
would pay for dozens that hardly ever match anything. Those of every start need none of it.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class Pattern:
    """What `re.compile` returns, once somebody wants it."""

    def __init__(self, source: str | bytes, flags: int) -> None:
        self.pattern, self.flags_wanted = source, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # of no pattern: copy and pickle look for some
            raise AttributeError(name)
        value = getattr(re.compile(self.pattern, self.flags_wanted), name)
        setattr(self, name, value)  # found at once from now on
        return value


def pattern(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return *source* as `re.compile` does; what is wrong with it shows at the first use."""
    return cast("re.Pattern[AnyStr]", Pattern(source, flags))
