"""The configuration file of relays."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fildes.cli.relaying.config import ConfigError, Mistake, read_config
from fildes.cli.relaying.plan import Plan
from fildes.cli.relaying.positions import Positions

WHOLE = """\
metrics = "127.0.0.1:9100"

[defaults]
idle-timeout = 300
retry = "forever"

[relay.web]
listen = "tcp-listen://0.0.0.0:8080"
connect = "tcp://10.0.0.2:80"
max-bytes = "10M"

[relay.socket]
listen = "UNIX-LISTEN:/run/x.sock,mode=0660"
connect = "tls://db.internal:5433"
idle-timeout = 0
eof = "linger:2.5"
"""


def mistakes(text: str) -> list[str]:
    """Return what is wrong with *text*."""
    with pytest.raises(ConfigError) as caught:
        read_config(text)
    return [str(each) for each in caught.value.mistakes]


def test_relays_are_read_with_defaults() -> None:
    """Each relay has its two sides, and the defaults where it says nothing else."""
    config = read_config(WHOLE)
    web, socket = config.plans
    assert (web.name, str(web.left.address)) == ("web", "tcp-listen://0.0.0.0:8080")
    assert (web.manner.idle_timeout, web.manner.retry) == (300.0, -1)
    assert web.manner.max_bytes == 10 * 1024 * 1024
    assert (socket.manner.idle_timeout, socket.manner.eof) == (None, "linger:2.5")
    assert socket.left.address.option("mode") == "660"
    assert config.metrics is not None
    assert str(config.metrics.address) == "tcp-listen://127.0.0.1:9100"


@pytest.mark.parametrize(("given", "tries"), [("0", 0), ("3", 3), ('"forever"', -1)])
def test_retries_of_the_defaults_can_be_turned_off(given: str, tries: int) -> None:
    """A relay says how often itself, if it is not at all."""
    (plan,) = read_config(f"""
        [defaults]
        retry = 7
        [relay.a]
        listen = "tcp-listen://:0"
        connect = "exec:cat"
        retry = {given}
    """).plans
    assert plan.manner.retry == tries


def test_a_relay_in_a_file_serves_many() -> None:
    """Every listener in a file serves any number of connections, socat's too."""
    assert all(plan.left.settings.fork for plan in read_config(WHOLE).plans)


def outcome(text: str) -> Sequence[Plan | Mistake]:
    """Return the relays that *text* has, or its mistakes."""
    try:
        return read_config(text).plans
    except ConfigError as error:
        return error.mistakes


RELAY = '[relay.a]\nlisten = "tcp-listen://:1"\nconnect = "tcp://h:2"\n'


@pytest.mark.parametrize(("text", "expected"), [
    ("", ["there is no relay: begin one with [relay.NAME]"]),
    ("[relay.a", ["line 1: "]),
    (RELAY + "x = [1,\n 2", ["line 5: "]),
    (RELAY + "idle-timout = 5",
     ["line 4: relay.a.idle-timout: no such key (did you mean idle"]),
    (RELAY + "idle-timeout = -1", ["line 4: relay.a.idle-timeout: it takes a number of seconds"]),
    (RELAY + "max-connections = true",
     ["line 4: relay.a.max-connections: it takes a whole number"]),
    (RELAY + "max-bytes = '5 apples'", ["line 4: relay.a.max-bytes: it takes a number of bytes"]),
    (RELAY + "eof = 'never'", ["line 4: relay.a.eof: it takes propagate, first, ignore or linger"]),
    (RELAY + "[relays.b]\n", ["line 4: relays: no such key (did you mean relay?)"]),
    (RELAY + "[defaults]\nlisten = 'x'\n", ["line 5: defaults.listen: no such key"]),
    (RELAY + "[relay.b]\nlisten = 'tcp-listen://:1'\nconnect = 'tcp://h:2'",
     ["line 5: relay.b.listen: relay a listens there already"]),
    (RELAY + "[relay.b]\nconnect = 5\n",
     ["line 4: relay.b: it needs an address: listen", "line 5: relay.b.connect: an address"]),
    (RELAY + "[relay.b]\nlisten = 'tcp://h:1'\nconnect = 'tcp://h'\n",
     ["line 5: relay.b.listen: only a listener", "line 6: relay.b.connect: tcp needs a port"]),
    ('[relay."a b"]\nlisten = "tcp-listen://:1"\nconnect = "tcp://h:2"\n',
     ["line 1: relay.a b: a name is letters"]),
    ("relay = 5", ["line 1: relay: this is a table"]),
    (RELAY.replace(".a", ""), ["line 1: relay: a relay has a name: [relay.NAME]"]),
    (f"[{RELAY.replace('.a]', ']]')}", ["relay: this is a table: [relay.NAME]"]),
    (RELAY + "workers = 2\n", ["line 4: relay.a.workers: it stands at the top, above all [tab"]),
    ("[defaults]\nmetrics = ':1'\n" + RELAY, ["line 2: defaults.metrics: it stands at the top"]),
    ("workers = 0\n" + RELAY, ["line 1: workers: it takes a number of processes, from 1 to 1024"]),
    ("metrics = 5\n" + RELAY, ["line 1: metrics: an address stands in quotes"]),
    ("metrics = 'https://h/'\n" + RELAY, ["line 1: metrics: metrics are served by a listener"]),
    ("metrics = 'tcp://h:x'\n" + RELAY, ["line 1: metrics: a port is a number"]),
    (RELAY.replace("tcp://h:2", "TCP-LISTEN:2,fork"), ["line 1: relay.a: one side only"]),
    (RELAY.replace("tcp://h:2", "TCP:h:2,retyr=1"),
     ["line 3: relay.a.connect: TCP: no option 'retyr' (did you mean retry?)"]),
])  # fmt: skip
def test_mistakes_have_lines(text: str, expected: list[str]) -> None:
    """--check: each mistake is told with its line and key, all of them at once."""
    found = mistakes(text)
    assert len(found) == len(expected)
    for actual, beginning in zip(sorted(found), sorted(expected), strict=True):
        assert actual.startswith(beginning)


def test_a_password_is_in_no_message() -> None:
    """What is wrong with an address is told without its password."""
    (message,) = mistakes(RELAY.replace("tcp://h:2", "https://u:canary@h:2@/"))
    assert "canary" not in message


@pytest.mark.parametrize(("text", "place", "line"), [
    ("a.b = 1\n", ("a", "b"), 1),
    ("\n[a . 'b.c']\n'd e' = 1\n", ("a", "b.c", "d e"), 3),
    ("[a]\nb = 1\n", ("a", "missing"), 1),
    ("[a]\nb = {c = 1}\n", ("a", "b", "c"), 2),
    ("# [a]\n", ("a",), 0),
])  # fmt: skip
def test_keys_have_lines(text: str, place: tuple[str, ...], line: int) -> None:
    """The line of a key is found, or that of the table which holds it."""
    assert Positions(text).line_of(place) == line


@given(st.text("[]ab.=\"'\n# 1,{}relaydefults", max_size=60))
def test_any_text_is_a_configuration_or_has_mistakes(text: str) -> None:
    """Whatever is in the file, nothing but a ConfigError comes of it."""
    assert outcome(text)


@given(st.text(max_size=40))
def test_any_address_is_read_or_refused(text: str) -> None:
    """Whatever stands for an address, nothing but a mistake comes of it."""
    escaped = "".join(f"\\U{ord(each):08x}" for each in text if not "\ud800" <= each <= "\udfff")
    found = outcome(RELAY.replace("tcp://h:2", escaped))
    assert all(each.line for each in found if isinstance(each, Mistake))
