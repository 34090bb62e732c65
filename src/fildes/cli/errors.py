"""What goes wrong on our side of the command line."""

from __future__ import annotations


class UsageError(Exception):
    """The command line makes no sense."""


class LocalWriteError(OSError):
    """What came could not be written to where it was to go."""
