"""From a command line to an exit status: find the command, run it, report its error."""

from __future__ import annotations

import importlib
import signal
from collections.abc import Callable
from types import ModuleType

from fildes.cli.errors import UsageError
from fildes.cli.status import Status, status_of

#: The commands and what each does; a command is the module of its name.
COMMANDS = {
    "cat": "write what addresses hold to standard output",
    "get": "receive what an address holds into a file",
    "put": "send a file to where an address says",
    "extract": "take every picture out of what an address holds",
    "show": "draw the first picture of what an address holds",
    "ls": "list what is in an archive or a directory",
    "run": "run a program with an opened address as its input and output",
    "relay": "copy bytes both ways between any two addresses or listeners",
    "serve": "run a program for each connection, as its input and output",
    "explain": "open an address and draw the steps that it took",
    "help": "say how a scheme's addresses are written, or what a command does",
    "tour": "see what fildes does, in seconds, without a network",
    "completion": "print what lets a shell complete fildes commands",
}

#: Ends that need no words, and the signals that say as much: `| head` has seen enough.
QUIET = {Status.INTERRUPTED: -signal.SIGINT, Status.OUTPUT_CLOSED: -signal.SIGPIPE}


def run(argv: list[str], begin: Callable[[], object] = lambda: None) -> int:
    """Run the command line *argv*; return its status, or minus the signal that ended it.

    Args:
      begin: called when the command has been found and its arguments were read.
    """
    ours = argv[: argv.index("--")] if "--" in argv else argv
    try:
        return dispatch(argv, begin)
    except (KeyboardInterrupt, Exception) as error:
        status = status_of(error)
        if status not in QUIET:
            from fildes.cli.reporting import report

            report(error, debug="--debug" in ours)
        return QUIET.get(status, status)


def dispatch(argv: list[str], begin: Callable[[], object]) -> int:
    """Run the command that the first argument called as one names.

    Options may stand before it, since they are the same for all commands.
    """
    from fildes.cli.usage import parse

    name = next((word for word in argv if word in COMMANDS), None)
    if name is None:
        return without_command(argv)
    at = argv.index(name)
    module = find_command(name)
    arguments = parse(name, module, argv[:at] + argv[at + 1 :])
    if arguments is None:  # it was --help
        return Status.COMPLETE
    begin()
    status: int = module.run(arguments)
    return status


def find_command(name: str) -> ModuleType:
    """Return the module of the command called *name*."""
    return importlib.import_module(f"fildes.cli.{name}")


def without_command(argv: list[str]) -> int:
    """Do what a command line without a command asks for: help, version or an error."""
    from fildes.cli import overview

    match argv:
        case []:
            raise UsageError(f"say what to do: {', '.join(COMMANDS)}; or fildes --help")
        case ["--help" | "-h", *_]:
            return overview.show(COMMANDS)
        case ["--version" | "-V", *_]:
            return overview.show_version()
    raise UsageError(no_command(argv))


def no_command(argv: list[str]) -> str:
    """Say that *argv* has no command, and what was perhaps meant."""
    word = next((word for word in argv if not word.startswith("-")), argv[0])
    if ":" in word or "/" in word:  # the address may hold a password, so it is not repeated
        return "say what to do with the address: fildes cat ADDRESS, or fildes explain ADDRESS"
    import difflib

    close = difflib.get_close_matches(word, COMMANDS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(COMMANDS)}"
    return f"no command {word[:40]!r}; {hint}"
