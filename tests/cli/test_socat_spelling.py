"""Addresses as socat spells them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from commands import RunMain, fildes
from hypothesis import example, given
from hypothesis import strategies as st
from socat_lines import LINES
from socat_mistakes import WRONG

from fildes.address import Address, parse
from fildes.cli.relaying.side import DEFAULT, Side
from fildes.cli.socat.command_options import translated
from fildes.cli.socat.compiling import compile_socat
from fildes.cli.socat.deciding import is_socat
from fildes.cli.socat.lexing import read_words, split_command
from fildes.cli.socat.options import all_rules
from fildes.cli.status import Status
from fildes.errors import AddressError
from fildes.opening.registry import find_scheme

__all__ = ["fildes"]  # a fixture

KEYWORDS = ["TCP:", "TCP-LISTEN:", "UNIX:", "EXEC:", "SYSTEM:", "OPENSSL:", "FD:", "-", "PTY",
            "PROXY:", "SOCKS5:", "OPEN:", "PIPE", "VSOCK:", "/tmp/x"]  # fmt: skip


#: Hosts that are looked up, and their addresses.
NAMES: dict[tuple[str, int], list[str]] = {
    ("office", socket.AF_INET): ["192.0.2.7", "192.0.2.7", "198.51.100.1"],
    ("office", socket.AF_INET6): ["2001:db8::7"],
}


@pytest.fixture(autouse=True, scope="module")
def names() -> Iterator[None]:
    """Let only the hosts of `NAMES` be known, whatever this machine knows."""

    def find(name: str, port: None, family: int, kind: int) -> list[Any]:
        if (name, family) not in NAMES:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(family, kind, 6, "", (address, 0)) for address in NAMES[name, family]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fildes.cli.socat.ranges.socket.getaddrinfo", find)
        yield


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("office/32", ["192.0.2.7/32", "198.51.100.1/32"]),
        ("office/8", ["192.0.0.0/8", "198.0.0.0/8"]),
        ("Office:255.255.255.0", ["192.0.2.0/24", "198.51.100.0/24"]),
        ("[office]/64", ["2001:db8::/64"]),
        ("10.1.2.3/8", ["10.0.0.0/8"]),
        ("10.1.2.3", ["10.1.2.3/32"]),
        ("[fe80::1]/10", ["fe80::/10"]),
        ("fe80::1/10", ["fe80::/10"]),
    ],
)
def test_range_by_name(text: str, networks: list[str]) -> None:
    """A range is around an address, or around each one that a host has."""
    side = compile_socat(f"TCP-LISTEN:80,fork,range={text}", find_scheme)
    assert dict(side.address.options)["allow"] == tuple(networks)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("elsewhere/32", "elsewhere has no address to let in: Name or service not known"),
        ("office", "a network is written"),
        ("office/", "a network is written"),
        ("office/33", "a network is written"),
        ("office/many", "a network is written"),
        ("[office]/129", "a network is written"),
        ("off ice/8", "a network is written"),
        ("10.0.0/8", "a network is written"),
        ("/8", "a network is written"),
    ],
)
def test_range_of_nobody(text: str, part: str) -> None:
    """A range that lets nobody in, or has no size, is an error of the address."""
    with pytest.raises(AddressError, match=re.escape(part)):
        compile_socat(f"TCP-LISTEN:80,fork,range={text}", find_scheme)


def changed(side: Side) -> dict[str, Any]:
    """Return the settings that differ from the default ones."""
    pairs = zip(side.settings._asdict().items(), DEFAULT, strict=True)
    return {name: value for (name, value), usual in pairs if value != usual}


def read(text: str) -> Side | str:
    """Return what *text* stands for, or itself if it is not socat's."""
    return compile_socat(text, find_scheme) if is_socat(text, find_scheme) else text


@pytest.mark.parametrize(("text", "address", "settings"), LINES)
def test_lines_of_socat_users_are_read(text: str, address: str, settings: dict[str, Any]) -> None:
    """What socat users type stands for the address and the settings that they mean."""
    assert is_socat(text, find_scheme)
    side = compile_socat(text, find_scheme)
    assert side.address == parse(address, find_scheme)
    assert changed(side) == settings


@pytest.mark.parametrize(("text", "part"), WRONG)
def test_mistakes_are_named(text: str, part: str) -> None:
    """A mistake is found before anything is opened, and the message says which it is."""
    with pytest.raises(AddressError) as caught:
        read(text)
    assert part in str(caught.value)


@pytest.mark.parametrize("text", [
    "-", "/tmp/x", "./a,b", "../x", "tcp://h:80", "TCP://h:80", "tcp!h!80", "h:80", "[::1]:80",
    "fd:3", "unix:/x,odd", "unix:///x,fork",
    "exec:sort", "exec:sort?arg=-n", "unix:/run/x", "file:/x", "https://h/a,b!!c",
    "tls://h:1::socks5://p", "local:80", "proxy:3128", "echo:7", "data:,x", "png::https://h/x",
    "nonsense", "", "tcp", "h:1!!h:2",
])  # fmt: skip
def test_spellings_of_ours_stay_ours(text: str) -> None:
    """What is not socat's is left to the parser of addresses."""
    assert is_socat(text, find_scheme) == (text in ("tcp", "h:1!!h:2"))


