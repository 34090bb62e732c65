"""Starting programs, with as many descriptors as we were given, and whose end is known.

Shells and systemd set a low limit for the sake of select(2), which cannot wait for more
than 1,024. We do not use that, and take what we may. But a program that we start may use
it, and some close all descriptors that there could be, so it gets the limit that we were
given; setrlimit(2).
"""

from __future__ import annotations

import contextlib
import errno
import functools
import resource
import signal
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

#: How many who serves many may have, unless more are allowed: as many as our unit gives it.
MANY = 65536

#: The limits that we were given, soft and hard, if we have taken more.
given: tuple[int, int] | None = None


def take_more() -> None:
    """Let this process have as many descriptors as it may, up to what many connections need."""
    global given
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MANY if hard == resource.RLIM_INFINITY else min(MANY, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        given = given or (soft, hard)


def start(argv: list[str], **how: Any) -> subprocess.Popen[bytes]:
    """Start a program as `subprocess.Popen` does, with the limit that we were given.

    A child takes its limit from us at fork(2), so that ours is lowered for this moment; to
    have it lowered by the child itself would take three times as long. Where we have so many
    descriptors that nothing could be opened under the lower one, it is done all the same.

    Raises:
      ChildProcessError: ECHILD, SIGCHLD is ignored: the death of a program would be an end.
      OSError: as `subprocess.Popen`.
    """
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        message = "while SIGCHLD is ignored nobody can tell how a program ends; set it to SIG_DFL"
        raise ChildProcessError(errno.ECHILD, message)
    import subprocess  # 10 ms, needed for programs only

    if given is None:
        return subprocess.Popen(argv, **how)
    try:
        with limited_to(given):
            return subprocess.Popen(argv, **how)
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_NOFILE, given)
    how["preexec_fn"] = in_turn(limit, how.get("preexec_fn"))
    return subprocess.Popen(argv, **how)


@contextlib.contextmanager
def limited_to(limits: tuple[int, int]) -> Iterator[None]:
    """Lower the limit during the body; what is open stays so."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def in_turn(first: Callable[[], object], then: Callable[[], object] | None) -> Callable[[], object]:
    """Return what calls both; C code alone where there is only one."""
    if then is None:
        return first
    return lambda: (first(), then())
