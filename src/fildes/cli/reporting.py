"""What goes to standard error: one line per failure, and never a secret."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from fildes.cli.errors import LocalWriteError, UsageError
from fildes.cli.status import Status, status_of
from fildes.cli.writing import write_some
from fildes.errors import AddressError, failure_of
from fildes.trace import describe

if TYPE_CHECKING:
    from fildes.trace import Step

STDERR = 2

#: What was being done when it failed, where that was not the open.
VERB_OF_STEP = {
    "read": "read",
    "write": "write to",
    "close": "finish",
    "listen": "listen at",
    "accept": "accept",
}

#: What advice calls an argument of `fildes.open`, as the command line has it.
OPTION_OF_ARGUMENT = {
    "ca=FILE": "--ca FILE",
    "name= to what": "-O tls.name= to what",
    "raise the timeout": "raise --timeout or --idle-timeout",
}


def say(text: str) -> None:
    """Write one line to standard error, as this program's."""
    from fildes.cli.terminal import one_line

    write(f"fildes: {one_line(text)}\n")


def write(text: str) -> None:
    """Write *text*, which must be safe, to standard error, if there is one."""
    if sys.stderr is None:  # it was closed before we began; 2 may be anything by now
        return
    left = text.encode(sys.stderr.encoding, "backslashreplace")
    try:
        # Not by its buffer, which a signal handler cannot use while it is being used.
        while left:
            left = left[write_some(STDERR, left) :]
    except BrokenPipeError:
        sys.stderr = None  # nobody is left to tell, at exit either
    except OSError:  # a full disk, say
        pass


def report(error: BaseException, *, debug: bool = False) -> Status:
    """Say what *error* is, in one line, and return its exit status."""
    if debug:
        import traceback

        from fildes.cli.terminal import UNSAFE, visible

        write(UNSAFE.sub(visible, "".join(traceback.format_exception(error))))
    say(message_of(error))
    return status_of(error)


def message_of(error: BaseException) -> str:
    """Return what failed, why, and what to do about it."""
    if isinstance(error, UsageError | AddressError):
        return str(error)
    if isinstance(error, LocalWriteError):
        return f"unable to write {error.filename}: {describe(error)}"
    failure = failure_of(error)
    if failure is not None and isinstance(error, OSError | EOFError):
        verb = VERB_OF_STEP.get(failure.step, "open")
        advice = f" ({for_shell(failure.advice)})" if failure.advice else ""
        return f"unable to {verb} {failure.address}: {reason(error, failure.address)}{advice}"
    if isinstance(error, OSError | EOFError):
        return reason(error)
    return f"a mistake in fildes: {type(error).__name__}: {error} (--debug shows where)"


def shortage_of(error: OSError) -> str:
    """Return what has clients wait, and what to do about it."""
    import errno
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    advice = f" (raise `ulimit -n`, now {soft}, or LimitNOFILE= of the unit)"
    cause = f"{describe(error)}{advice if error.errno == errno.EMFILE else ''}"
    return f"no room for more connections, clients wait until others have gone: {cause}"


def reason(error: OSError | EOFError, address: str = "") -> str:
    """Return why it failed, and which file is to blame if that is not the *address*."""
    blamed = getattr(error, "filename", None)
    if isinstance(blamed, str | bytes) and os.fsdecode(blamed) not in address:
        return f"{os.fsdecode(blamed)}: {describe(error)}"
    return describe(error)


def for_shell(advice: str) -> str:
    """Return *advice*, which is written for Python, with our options in it."""
    for argument, option in OPTION_OF_ARGUMENT.items():
        advice = advice.replace(argument, option)
    return advice


def say_step(step: Step) -> None:
    """Write one step of an open, as -v shows it."""
    from fildes.cli.waterfall import duration

    failed = f": {step.error}" if step.error else ""
    say(f"{step.name} {step.detail} ({duration(step.seconds)}){failed}")
