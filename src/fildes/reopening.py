"""Pickling an open document: what opens it again, where it was, in another process.

No connection can be pickled, but a document can be opened anew: its address, options and
policy go along, with the position and what tells its version. It is opened as it is
unpickled, so that what fails does so there, and not in the middle of a read. An address
or option with a password is pickled with it: such a pickle is as secret as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.http.validator import Validator, check_same, check_total, validator_of
from fildes.opening.opening import Opening

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fildes.address import Address
    from fildes.files.modes import Mode, NetFile
    from fildes.opened_by import OpenedBy
    from fildes.policy.policy import Policy

#: What their addresses name exists in one process only.
_OF_ONE_PROCESS = frozenset({"fd", "stdio"})


class Version(NamedTuple):
    """What tells one version of a document from another."""

    validator: Validator
    size: int | None


class Recipe(NamedTuple):
    """What opens a document again."""

    address: Address
    wanted: Mode
    policy: Policy
    options: Mapping[str, Mapping[str, Any]]
    buffering: int
    timeout: float | None
    idle_timeout: float | None
    text: Mapping[str, str | None]


def reduced(file: Any, how: OpenedBy) -> tuple[Any, ...]:
    """Return what pickle stores for *file*.

    Raises:
      TypeError: it cannot be opened again where it is now.
    """
    if file.closed:
        raise ValueError("I/O operation on closed file")
    if why := why_not(file, how.opening.address):
        raise TypeError(f"cannot pickle {file!r}: {why}")
    opening = how.opening
    recipe = Recipe(opening.address, how.wanted, opening.policy, opening.options, *how[2:])
    return reopen, (recipe, file.tell(), version_of(file))


def why_not(file: Any, address: Address) -> str | None:
    """Return why *file* cannot be pickled; None if it can."""
    if file.writable():
        return "only what is read can be opened again; pickle the address instead"
    if any(layer.scheme in _OF_ONE_PROCESS for layer in address.layers()):
        return "its descriptor belongs to this process"
    if not file.seekable():
        return "it has no positions, so it cannot go on where it was"
    return None


def reopen(recipe: Recipe, position: int, version: Version | None) -> NetFile:
    """Open a document that was pickled, and go to where it was.

    Raises:
      OSError: as `fildes.open`; ESTALE, the document is another one by now.
    """
    from fildes.verbs import open_now

    opening = Opening(recipe.address, recipe.wanted.binary, recipe.policy, recipe.options)
    opening.sequential = recipe.wanted.text
    file = open_now(
        opening,
        recipe.wanted,
        recipe.buffering,
        recipe.timeout,
        recipe.idle_timeout,
        **recipe.text,
    )
    try:
        with opening.blame("response"):
            check_version(version, version_of(file))
        file.seek(position)
    except BaseException:
        file.abort()
        raise
    return file


def version_of(file: Any) -> Version | None:
    """Return which version of its document a web server gives in *file*."""
    response = file.response
    if response is None:
        return None
    return Version(validator_of(response.headers), getattr(file, "size", None))


def check_version(ours: Version | None, theirs: Version | None) -> None:
    """Raise ESTALE unless both may be the same."""
    if ours is None or theirs is None:
        return
    check_same(ours.validator, theirs.validator)
    if ours.size is not None:
        check_total(ours.size, theirs.size)
