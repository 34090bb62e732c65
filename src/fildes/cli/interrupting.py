"""Ctrl-C that always works, and says nothing.

Python drops an exception that is raised where nobody could catch it: in ``__del__``, in
a callback of the garbage collector. The KeyboardInterrupt of a signal that comes just
then is lost, and a command that waits for a silent peer would go on waiting. What it
breaks off is left as it was, a coroutine that nobody awaits, say, of which Python warns.
"""

from __future__ import annotations

import signal
import sys
import warnings
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

#: Seconds until a dropped interrupt comes again: when whoever dropped it has returned. If
#: not, it is dropped again and comes again.  # arbitrary
DELAY = 0.001


def keep_interrupts() -> None:
    """Let an interrupt that is dropped come again, in this process, from now on."""
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # it is not ignored
        signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGALRM, interrupt)
    sys.unraisablehook = hook


def keep_children() -> None:
    """Let the status of a child be told, though our parent has ignored SIGCHLD; wait(2)."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def hook(dropped: UnraisableHookArgs) -> None:
    """Do what the interpreter does with a dropped exception, unless it is an interrupt.

    Raised here it would be dropped too. A signal instead wakes whatever waits then.
    """
    if issubclass(dropped.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, DELAY)
    else:
        sys.__unraisablehook__(dropped)


def interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Raise what Ctrl-C raises, and warn of nothing any more."""
    warnings.simplefilter("ignore")
    raise KeyboardInterrupt
