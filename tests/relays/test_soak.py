"""Very many short connections: each is answered, and none leaves anything behind."""

from __future__ import annotations

import pytest
from authority import Authority
from relay_commands import relay_running
from soaking import Sample, answering, ask_by_tcp, ask_by_tls, ask_by_udp, check_flat, soak

pytestmark = pytest.mark.slow

#: KiB: an allocator's arena of CPython, and some more.  # arbitrary
ALLOWED = 1024


def test_short_connections() -> None:
    """20,000 connections are answered; memory and descriptors are as after the first ones."""
    with answering("tcp") as target:
        argv = ["tcp-listen://127.0.0.1:0", f"tcp://127.0.0.1:{target}"]
        with relay_running(*argv) as relay:
            check_flat(list(soak(relay.process.pid, relay.port, 20_000, ask_by_tcp)), ALLOWED)
            relay.process.terminate()
            assert relay.wait() == 0


def test_short_connections_under_tls(tls_ca: Authority) -> None:
    """The same under TLS, with an end of its own in both directions."""
    files = f"cert={tls_ca.localhost.cert_file}&key={tls_ca.localhost.key_file}"
    ask = ask_by_tls(tls_ca.client_context())
    with answering("tcp") as target:
        argv = [f"tls-listen://127.0.0.1:0?{files}", f"tcp://127.0.0.1:{target}"]
        with relay_running(*argv) as relay:
            check_flat(list(soak(relay.process.pid, relay.port, 1000, ask, batch=10)), ALLOWED)
            relay.process.terminate()
            assert relay.wait() == 0


def test_conversations_of_datagrams() -> None:
    """The same with senders of one datagram each, whose silence is their end."""
    with answering("udp") as target:
        near = "udp-listen://127.0.0.1:0?idle-timeout=0.1&max-connections=2000"
        argv = [near, f"udp://127.0.0.1:{target}"]
        with relay_running(*argv) as relay:
            samples = list(soak(relay.process.pid, relay.port, 8000, ask_by_udp, warm=4000))
            check_flat(samples, 2 * ALLOWED, open_at_once=2 * 2000)


def test_growth_is_noticed() -> None:
    """What grows by 100 bytes a connection is found, and so is a descriptor that stays."""
    leaking = [Sample(done, 0.0, 20_000 + done // 10, 9) for done in range(0, 20_001, 400)]
    with pytest.raises(AssertionError, match="KiB more"):
        check_flat(leaking, ALLOWED)
    staying = [Sample(done, 0.0, 20_000, 9 + (done == 400)) for done in (0, 100, 200, 300, 400)]
    with pytest.raises(AssertionError):
        check_flat(staying, ALLOWED)