def test_dual_addresses_read_one_and_write_the_other() -> None:
    """A!!B is read from A and written to B."""
    side = compile_socat("STDIN!!OPEN:/tmp/log,append", find_scheme)
    assert side.address == parse("fd:0", find_scheme)
    assert side.sink is not None
    assert side.sink.address == parse("/tmp/log", find_scheme)


def test_separators_inside_quotes_and_brackets_are_data() -> None:
    """Quotes go away, brackets stay, and neither lets a separator through."""
    (words,) = read_words("SYSTEM:'a,b:c!!d':[x,y]:(1,{2:3}),k='v,w',z=\\,")
    assert words.parameters == ("a,b:c!!d", "[x,y]", "(1,{2:3})")
    assert words.options == (("k", "v,w"), ("z", ","))


def test_command_lines_are_cut_at_blanks() -> None:
    """Blanks inside quotes are part of an argument."""
    assert split_command('a  \'b  c\' "d\\"e" f\\ g') == ["a", "b  c", 'd"e', "f g"]


@pytest.mark.parametrize("text", [
    "PROXY:p:h:1,proxyauth=u:canary,canary", "PROXY:p:h:1,proxyauth=u:x,canary=1",
])  # fmt: skip
def test_messages_hold_no_part_of_a_password(text: str) -> None:
    """What follows a bare comma in a password is not repeated."""
    with pytest.raises(AddressError) as caught:
        compile_socat(text, find_scheme)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(all_rules()))
def test_every_option_of_the_table_has_an_effect(name: str) -> None:
    """Each option can be given to an address that has it, or says why not."""
    rule = all_rules()[name]
    values = {"nothing": "", "flag": "", "integer": "=20", "offset": "", "seconds": "=1.5",
              "text": "=4", "mode": "=600", "byte": "=7", "anything": "=x"}  # fmt: skip
    texts = {"listen": "OPENSSL-LISTEN:1", "socket": "TCP:h:1", "ip": "TCP:h:1", "tcp": "TCP:h:1",
             "program": "EXEC:x", "file": "OPEN:/x", "named": "UNIX-LISTEN:/x", "pty": "PTY",
             "terminal": "STDIO", "tls": "OPENSSL:h:1", "proxy": "PROXY:p:h:1",
             "socks": "SOCKS4:p:h:1", "any": "TCP:h:1", "udp": "UDP:h:1",
             "connect": "TCP:h:1", "groups": "UDP-DATAGRAM:h:1"}  # fmt: skip
    value = "=10.0.0.0/8" if name == "range" else values[rule.takes]
    if "min" in name and rule.takes == "text":
        value = "=1.3"
    address = texts["file" if rule.effect.startswith("owner") else rule.groups.split()[0]]
    text = f"{address},{name}{value}{',fork' if rule.effect == 'children' else ''}"
    if rule.effect.startswith("refused:"):
        with pytest.raises(AddressError, match=re.escape(rule.effect.partition(":")[2])):
            read(text)
    else:
        assert isinstance(read(text), Side)


@given(st.builds("".join, st.lists(st.one_of(
    st.sampled_from([*KEYWORDS, *all_rules()]),
    st.text("abTC:,=!'\"()[]{}\\ /-.0159\n\x00é\udcff", max_size=6),
), max_size=8)))  # fmt: skip
@example("TCP:h:1" + "," * 2000)
@example("SYSTEM:" + "(" * 2000)
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    """Whatever is typed, nothing but an AddressError comes of it."""
    for attempt in (read, lambda text: compile_socat(text, find_scheme)):
        message = ""
        try:
            attempt(text)
        except AddressError as error:
            message = str(error)
        assert message.isprintable()


def test_pipes() -> None:
    """PIPE without a path has no name; at a path it is made if it is not there."""
    assert compile_socat("PIPE", find_scheme).address == Address("pipe")
    named = compile_socat("PIPE:/tmp/p,mode=620,unlink-close", find_scheme)
    assert named.address == parse("pipe:/tmp/p?create=on&mode=620", find_scheme)
    assert changed(named) == {"unlink_close": True}


@pytest.mark.parametrize("word", [
    "-ly", "-lylocal2", "-lm", "-lf/tmp/log", "-lpname", "-lu", "-lh", "-Llock", "-W", "-D", "-s",
    "-S0", "-q", "-4", "-6", "-V",
])  # fmt: skip
def test_options_of_socat_name_what_to_do(word: str, fildes: RunMain) -> None:
    """An option of socat's command that fildes has not says what has the same effect."""
    ended = fildes("relay", word, "-", "PIPE")
    assert ended.status == Status.USAGE
    assert ended.err.startswith(f"fildes: {word}: ")
    assert "unrecognized" not in ended.err


def test_options_of_socat_that_change_nothing() -> None:
    """What is so anyway is taken, and the degrees of -d are one."""
    argv = ["-ls", "-g", "-d2", "-d", "-d0", "-b8192", "--experimental", "-t1", "-", "PIPE"]
    assert list(translated(argv)) == ["-d", "-d", "-b8192", "-t1", "-", "PIPE"]
