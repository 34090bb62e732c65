"""The options of socat's command line, as far as `fildes relay` has no such option itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fildes.cli.errors import UsageError

#: What asks for something that is so anyway: messages on standard error, addresses
#: whose options are not checked again.
ANYWAY = re.compile(r"-ls|-g|-d0|--experimental")

#: More of what `-d` gives; there is one degree of it.
DEGREE = re.compile(r"-d[1-4]")

#: What fildes has not, by how it begins, and what to do instead.
ELSEWHERE = {
    "-ly": "messages go to standard error, and systemd or logger(1) takes them to syslog",
    "-lm": "messages go to standard error, and systemd or logger(1) takes them to syslog",
    "-lf": "messages go to standard error: 2> FILE",
    "-lp": "the name in messages is fildes",
    "-lu": "--json tells the time of each event",
    "-lh": "--json tells what each event is about",
    "-L": "flock(1) in front of the command holds a lock",
    "-W": "flock(1) in front of the command holds a lock",
    "-D": "ls -l /proc/PID/fd shows the descriptors",
    "-s": "an error ends the connection that it is of, and no other",
    "-S": "SIGUSR1 tells the counts, and other signals end it",
    "-q": "-t SECONDS says how long the other direction may go on",
    "-0": "TCP takes either family, and TCP4 and TCP6 one of them",
    "-4": "TCP4, UDP4, TCP4-LISTEN and tcp4:// are those of IPv4",
    "-6": "TCP6, UDP6, TCP6-LISTEN and tcp6:// are those of IPv6",
    "-V": "fildes --version tells it",
}


def translated(argv: list[str]) -> Iterator[str]:
    """Yield the words of *argv* without those that say what is so anyway.

    Raises:
      UsageError: one asks for what socat has and fildes has not; it says what to do.
    """
    for word in argv:
        instead = None if word.startswith("--") else find_instead(word)
        if instead:
            raise UsageError(f"{word[:20]}: {instead}")
        if DEGREE.fullmatch(word):
            yield "-d"
        elif not ANYWAY.fullmatch(word):
            yield word


def find_instead(word: str) -> str | None:
    """Return what to do instead of the option that *word* is; None if it may be one of ours."""
    if word in ("-0", "-4", "-6", "-D", "-s", "-V") or word[:2] in ("-L", "-W", "-S", "-q"):
        return ELSEWHERE[word[:2]]
    return ELSEWHERE.get(word[:3])
