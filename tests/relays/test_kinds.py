"""Every kind of listener in front of every kind of what is opened, with half-close through both."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from authority import Authority
from pair_ends import abstract_name
from relays_under_test import RelayTo

import fildes

#: Lines, for a terminal in between; more than any queue holds.
DATA = b"0123456789abcde\n" * 20_000

#: How each place is listened at, and what has to be written before the address to open.
LISTENERS = {
    "tcp4": "tcp4-listen://127.0.0.1:0",
    "tcp6": "tcp6-listen://[::1]:0",
    "unix": "unix-listen:{directory}/{end}",
    "abstract": "unix-listen:{name}",
    "tls": "tls-listen://127.0.0.1:0?{certificate}",
    "tls over unix": "tls-listen:?{certificate}::unix-listen:{directory}/{end}",
    "ws": "ws-listen://127.0.0.1:0/x",
    "ws over tls": "ws-listen:/x::tls-listen://127.0.0.1:0?{certificate}",
}

#: Programs that answer once they have read all.
PROGRAMS = {
    "exec": "exec:wc?arg=-c",
    "exec on pipes": "exec:wc?arg=-c&pipes=on",
    "exec on a terminal": "exec:wc?arg=-c&pty=on&echo=off",
}


class Places:
    """Where both ends of one test are."""

    def __init__(self, authority: Authority, directory: Path) -> None:
        self.authority, self.directory = authority, directory

    def at(self, kind: str, end: str) -> str:
        """Return where a listener of *kind* is to listen."""
        identity = self.authority.localhost
        return LISTENERS[kind].format(
            directory=self.directory,
            end=end,
            name=abstract_name(),
            certificate=f"cert={identity.cert_file}&key={identity.key_file}",
        )

    def trusting(self, address: str) -> str:
        """Return *address* with the CA that its certificate is of, if it is one of TLS."""
        ca = f"?ca={self.authority.ca_file}"
        layers = address.split("::tls:")  # an IPv6 address has "::", too
        head, joint, rest = layers[-1].partition("::unix:")
        own = ca if len(layers) > 1 or address.startswith("tls:") else ""
        return "::tls:".join([*layers[:-1], f"{head}{own}{joint}{rest}"])

    @contextlib.contextmanager
    def answering(self, kind: str) -> Iterator[str]:
        """Yield the address of what answers with the number of bytes, behind their end."""
        if kind in PROGRAMS:
            yield PROGRAMS[kind]
            return
        with fildes.listen(self.at(kind, "back")) as listener:
            thread = threading.Thread(target=answer_all, args=(listener,))
            thread.start()
            try:
                yield self.trusting(listener.address)
            finally:
                listener.close()
                thread.join()


def answer_all(listener: fildes.Listener[fildes.BufferedFile]) -> None:
    """Answer each client once it has said all."""
    for f in listener:
        with contextlib.suppress(OSError), f:
            f.write(b"%d\n" % len(f.read()))


@pytest.mark.parametrize(
    ("front", "back"), list(itertools.product(LISTENERS, [*LISTENERS, *PROGRAMS]))
)
def test_question_and_answer(
    front: str, back: str, relay_to: RelayTo, tls_ca: Authority, tmp_path: Path
) -> None:
    """All of a question and its end arrive, and the answer that comes after them returns."""
    places = Places(tls_ca, tmp_path)
    with places.answering(back) as address:
        relay = relay_to(address, places.at(front, "front"))
        with fildes.open(places.trusting(relay.address), timeout=20, idle_timeout=20) as f:
            f.write(DATA)
            f.half_close()
            assert f.read().split() == [b"%d" % len(DATA)]
        assert relay.outcome() is None
