"""The rules of one layer, whether it came as text or as parts."""

from __future__ import annotations

from fildes.address.model import MAX_PORT
from fildes.address.syntax import REDACTED, check_wire, normal_path
from fildes.errors import AddressError
from fildes.patterns import pattern
from fildes.scheme import Scheme, Shape

_DIGITS = pattern(r"[0-9]{1,5}")
_LIKE_A_HOST = pattern(r"[/\\?#]")


def has_authority(scheme: Scheme) -> bool:
    """Return whether addresses of *scheme* name a host."""
    return scheme.shape in (Shape.ENDPOINT, Shape.RESOURCE, Shape.PLACE)


def parse_port(text: str, *, least: int = 1) -> int:
    """Return the port that *text* is, in ASCII digits.

    Args:
      least: the lowest one that an error names: 0 where the kernel may choose.
    """
    # The text is not shown: behind a mistyped user name it is a password.
    if not _DIGITS.fullmatch(text) or int(text) > MAX_PORT:
        raise AddressError(f"a port is a number from {least} to {MAX_PORT} in ASCII digits")
    return int(text)


#: How the schemes are called that have a place of ours, where the kernel may choose the port.
RECEIVING = ("-listen", "-recv")


def check_endpoint(scheme: Scheme, host: str, port: int | None, *, listening: bool) -> int | None:
    """Return *port*, None for the default one, if host and port are complete."""
    if port is None and scheme.default_port is None:
        raise AddressError(f"{scheme.name} needs a port: {scheme.name}://HOST:PORT")
    if not listening and port == 0:
        raise AddressError("port 0 is only for listening, where the kernel chooses one")
    if not host and not (listening and port is not None):
        raise AddressError(f"{scheme.name} needs a host: {scheme.name}://HOST")
    return None if port == scheme.default_port else port


def check_user(scheme: Scheme, user: str | None, password: str | None) -> None:
    """Raise AddressError unless *scheme* takes this user and password."""
    if user is None and password is None:
        return
    if not scheme.userinfo:
        raise AddressError(f"{scheme.name} takes no user or password before an '@'")
    if user is None or not (user or password):
        raise AddressError("the user before the '@' is missing")
    # In http://good.example%2f@evil.example/ it is there to be taken for the host.
    if _LIKE_A_HOST.search(user):
        raise AddressError("a user has no '/', '\\', '?' or '#'")
    if REDACTED in (user, password):
        raise AddressError("the user or password was redacted (***); write the real one")


def check_document_path(path: str) -> str:
    """Return *path*, as on the wire, if a server can have it."""
    if "%00" in check_wire(path, "path"):
        raise AddressError("the path has a NUL (%00), which ends a name on many servers")
    return path


def canonical_path(scheme: Scheme, path: str) -> str:
    """Return the decoded *path* of a PATH or WORD address."""
    path = normal_path(path)
    if scheme.shape is Shape.WORD:
        if "/" in path:
            raise AddressError(f"{scheme.name} takes one word, without '/'")
    elif not path and scheme.carried_by != "bytes" and scheme.name != "pipe":
        raise AddressError(f"{scheme.name} needs a path: {scheme.name}:PATH")
    elif scheme.name == "file" and not path.startswith(("/", "./", "../")):
        return f"./{path}"
    return path
