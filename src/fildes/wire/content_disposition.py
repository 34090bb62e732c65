"""The name that a Content-Disposition field suggests for a file; RFC 6266."""

from __future__ import annotations

import re

_TOKEN = r"[!#$&'*+\-.^_`|~0-9A-Za-z%]+"  # of RFC 9110 section 5.6.2; "%" is in ext-values
_PARAMETER = re.compile(
    rf"[ \t]*;[ \t]*(?:({_TOKEN})[ \t]*=[ \t]*(?:\"((?:[^\"\\]|\\.)*)\"|({_TOKEN})))?"
)
_TYPE = re.compile(rf"[ \t]*{_TOKEN}")

#: charset'language'value, the octets percent-encoded; RFC 8187 section 3.2.
_EXTENDED = re.compile(r"(utf-8|iso-8859-1)'[^']*'((?:%[0-9A-Fa-f]{2}|[^%'*()])*)", re.IGNORECASE)


def filename_of(field: str) -> str | None:
    """Return the name that *field* suggests, None if it has none or makes no sense.

    ``filename*`` goes before ``filename``; section 4.3. What is before the last slash
    or backslash is left out, as that section wants, but the name may still be anything
    else: ``..``, empty, a control character.
    """
    match = _TYPE.match(field)
    found: dict[str, str] = {}
    while match is not None and match.end() < len(field):
        match = _PARAMETER.match(field, match.end())
        if match is not None and match[1]:
            quoted = None if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
            found.setdefault(match[1].lower(), match[3] if quoted is None else quoted)
    name = _extended(found.get("filename*", "")) or _plain(found.get("filename", ""))
    return re.split(r"[/\\]", name)[-1] if match is not None and name else None


def _extended(value: str) -> str:
    match = _EXTENDED.fullmatch(value)
    if match is None:
        return ""
    escape = re.compile(rb"%(..)")
    data = escape.sub(lambda each: bytes.fromhex(each[1].decode()), match[2].encode("latin-1"))
    try:
        return data.decode(match[1])
    except UnicodeDecodeError:
        return ""


def _plain(value: str) -> str:
    """Return *value* as it was meant: today's servers write UTF-8 where ISO 8859-1 was once."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
