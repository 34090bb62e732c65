"""The errors that no errno exists for, and what every error carries.

A failure keeps the type and errno that the kernel, the resolver or OpenSSL gave
it. What fildes adds is context, once, at the boundary of the step in which it
happened: `failure_of` reads it in programs, the notes of PEP 678 show it to people.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

__all__ = ["AddressError", "Failure", "IncompleteError", "ProtocolError", "failure_of"]


class AddressError(ValueError):
    """The text is not an address; raised before anything is opened."""


class ProtocolError(OSError):
    """The peer broke the rules of its protocol."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EPROTO, message)


class IncompleteError(ProtocolError):
    """The bytes ended before what they were part of was complete."""


@dataclass(frozen=True)
class Failure:
    """Where an open or a file failed.

    Attributes:
      step: the name of the step, as in `Step.name`.
      address: what was being opened, secrets redacted.
      advice: what the user can do about it; may be empty.
      attempts: the failures of the single attempts, in order, when there were several.
    """

    step: str
    address: str
    advice: str = ""
    attempts: tuple[BaseException, ...] = ()


def failure_of(error: BaseException) -> Failure | None:
    """Return what fildes knows about *error*, or None for an error of others."""
    return getattr(error, "_fildes_failure", None)


def record_failure(error: BaseException, failure: Failure) -> None:
    """Attach *failure* to *error*, unless a more inner step has done so."""
    if failure_of(error) is None:
        error._fildes_failure = failure  # type: ignore[attr-defined]  # our own mark
        note = f"fildes: while {failure.step}: {failure.address}"
        error.add_note(f"{note}\n{failure.advice}" if failure.advice else note)
