"""The options that all commands share, and what `--help` shows."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NoReturn

from fildes.cli.errors import UsageError
from fildes.cli.output import write_text
from fildes.cli.values import read_seconds

#: The first words of the documentation that every --help ends with.
SEE_ALSO = "fildes help lists the schemes; fildes help SCHEME tells all about one."


class Parser(argparse.ArgumentParser):
    """An argument parser that leaves reporting to us."""

    def error(self, message: str) -> NoReturn:
        """Raise what `fildes.cli.reporting` shows."""
        raise UsageError(f"{message} (try {self.prog} --help)")

    def check_long_options(self, words: Sequence[str]) -> None:
        """Raise for the first long option that is none: argparse would say what else is wrong.

        It takes a word with a blank for an argument.
        """
        ours = self._option_string_actions
        for word in itertools.takewhile(lambda word: word != "--", words):
            name = word.partition("=")[0]
            if name.startswith("--") and " " not in word and name not in ours:
                from fildes.address.syntax import nearest

                known = [option for option in ours if option.startswith("--")]
                self.error(f"no option {name[:40]}{nearest(name, known)}")


def parse(name: str, command: ModuleType, argv: Sequence[str]) -> argparse.Namespace | None:
    """Return the arguments of the command called *name*; None once help was shown.

    What follows ``--`` is the command line of a program, for the command that runs
    one, and is not looked at.

    Raises:
      UsageError: they make no sense.
    """
    parser = make_parser(name, command)
    words, program = split(argv) if command.TAKES_PROGRAM else (list(argv), [])
    if hasattr(command, "prepare"):
        words = command.prepare(words)
    if {"-h", "--help"} & set(words):
        write_text(parser.format_help())
        return None
    parser.check_long_options(words)
    # Options may stand between two addresses; what follows -- is an address whatever it looks like.
    intermixed = "--" not in words
    arguments = parser.parse_intermixed_args(words) if intermixed else parser.parse_args(words)
    arguments.program = program
    if getattr(arguments, "verbose", False):
        from fildes.cli.reporting import say_step
        from fildes.trace import Trace

        Trace.observer = say_step
    return arguments


def split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what stands before ``--`` and what stands after it."""
    if "--" not in argv:
        return list(argv), []
    at = argv.index("--")
    return list(argv[:at]), list(argv[at + 1 :])


def make_parser(name: str, command: ModuleType) -> Parser:
    """Return the parser of one command."""
    examples = "".join(f"\n  {line}\n      {meaning}" for line, meaning in command.EXAMPLES)
    parser = Parser(
        prog=f"fildes {name}",
        usage=f"fildes {name} {command.USAGE}",
        description=command.__doc__,
        epilog=f"examples:{examples}\n\n{SEE_ALSO}",
        formatter_class=formatter,
        allow_abbrev=False,  # a new option must not change what a script means
    )
    command.add_arguments(parser)
    add_common(parser, opens=command.OPENS)
    return parser


def formatter(prog: str) -> argparse.HelpFormatter:
    """Return what lays out help; without a width argparse would import shutil to find one."""
    return argparse.RawDescriptionHelpFormatter(prog, width=80)


def add_common(parser: Parser, *, opens: bool) -> None:
    """Add the options of every command, and of all those that open addresses."""
    if opens:
        add_opening(parser.add_argument_group("opening"))
    group = parser.add_argument_group("messages")
    if opens:
        flags = [flag for flag in ("-v", "--verbose") if flag not in parser._option_string_actions]
        group.add_argument(*flags, action="store_true", help="tell each step as it ends")
    group.add_argument("--debug", action="store_true", help="show where an error came from")


def add_opening(group: argparse._ArgumentGroup) -> None:
    """Add the options that say how to open."""
    add = group.add_argument
    add("--timeout", type=typed(read_seconds), default=30.0, metavar="S",
        help="seconds for all steps of an open together; 0 for no limit; default 30")  # fmt: skip
    add("--idle-timeout", type=typed(read_seconds), metavar="S",
        help="seconds without a byte after which it counts as stalled; 0 for no limit;"
             " default 60, and none for a conversation; a document of a web server is asked"
             " for its rest then, twice in a row at most")  # fmt: skip
    add("-O", dest="settings", type=setting, action="append", default=[],
        metavar="SCHEME.NAME=VALUE",
        help="set an option of a scheme, as in -O tcp.nodelay=off")  # fmt: skip
    add("-H", dest="headers", action="append", default=[], metavar="'NAME: VALUE'",
        help="send a header field with a request of http or ws")  # fmt: skip
    add("--ca", type=given, metavar="FILE", help="trust the certificates in FILE, and no others")
    add("--insecure", action="store_true", help="accept any certificate")
    add("--untrusted", action="store_true",
        help="reach the public network only: for an address that somebody else wrote")  # fmt: skip


def typed(read: Callable[[Any], Any]) -> Callable[[str], Any]:
    """Return *read* as argparse wants it: what is wrong stands in its error."""

    def convert(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is not {error}") from None

    return convert


def setting(text: str) -> str:
    """Return *text* if it is ``SCHEME.NAME=VALUE``; curl's -O would have taken an address."""
    left, equals, _ = text.partition("=")
    if not equals or "." not in left or "/" in left:
        raise UsageError("-O takes SCHEME.NAME=VALUE, as in -O tcp.nodelay=off")
    return text


def given(text: str) -> str:
    """Return *text*, a name or an address, which may not be empty: a variable that is not set."""
    if not text:
        raise argparse.ArgumentTypeError("its value is empty")
    return text
