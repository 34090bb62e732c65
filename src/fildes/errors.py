"""The errors that no errno exists for, and what every error carries.

A failure keeps the type and errno that the kernel, the resolver or OpenSSL gave
it. What fildes adds is context, once, at the boundary of the step in which it
happened: `failure_of` reads it in programs, the notes of PEP 678 show it to people.
"""

from __future__ import annotations

import errno
from typing import Any, NamedTuple

from fildes.advice import advice_for

__all__ = [
    "AddressError",
    "Failure",
    "IncompleteError",
    "NotModifiedError",
    "PolicyError",
    "ProtocolError",
    "failure_of",
]


class AddressError(ValueError):
    """The text is not an address; raised before anything is opened."""


class PolicyError(PermissionError):
    """The policy in force forbids it; whatever was refused was not touched."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EACCES, message)


class ProtocolError(OSError):
    """The peer broke the rules of its protocol."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EPROTO, message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let copy and pickle call our `__init__`, which takes no errno."""
        return type(self), (self.strerror,), {**vars(self), "filename": self.filename}


class IncompleteError(ProtocolError):
    """The bytes ended before what they were part of was complete."""


class NotModifiedError(FileExistsError):
    """The document is the one that the caller has; its ``headers`` say which one that is."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EEXIST, message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let copy and pickle call our `__init__`, which takes no errno."""
        return type(self), (self.strerror,), {**vars(self), "filename": self.filename}


class Failure(NamedTuple):
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


def add_context(
    error: OSError | EOFError,
    step: str,
    address: str,
    attempts: tuple[BaseException, ...] = (),
) -> None:
    """Say in *error* to which step and address it belongs; its type and errno stay.

    The first to call, so the innermost step, wins.
    """
    if failure_of(error) is not None:
        return
    if isinstance(error, OSError) and error.errno and error.filename is None:
        error.filename = address  # the error of a file names the file
    failure = Failure(step, address, advice_for(error, step), attempts)
    error._fildes_failure = failure  # type: ignore[union-attr]  # our own mark
    error.add_note(f"fildes: while {step}: {address}")
    if failure.advice:
        error.add_note(f"fildes: {failure.advice}")


def forget_frames(error: BaseException) -> None:
    """Let go of the frames that *error*, and the errors that led to it, went through.

    What they worked with often keeps the error: circles, whose memory had to wait for the
    garbage collector, with all the buffers of a connection that is over.
    """
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = None
        failure = failure_of(each)
        left += (each.__context__, each.__cause__)
        left += () if failure is None else failure.attempts
        left += getattr(each, "exceptions", ())  # of a group
