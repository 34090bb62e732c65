"""Wrong values and misspelt options on a command line: one line says what is wrong."""

from __future__ import annotations

import pytest
from commands import RunMain, fildes

from fildes.cli.status import Status

__all__ = ["fildes"]  # a fixture

SECONDS = "a number of seconds, from 0 to 1000000000"
COUNT = "a whole number, 1 or more"
WORKERS = "a number of processes, from 1 to 1024"
RELAY = ("tcp-listen://127.0.0.1:0", "tcp://127.0.0.1:1")
SERVE = ("127.0.0.1:0", "--", "cat")

#: Options of relay and serve, what each takes, and values that are none of it.
WRONG = [
    ("relay", "--timeout", SECONDS, ["-1", "", "nan", "inf", "1e10", "1h"]),
    ("relay", "--idle-timeout", SECONDS, ["-0.1", "nan"]),
    ("relay", "--drain-timeout", SECONDS, ["-1", "soon"]),
    ("relay", "--interval", SECONDS, ["-1", "inf"]),
    ("relay", "-t", SECONDS, ["-1", "x"]),
    ("relay", "-T", SECONDS, ["-1", "x"]),
    ("relay", "--workers", WORKERS, ["0", "-1", "1.5", "1025", "9" * 30, ""]),
    ("relay", "--max-connections", COUNT, ["0", "-1", "1e3", "9" * 30]),
    ("relay", "--retry", "a whole number, 0 or more, or forever", ["-1", "always"]),
    ("relay", "--max-bytes", "a number of bytes, 1 or more, such as 65536, 64k or 10M",
     ["0", "-1", "1.5M", "10 M"]),
    ("relay", "--eof", "propagate, first, ignore or linger:SECONDS",
     ["", "linger", "linger:-1", "linger:nan"]),
    ("serve", "--drain", SECONDS, ["-1", "nan", "inf", ""]),
    ("serve", "--max-connections", COUNT, ["0", "-1", ""]),
    ("serve", "--max-per-peer", COUNT, ["0", "-1"]),
    ("serve", "--workers", WORKERS, ["0", "-1", "1025", "x"]),
    ("serve", "--ready-fd", "the number of a descriptor", ["-1", "x", "9" * 30]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "option", "wanted", "value"),
    [(command, option, wanted, value) for command, option, wanted, values in WRONG
     for value in values],
)  # fmt: skip
def test_wrong_values(command: str, option: str, wanted: str, value: str, fildes: RunMain) -> None:
    """It is told what the option takes, and nothing was begun."""
    rest = RELAY if command == "relay" else SERVE
    status, out, err = fildes(command, option, value, *rest)
    assert err == (
        f"fildes: argument {option}: {value!r} is not {wanted} (try fildes {command} --help)\n"
    )
    assert (status, out) == (Status.USAGE, "")


@pytest.mark.parametrize(("command", "option"), [
    ("relay", "--config"), ("relay", "--metrics"), ("relay", "--dump"), ("relay", "-r"),
    ("relay", "-R"), ("relay", "--ca"), ("serve", "--metrics"), ("serve", "--ca"), ("cat", "--ca"),
])  # fmt: skip
def test_empty_names(command: str, option: str, fildes: RunMain) -> None:
    """A name that is empty, as a variable that was not set, is not taken for no option."""
    rest = SERVE if command == "serve" else RELAY
    status, _, err = fildes(command, option, "", *rest)
    assert err == f"fildes: argument {option}: its value is empty (try fildes {command} --help)\n"
    assert status == Status.USAGE


@pytest.mark.parametrize(("argv", "told"), [
    (["relay", "--worker", "2", *RELAY], "no option --worker (did you mean --workers?)"),
    (["relay", "--worker=2", *RELAY], "no option --worker (did you mean --workers?)"),
    (["serve", "--max-connection", "2", *SERVE],
     "no option --max-connection (did you mean --max-connections?)"),
    (["cat", "--decompres"], "no option --decompres (did you mean --decompress?)"),
    (["put", "--metho", "X", "a", "b"], "no option --metho (did you mean --method?)"),
    (["run", "--timeot", "3", "data:,x", "--", "cat"],
     "no option --timeot (did you mean --timeout?)"),
    (["get", "--quiet", "data:,x"], "no option --quiet"),
])  # fmt: skip
def test_misspelt_options(argv: list[str], told: str, fildes: RunMain) -> None:
    """Whatever else there may be to say, the option is named, and what was perhaps meant."""
    status, _, err = fildes(*argv)
    assert err == f"fildes: {told} (try fildes {argv[0]} --help)\n"
    assert status == Status.USAGE


@pytest.mark.parametrize(("argv", "told"), [
    (["--config", "relays.toml", *RELAY], "leave out LEFT and RIGHT"),
    (["--check", *RELAY], "--check looks over a file: --config FILE --check"),
    (RELAY[:1], "say both sides"),
])  # fmt: skip
def test_what_says_nothing_by_itself(argv: list[str], told: str, fildes: RunMain) -> None:
    """What would have no effect is an error, so nobody relies on it."""
    status, out, err = fildes("relay", *argv)
    assert err.startswith("fildes: ")
    assert err.endswith(f"{told}\n") or f"{told}:" in err
    assert (status, out) == (Status.USAGE, "")


def test_values_that_look_like_options(fildes: RunMain) -> None:
    """What stands behind ``--`` is none, and neither is a value with a blank."""
    assert fildes("cat", "-H", "--x: y", "data:,one").out == "one"
    assert "--x has no scheme" in fildes("cat", "--", "--x").err
