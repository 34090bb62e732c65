"""What a text without a scheme might have meant."""

from __future__ import annotations

from fildes.errors import AddressError
from fildes.patterns import pattern

_FORMS = "a file is written ./NAME, an endpoint tcp://HOST:PORT, a document https://HOST/"
# Lengths are arbitrary: what is longer does not fit a message.
_NAME = pattern(r"([A-Za-z0-9._-]{1,80})(?::([0-9]{1,5}))?([/A-Za-z0-9._-]{0,80})")
_PORT = pattern(r":[0-9]{1,5}")


def looks_like_endpoint(text: str) -> bool:
    """Return whether *text* is a name and a port, as in ``localhost:80``."""
    match = _NAME.fullmatch(text)
    return bool(match and match[2])


def no_scheme(text: str) -> AddressError:
    """Return the error that names the addresses *text* could have stood for.

    Only text in which no password can hide is repeated.
    """
    if _PORT.fullmatch(text):
        here = f"tcp-listen://{text} to listen there, tcp://localhost{text} to connect"
        return AddressError(f"{text} has no scheme: write {here}")
    match = _NAME.fullmatch(text)
    if not match:
        return AddressError(f"no scheme: {_FORMS}")
    host, port, path = match.groups()
    return AddressError(
        f"{text} has no scheme: write ./{text} for a file, "
        f"tcp://{host}:{port or 'PORT'} for an endpoint, "
        f"https://{host}{':' + port if port else ''}{path or '/'} for a document"
    )
