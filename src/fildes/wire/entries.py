"""What an archive or a directory says of what is in it."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeVar

from fildes.patterns import pattern

Kind = Literal["file", "directory", "link", "other"]

_MAGIC = pattern(r"[*?\[]")
_TOKEN = pattern(r"\*\*/?|\*|\?|\[!?\]?[^\]/]*\]|.", re.DOTALL)


class Entry(NamedTuple):
    """One thing in an archive or a directory.

    Attributes:
      name: as it is written there; bytes that are not UTF-8 are surrogates (PEP 383).
      size: in bytes, when it is read.
      compressed: in bytes, as it lies there.
      mtime: seconds since the epoch; None where that is not known.
    """

    name: str
    size: int
    compressed: int
    mtime: float | None
    kind: Kind


SomeEntry = TypeVar("SomeEntry", bound=tuple[object, ...])


def is_pattern(path: str) -> bool:
    """Return whether *path* has wildcards."""
    return _MAGIC.search(path) is not None


def matcher(pattern: str) -> re.Pattern[str]:
    """Return what matches the names that *pattern* stands for, as in glob(7).

    ``*`` and ``?`` match no slash; ``**`` does.
    """
    return re.compile("".join(map(_translate, _TOKEN.findall(pattern))), re.DOTALL)


def _translate(token: str) -> str:
    if token.startswith("**"):
        return "(?:.*/)?" if token.endswith("/") else ".*"
    if len(token) > 1:
        negated = token[1] == "!"
        inside = token[1 + negated : -1].replace("\\", r"\\").replace("[", r"\[")
        return f"(?!/)[{'^' if negated else ''}{inside}]"
    return {"*": "[^/]*", "?": "[^/]"}.get(token, re.escape(token))


def select(entries: Sequence[Entry], path: str) -> list[Entry]:
    """Return the entries that *path* asks for: all, one, those below it, or a pattern's.

    Raises:
      FileNotFoundError: there are none.
    """
    if not path:
        return list(entries)
    directory = path.rstrip("/") + "/"
    found = [entry for entry in entries if entry.name in (path, directory)]
    if not found or found[0].kind == "directory":
        found = [each for each in entries if each.name.startswith(directory)] or found
    if not found and is_pattern(path):
        pattern = matcher(path)
        found = [entry for entry in entries if pattern.fullmatch(entry.name.rstrip("/"))]
    if not found:
        raise missing(path, (entry.name for entry in entries))
    return found


def missing(name: str, names: Iterable[str]) -> OSError:
    """Return the error of a member called *name* that is not among *names*."""
    names = list(names)
    if any(each.startswith(name.rstrip("/") + "/") for each in names):
        return IsADirectoryError(errno.EISDIR, f"{name!a} is a directory: fildes ls lists it")
    import difflib  # 3 ms that only an error pays

    close = difflib.get_close_matches(name, names[:MAX_COMPARED], n=3)
    count = f"{len(names)} member{'' if len(names) == 1 else 's'}"
    hint = f"; did you mean {' or '.join(map(ascii, close))}?" if close else f" among {count}"
    return FileNotFoundError(errno.ENOENT, f"no member {name!a}{hint}")


#: Names that an error compares; each takes microseconds.
MAX_COMPARED = 1000  # arbitrary


def only(found: Sequence[SomeEntry], name: str, index: int | None) -> SomeEntry:
    """Return the one of *found*, all of that *name*; of several, the one at *index*.

    Raises:
      OSError: ENOTUNIQ, there are several and nobody chose.
      FileNotFoundError: there is none at that index.
    """
    if index is None and len(found) > 1:
        choice = f"choose one by index=0 to {len(found) - 1}"
        raise OSError(errno.ENOTUNIQ, f"{len(found)} members are called {name!a}: {choice}")
    if not 0 <= (index or 0) < len(found):
        raise FileNotFoundError(errno.ENOENT, f"{len(found)} members are called {name!a}")
    return found[index or 0]
