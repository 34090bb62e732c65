"""The command `fildes`: one module per subcommand, imported when it is used."""

from __future__ import annotations

from collections.abc import Sequence

#: Objects that are made before the collector looks at them; of CPython it is 700, which
#: the start of a command reaches 50 times.
GC_THRESHOLD = 20_000  # arbitrary


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments *argv* and return its exit status.

    Without *argv* it is the process that runs the command: its arguments are taken,
    and where a signal ends the command the process dies by it, as the shell expects
    (a loop in a script stops at Ctrl-C only then).
    """
    import sys

    if argv is None:
        import gc

        # Modules are not garbage: while they are imported there is nothing to collect.
        gc.set_threshold(GC_THRESHOLD, 10, 10)

    from fildes.cli.command import run

    if argv is None:
        from fildes.cli.interrupting import keep_interrupts

        keep_interrupts()
    status = run(sys.argv[1:] if argv is None else list(argv))
    if status < 0 and argv is None:
        import os
        import signal

        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status if status >= 0 else 128 - status
