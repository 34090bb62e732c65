"""exec: a conversation with a program, its standard input and output.

One socket pair is both, so that the conversation has one descriptor and half-close
is shutdown(2). If asked to it is two pipes, or a pseudoterminal. Never through a
shell: each argument is one element of argv. The child holds the descriptors 0, 1 and
2, and no others. A child that a signal kills has no end of file: a read raises what its
status is, and who was given the descriptor has a reset. Another status than 0 is told by
close. A pseudoterminal is handed out as it is, and ends by EIO however its program does.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import socket
import termios
from typing import TYPE_CHECKING, Any

from fildes.errors import AddressError
from fildes.opening.terminal_options import TERMINAL_OPTIONS, terminal_settings
from fildes.scheme import Example, Option, Scheme, Shape
from fildes.streams import starting
from fildes.streams.child import Child
from fildes.streams.programs import PipedProgram, ProgramStream, TerminalProgram
from fildes.streams.terminal import open_master, slave_path

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="exec",
    shape=Shape.PATH,
    summary="a conversation with a program",
    options=(
        Option("arg", "list", "an argument of the program; repeated for more"),
        Option("cwd", "text", "the directory that it starts in"),
        Option("env", "list", "NAME=VALUE, added to our environment", secret=True),
        Option(
            "stderr",
            "text",
            "where its error messages go: with ours, nowhere, or into the conversation",
            "inherit",
            choices=("inherit", "null", "stdout"),
        ),
        Option(
            "setsid", "flag", "in a session of its own, which our terminal's Ctrl-C spares", False
        ),
        Option("pipes", "flag", "connect it by two pipes instead of a socket pair", False),
        Option(
            "pty", "flag", "give it a terminal, for programs that behave otherwise there", False
        ),
        *TERMINAL_OPTIONS,
    ),
    examples=(
        Example("exec:sort?arg=-n", "write lines, half-close, read them sorted"),
        Example("exec:/bin/ls?arg=-l&cwd=/", "a program by its path, in a directory"),
        Example("exec:bash?pty=on&stderr=stdout", "a shell that believes in a terminal"),
    ),
)


NO_PROGRAM = "there is no such program: check its name, or give its path"


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Start the program.

    Opened for reading only, its standard input is empty; for writing only, its
    standard output is ours, as with popen(3).
    """
    how, kind = start_options(opening, address), connection(opening, address)
    argv = [address.path, *(opening.option(address, "arg") or ())]
    if kind == "pty":
        how["terminal"] = terminal_settings(opening, address)
    with opening.step("connect", f"program {address.path}"):
        try:
            return start(argv, opening.mode, how, kind)
        except FileNotFoundError as error:
            if error.filename == address.path:
                error.advice = NO_PROGRAM  # type: ignore[attr-defined]  # see fildes.advice
            raise


def connection(opening: Opening, address: Address) -> str:
    """Return what connects the program to us: a socket, pipes or a pty."""
    chosen = [name for name in ("pty", "pipes") if opening.option(address, name)]
    if len(chosen) > 1:
        raise AddressError("a program is connected by pipes or by a pty, not by both")
    return chosen[0] if chosen else "socket"


def start_options(opening: Opening, address: Address) -> dict[str, Any]:
    """Return the arguments of `subprocess.Popen` that the options stand for."""
    import subprocess  # 10 ms, needed for programs only

    stderr = {"null": subprocess.DEVNULL, "stdout": subprocess.STDOUT}
    added = opening.option(address, "env") or ()
    for text in added:
        if "=" not in text[1:]:
            raise AddressError("option env of exec takes NAME=VALUE")
    own = opening.environment() if opening.environment is not None else os.environ
    return {
        "cwd": opening.option(address, "cwd"),
        "env": {**own, **dict(text.split("=", 1) for text in added)},
        "stderr": stderr.get(opening.option(address, "stderr")),
        "start_new_session": bool(opening.option(address, "setsid")),
    }


def start(argv: list[str], mode: str, how: dict[str, Any], kind: str = "socket") -> Stream:
    """Start a program, connected by a socket pair, or by pipes or a pseudoterminal."""
    return STARTS[kind](argv, mode, how)


def start_on_socket(argv: list[str], mode: str, how: dict[str, Any]) -> Stream:
    """Start a program with one end of a socket pair as its standard input and output."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            child = spawn(argv, mode, theirs.fileno(), theirs.fileno(), how)
        except BaseException:
            ours.close()
            raise
    return ProgramStream(ours, child)


def start_on_pipes(argv: list[str], mode: str, how: dict[str, Any]) -> PipedProgram:
    """Start a program with a pipe as its standard input and one as its standard output."""
    with contextlib.ExitStack() as undo, contextlib.ExitStack() as theirs:
        pipes = []
        for end in (theirs, undo), (undo, theirs):
            pipes.append(os.pipe())
            for fd, owner in zip(pipes[-1], end, strict=True):
                owner.callback(os.close, fd)
        (their_source, sink), (source, their_sink) = pipes
        child = spawn(argv, mode, their_source, their_sink, how)
        undo.pop_all()
    return PipedProgram(source, sink, child)


def start_on_terminal(argv: list[str], mode: str, how: dict[str, Any]) -> Stream:
    """Start a program with a pseudoterminal of its own, which controls it; credentials(7)."""
    settings = how.pop("terminal")
    master = open_master()
    try:
        path = slave_path(master)
        settings(master)
        slave = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            how["start_new_session"] = True
            # C code only, which a child between fork(2) and execve(2) may run.
            how["preexec_fn"] = functools.partial(fcntl.ioctl, slave, termios.TIOCSCTTY, 0)
            child = spawn(argv, mode, slave, slave, how)
        finally:
            os.close(slave)
    except BaseException:
        os.close(master)
        raise
    return TerminalProgram(master, child)


STARTS = {"socket": start_on_socket, "pipes": start_on_pipes, "pty": start_on_terminal}


def spawn(argv: list[str], mode: str, source: int, sink: int, how: dict[str, Any]) -> Child:
    """Start *argv* with these descriptors, as far as *mode* wants them."""
    import subprocess
    import warnings

    with warnings.catch_warnings():
        # CPython 3.12 warns of any preexec_fn in a process with threads; ours is harmless.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = starting.start(
            argv,
            stdin=subprocess.DEVNULL if mode == "rb" else source,
            stdout=None if mode == "wb" else sink,
            **how,
        )
    return Child(process, argv[0])
