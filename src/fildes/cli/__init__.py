"""The command `fildes`: one module per subcommand, imported when it is used."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments *argv* and return its exit status.

    Without *argv* it is the process that runs the command: its arguments are taken,
    and where a signal ends the command the process dies by it, as the shell expects
    (a loop in a script stops at Ctrl-C only then).
    """
    import sys

    if argv is None:
        import gc

        # Modules are no garbage: until all are imported there is nothing to collect.
        gc.disable()

    from fildes.cli.command import run

    if argv is None:
        from fildes.cli.interrupting import keep_children, keep_interrupts

        keep_interrupts()
        keep_children()
    status = run(sys.argv[1:], gc.enable) if argv is None else run(list(argv))
    if status < 0 and argv is None:
        import os
        import signal

        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status if status >= 0 else 128 - status
