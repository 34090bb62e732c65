"""The conformance kit: what every stream and every file must do.

Whoever writes a scheme proves with it that the streams keep the contract of
`fildes.streams.stream.Stream`, under every driver, and that files over them are files::

    @pytest.mark.parametrize("check", STREAM_CHECKS)
    def test_stream(check):
        check_stream(my_pair, checks=[check])

*my_pair* is protocol code that returns the stream under test and the stream of its
peer. A failed check is an AssertionError, whose traceback names the check.
"""

from __future__ import annotations

from fildes.testing.both import both
from fildes.testing.file_checks import FILE_CHECKS, check_async_file, check_file
from fildes.testing.scripted import ScriptedDriver
from fildes.testing.stream_checks import MESSAGE_CHECKS, STREAM_CHECKS, check_stream
from fildes.testing.transfer import open_stream, transfer

__all__ = [
    "FILE_CHECKS",
    "MESSAGE_CHECKS",
    "STREAM_CHECKS",
    "ScriptedDriver",
    "both",
    "check_async_file",
    "check_file",
    "check_stream",
    "open_stream",
    "transfer",
]
