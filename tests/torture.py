"""Failing one call after the other: which calls can fail, and how to fail the k-th."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from leaks import holdings, leftovers

#: Where the calls into the kernel, the resolver and OpenSSL are.
MODULES = {"posix", "_socket", "select", "fcntl", "termios", "_posixsubprocess"}
TYPES = {"socket", "poll", "epoll", "_SSLSocket", "_SSLContext"}

#: Calls that cannot fail, or that only release.
INFALLIBLE = {
    "WEXITSTATUS", "WIFEXITED", "WIFSIGNALED", "WIFSTOPPED", "WTERMSIG", "_set_alpn_protocols",
    "_wrap_bio", "cert_store_stats", "cipher", "close", "detach", "fileno", "fspath",
    "get_ca_certs", "get_channel_binding", "get_unverified_chain", "get_verified_chain",
    "getcwd", "getdefaulttimeout", "getgid", "getpeercert", "getpid", "gettimeout", "getuid",
    "htons", "inet_ntop", "kill", "listdir", "lstat", "modify", "ntohs", "pending", "register",
    "scandir", "selected_alpn_protocol", "set_alpn_protocols", "shared_ciphers", "stat",
    "strerror", "umask", "unlink", "unregister", "urandom", "version", "waitpid",
    "waitstatus_to_exitcode",
}  # fmt: skip


class Saboteur:
    """Counts the calls of a scenario that can fail, and fails the one at *at*.

    A profile function that raises makes the call fail without happening, and is
    then removed by the interpreter: what cleans up is left in peace.
    """

    def __init__(self, at: int = 0, failure: BaseException | None = None) -> None:
        self.at, self.failure = at, failure
        self.count = 0
        self.failed = ""

    def __call__(self, frame: FrameType, event: str, what: Any) -> None:
        if not (event == "c_call" and is_fallible(what)) and not makes_socket(frame, event):
            return
        if what is os.read and frame.f_code.co_name == "_execute_child":
            return  # Popen forgets its child
        self.count += 1
        if self.count == self.at and self.failure is not None:
            place = f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno}"
            self.failed = f"{getattr(what, '__name__', 'socket')} in {place}"
            raise self.failure

    def run(self, scenario: Callable[[], object]) -> None:
        """Run *scenario* under observation, in this thread."""
        sys.setprofile(self)
        try:
            scenario()
        finally:
            sys.setprofile(None)


def makes_socket(frame: FrameType, event: str) -> bool:
    """Tell whether a new socket is made; calls of types are not reported otherwise."""
    code = socket.socket.__init__.__code__
    return event == "call" and frame.f_code is code and frame.f_locals["fileno"] is None


def is_fallible(function: Any) -> bool:
    """Tell whether *function* asks somebody who may refuse."""
    if function.__name__ in INFALLIBLE:
        return False
    owner = getattr(function, "__self__", None)
    if owner is None or type(owner).__name__ == "module":
        return getattr(function, "__module__", "") in MODULES
    return type(owner).__name__ in TYPES


def failures_of(scenario: Callable[[], object], make: Callable[[], BaseException]) -> Iterator[int]:
    """Fail each call of *scenario* in turn, yield its number when nothing was left behind.

    Raises:
      AssertionError: something was, or the error was neither raised nor survived.
    """
    counter = Saboteur()
    counter.run(scenario)
    assert counter.count, "there is nothing that can fail"
    for at in range(1, counter.count + 1):
        before = holdings()
        failure = make()
        saboteur = Saboteur(at, failure)
        try:
            saboteur.run(scenario)
        except BaseException as error:
            typed = isinstance(failure, OSError) and isinstance(error, (OSError, EOFError))
            if error is not failure and not typed:
                raise
        del failure, saboteur.failure
        left = leftovers(before)
        assert not left, f"call {at}, {saboteur.failed}, failed and left behind:\n{left}"
        yield at
