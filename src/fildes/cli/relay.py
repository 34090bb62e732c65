"""Copy bytes both ways between two addresses, up to the ends of both.

Either side is any address, a listener (tcp-listen://, unix-listen://,
tls-listen://, udp-listen://, ws-listen://), or what socat would be given. A
listener of ours serves any number of connections and opens the other side for
each; socat's does with fork. Without a host it is reached from this machine
only: for all others say tcp-listen://0.0.0.0:80, or bind=0.0.0.0 in socat's
spelling.

The status is 0 only if everything was copied, up to its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fildes.cli.errors import UsageError
from fildes.cli.opening import how
from fildes.cli.relaying.plan import KEYS, Manner, Plan, settled
from fildes.cli.relaying.reading import read_side
from fildes.cli.relaying.taps import Wanted
from fildes.cli.usage import given, typed
from fildes.cli.values import read_seconds, read_size, read_workers
from fildes.errors import AddressError
from fildes.policy.policy import Policy

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from fildes.cli.relaying.dump import Direction
    from fildes.cli.relaying.opening import Means
    from fildes.cli.relaying.side import Side

USAGE = "[OPTIONS] LEFT RIGHT | --config FILE [--check]"
EXAMPLES = (
    ("fildes relay tcp-listen://:8080 tls://example.com:443", "plain here, TLS there"),
    ("fildes relay - tcp://localhost:25", "talk to a server"),
    ("fildes relay -u ./backup.tar 'tcp://[::1]:9000'", "send a file, one way"),
    ("fildes relay tcp-listen://:5432 'tcp://db:5432::ssh://jump'", "a port through ssh"),
    ("fildes relay TCP-LISTEN:8080,reuseaddr,fork EXEC:'sort -n'", "a line that socat knows"),
    ("fildes relay ws-listen://:8080/vnc tcp://localhost:5900", "a page's WebSocket to tcp"),
    ("fildes relay -v tcp-listen://:8080 tcp://localhost:80", "see what passes"),
    ("fildes relay --config /etc/fildes/relays.toml --check", "look a configuration over"),
)
TAKES_PROGRAM = False
OPENS = True


def prepare(argv: list[str]) -> list[str]:
    """Return *argv* with socat's options, and its ``-,option``, as ours has them."""
    from fildes.cli.socat.command_options import translated

    spelt = [f"STDIO{word[1:]}" if word.startswith(("-,", "-!!")) else word for word in argv]
    return list(translated(spelt))


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add = parser.add_argument
    add("left", nargs="?", metavar="LEFT", help="one side")
    add("right", nargs="?", metavar="RIGHT", help="the other side")
    add("-u", dest="one_way", action="store_const", const="there", help="copy left to right only")
    add("-U", dest="one_way", action="store_const", const="back", help="copy right to left only")
    add("--config", type=given, metavar="FILE", help="run the relays that FILE, a TOML file, says")
    add(
        "--check",
        action="store_true",
        help="only look the configuration over, and say what is wrong",
    )
    add("--workers", type=typed(read_workers), metavar="N",
        help="serve in N processes, to which connections go in turn")  # fmt: skip
    add("--watch", action="store_true", help="show a live table of connections and rates")
    add("--metrics", type=given, metavar="ADDRESS",
        help="serve counters to Prometheus, as at 127.0.0.1:9100")  # fmt: skip
    add_limits(parser.add_argument_group("limits"))
    add_messages(parser.add_argument_group("what passes"))


def add_limits(group: Any) -> None:
    """Declare what each relay may do."""
    add = group.add_argument
    for key in KEYS:
        if key.name not in SHARED:
            add(f"--{key.name}", type=typed(key.read), metavar=key.metavar, help=key.meaning)
    add("--forever", action="store_true", help="the same as --retry forever")
    add("-t", dest="linger", type=typed(read_seconds), metavar="S",
        help="once one side has ended, end after S seconds without a byte")  # fmt: skip
    add("-T", dest="idle_timeout", type=typed(read_seconds), metavar="S",
        help="the same as --idle-timeout S")  # fmt: skip
    add("-b", dest="block", type=typed(read_size), metavar="N",
        help="make datagrams of N bytes of a stream at most; default 8192")  # fmt: skip


