"""What a test may leave behind: nothing."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Seconds that threads and children get to finish once their test is over.
GRACE = 5.0  # arbitrary

#: trio keeps idle worker threads for ten seconds, to use them again.
THREADS_OF_OTHERS = ("Trio thread",)


@dataclass(frozen=True)
class Holdings:
    """The descriptors, threads and children of this process at one moment."""

    descriptors: frozenset[str]
    threads: frozenset[str]
    children: frozenset[str]

    def beyond(self, before: Holdings) -> str:
        """Return, line by line, what was not there *before*; empty when nothing."""
        extra = {
            "descriptor": self.descriptors - before.descriptors,
            "thread": self.threads - before.threads,
            "child": self.children - before.children,
        }
        return "\n".join(f"{kind} {name}" for kind, names in extra.items() for name in names)


def holdings() -> Holdings:
    """Return what this process holds now."""
    return Holdings(
        descriptors=frozenset(open_descriptors()),
        threads=frozenset(
            f"{thread.name} ({thread.ident})"
            for thread in threading.enumerate()
            if not thread.name.startswith(THREADS_OF_OTHERS)
        ),
        children=frozenset(children()),
    )


def open_descriptors() -> list[str]:
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.append(f"{fd} -> {os.readlink(f'/proc/self/fd/{fd}')}")
        except FileNotFoundError:  # the one that listed the directory
            continue
    return found


def children() -> list[str]:
    """Return the children, zombies included: each must have been waited for."""
    found = []
    for text in statuses():
        # proc_pid_stat(5): pid (comm) state ppid; comm may hold blanks and parentheses.
        start, _, rest = text.rpartition(") ")
        if int(rest.split()[1]) == os.getpid():
            found.append(f"{start})")
    return found


def statuses() -> Iterator[str]:
    """Yield what proc_pid_stat(5) tells of each process."""
    for name in os.listdir("/proc"):  # not by glob, which fails at one that ends meanwhile
        if not name.isdecimal():
            continue
        try:
            text = Path("/proc", name, "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield text


def leftovers(before: Holdings) -> str:
    """Return what is held beyond *before*, once whatever is ending has ended."""
    deadline = time.monotonic() + GRACE
    collected = False
    while left := holdings().beyond(before):
        if not collected:
            # The traceback of an expected exception and its frame are a cycle.
            gc.collect()
            collected = True
        elif time.monotonic() > deadline:
            return left
        else:
            time.sleep(0.005)  # the end of another process's work has no event here
    return ""


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Let whoever is in a circle stay there: what goes is gone with its last name."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
