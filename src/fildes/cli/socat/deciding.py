"""Whether a text is an address of socat's or of ours; one that could be both is neither."""

from __future__ import annotations

from fildes.address.parsing import FindScheme
from fildes.address.syntax import excerpt, nearest
from fildes.cli.socat.addresses import all_kinds
from fildes.cli.socat.elsewhere import ADDRESSES
from fildes.cli.socat.lexing import Words, plain, read_words, scan, split
from fildes.cli.socat.options import all_rules
from fildes.cli.spelling import HOST_PORT, is_scheme
from fildes.errors import AddressError


def is_socat(text: str, find_scheme: FindScheme) -> bool:
    """Tell whether *text* is to be read as socat does.

    ``scheme://`` is ours, and so are ``host:80``, a path, and ``exec:sort`` in small
    letters. Capitals, ``!!``, a number alone, a keyword that is no scheme of ours, and
    what ends in options of socat's are socat's.

    Raises:
      AddressError: it could be either, and would not mean the same.
    """
    keyword = keyword_of(text)
    if not keyword or text.startswith("://", len(keyword)):
        return False
    try:
        words = read_words(text)
    except AddressError:  # of a quote; whose it is decides whether that is a mistake
        return keyword != keyword.lower() and keyword.lower() in all_kinds()
    return len(words) == 2 or is_single(text, words[0], find_scheme)


def keyword_of(text: str) -> str:
    """Return what stands before the first separator."""
    return text.partition("!!")[0].partition(",")[0].partition(":")[0]


def is_single(text: str, words: Words, find_scheme: FindScheme) -> bool:
    """Tell whether one address, not a dual one, is socat's."""
    keyword, small = words.keyword, words.keyword.lower()
    if keyword.startswith(("/", "./", "../")) or keyword == "-":
        return has_options(words)
    if small not in all_kinds():
        return keyword.isdecimal() or is_missing(keyword, find_scheme)
    if keyword != small or text == keyword:
        return True
    if not is_scheme(small, find_scheme):
        return "-" in small or not HOST_PORT.fullmatch(text)  # local:80 is a host
    if find_scheme(small).shape.value.startswith("scheme://"):  # with a host
        return True
    if has_options(words):
        return True
    check_one_reading(text, words)
    return False


def is_missing(keyword: str, find_scheme: FindScheme) -> bool:
    """Tell whether *keyword* can only be meant for socat, though there is no such kind."""
    if keyword.lower() in ADDRESSES:
        return True
    capitals = keyword.isascii() and keyword.isupper() and keyword.replace("-", "").isalnum()
    return capitals and not is_scheme(keyword.lower(), find_scheme)


def has_options(words: Words) -> bool:
    """Tell whether all that stands between commas are options that socat has.

    Raises:
      AddressError: some are, and some are not.
    """
    names = [name for name, _ in words.options if name]
    unknown = [name for name in names if name not in all_rules()]
    if len(names) > len(unknown) > 0:
        raise AddressError(
            f"no option {excerpt(unknown[0])}{nearest(unknown[0], list(all_rules()))};"
            " commas that belong to a path stand behind scheme:///, as in file:///a,b"
        )
    return bool(names) and not unknown


def check_one_reading(text: str, words: Words) -> None:
    """Raise if *text* could be a command line as well as a program with a blank in its name."""
    pieces = split(scan(text), " ")
    if words.keyword == "exec" and "?" not in text and len(pieces) > 1:
        raise AddressError(
            "this could be read in two ways: write EXEC:... for a command line,"
            f" or {plain(pieces[0])}?arg=... for one argument after the other"
        )