def add_messages(group: Any) -> None:
    """Declare what is shown."""
    add = group.add_argument
    add("-v", dest="dumps", action="append_const", const="text",
        help="dump it on standard error, as text")  # fmt: skip
    add("-x", dest="dumps", action="append_const", const="hex", help="the same in hexadecimal")
    add(
        "--dump",
        type=given,
        metavar="FILE",
        help="write the dumps of -v and -x to FILE, those of -v if none is said",
    )
    add(
        "-r",
        dest="raw_there",
        type=given,
        metavar="FILE",
        help="copy what goes left to right to FILE",
    )
    add(
        "-R",
        dest="raw_back",
        type=given,
        metavar="FILE",
        help="copy what goes right to left to FILE",
    )
    add("--json", action="store_true", help="tell what happens as JSON, an object a line")
    add("--statistics", action="store_true", help="tell the counts of each connection at its end")
    add("-d", dest="verbose", action="store_true", help="the same as --verbose")


#: Limits that all commands have, under the same names.
SHARED = ("timeout", "idle-timeout")


def run(arguments: Namespace) -> int:
    """Relay between the two sides, or run what a configuration file says."""
    from fildes.cli.relaying.running import Ended, run_plans

    check_together(arguments)
    if arguments.config:
        from fildes.cli.relaying.configured import run_configured

        return run_configured(arguments, means_of(arguments), wanted_of(arguments))
    plan = settled(plan_of(arguments))
    try:
        return run_plans([plan], means_of(arguments), wanted_of(arguments), arguments)
    except Ended as ended:
        return -ended.number


def check_together(arguments: Namespace) -> None:
    """Raise `UsageError` for arguments that say nothing without others, or besides them."""
    if arguments.config and arguments.left:
        raise UsageError("--config FILE says both sides of all relays: leave out LEFT and RIGHT")
    if arguments.config:
        return
    if arguments.check:
        raise UsageError("--check looks over a file: --config FILE --check")
    if not arguments.left or not arguments.right:
        raise UsageError("say both sides: fildes relay LEFT RIGHT")


def plan_of(arguments: Namespace) -> Plan:
    """Return the relay that *arguments* ask for.

    Raises:
      AddressError: a side is none.
    """
    left, right = side_of("LEFT", arguments.left), side_of("RIGHT", arguments.right)
    return Plan("", left, right, manner_of(arguments), arguments.one_way or "both")


def side_of(which: str, text: str) -> Side:
    """Return the side that *text* stands for; an error says *which* it is.

    Errors quote no more of an address than can be no secret, which may be nothing.
    """
    try:
        return read_side(text)
    except AddressError as error:
        raise AddressError(f"{which}: {error}") from error


def manner_of(arguments: Namespace) -> Manner:
    """Return how the relay goes about it."""
    given = {key.field: getattr(arguments, key.field) for key in KEYS}
    manner = Manner(**{name: value for name, value in given.items() if value is not None})
    manner = manner._replace(
        timeout=manner.timeout or None, idle_timeout=manner.idle_timeout or None
    )
    if arguments.forever:
        manner = manner._replace(retry=-1)
    if arguments.linger is not None and arguments.eof is None:
        manner = manner._replace(eof=f"linger:{arguments.linger:g}")
    return manner._replace(block=arguments.block)


def means_of(arguments: Namespace) -> Means:
    """Return what every open may use."""
    from fildes.cli.relaying.opening import Means

    given = how(arguments)
    policy = given.pop("policy") or Policy.trusted()
    return Means(policy, given)


def wanted_of(arguments: Namespace) -> Wanted:
    """Return the dumps that are wanted."""
    given: dict[Direction, str | None] = {">": arguments.raw_there, "<": arguments.raw_back}
    raw = tuple((direction, path) for direction, path in given.items() if path)
    kinds = tuple(arguments.dumps or (("text",) if arguments.dump else ()))
    return Wanted(kinds, arguments.dump or "", raw)
