"""The addresses that socat knows, as a table: keyword, parameters, and what they become.

Groups say which options belong to an address. A family is the digit in TCP4 and
UDP6, and stands behind the scheme of ours as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from fildes.cli.socat.draft import Draft, Layer
from fildes.cli.socat.lexing import split_command
from fildes.cli.spelling import find_port
from fildes.errors import AddressError

#: From the parameters to the draft of an address.
MakeDraft = Callable[..., Draft]


class Kind(NamedTuple):
    """One kind of address under all its names.

    Attributes:
      parameters: their names, for messages; the last may be left out if in brackets.
      groups: to which options belong; see `fildes.cli.socat.options`.
    """

    names: str
    parameters: str
    groups: str
    make: MakeDraft

    @property
    def usage(self) -> str:
        """How it is written."""
        keyword = self.names.partition(" ")[0].upper()
        return ":".join([keyword, *self.parameters.split()])


def connecting(scheme: str) -> MakeDraft:
    """Return what makes an address of a host and a port."""

    def make(host: str, service: str) -> Draft:
        return Draft([Layer(scheme, unbracketed(host), port_of(service, scheme))])

    return make


def listening(scheme: str, host: str = "") -> MakeDraft:
    """Return what makes the address of a listener at a port, on loopback without bind=."""

    def make(service: str) -> Draft:
        return Draft([Layer(scheme, host, port_of(service, scheme))])

    return make


def each(host: str) -> MakeDraft:
    """Return what makes the address of a listener at a port that takes each datagram by itself."""

    def make(service: str) -> Draft:
        draft = listening("udp-listen", host)(service)
        draft.outer.options["each"] = True
        return draft

    return make


def everybody(scheme: str) -> MakeDraft:
    """Return what makes an address that sends to a host and a port, and hears everybody."""

    def make(host: str, service: str) -> Draft:
        draft = connecting(scheme)(host, service)
        draft.outer.options["others"] = True
        return draft

    return make


def at_path(scheme: str, prefix: str = "") -> MakeDraft:
    """Return what makes an address of a path, or of an abstract name behind *prefix*."""

    def make(path: str) -> Draft:
        if not path:
            raise AddressError("the path is missing")
        return Draft([Layer(scheme, path=prefix + path)])

    return make


def of_any_type(prefix: str = "") -> MakeDraft:
    """Return what makes an address of a unix socket, whatever its type."""

    def make(path: str) -> Draft:
        draft = at_path("unix", prefix)(path)
        draft.settings["generic"] = True
        return draft

    return make


def opening(flags: int = 0, access: int | None = None) -> MakeDraft:
    """Return what makes an address of a file that is opened with *flags*."""

    def make(path: str) -> Draft:
        draft = at_path("file")(path)
        draft.flags, draft.access = flags, access
        return draft

    return make


def generic(path: str) -> Draft:
    """Return the draft for whatever is at *path*; that is seen when it is opened."""
    draft = at_path("file")(path)
    draft.settings["generic"] = True
    return draft


def descriptor(number: str = "") -> Draft:
    """Return the draft for a descriptor that is open already."""
    if not (number.isascii() and number.isdigit()):
        raise AddressError(f"{number[:20]!a} is no number of a descriptor, as in FD:3")
    return Draft([Layer("fd", path=number)])


def listening_descriptor(number: str) -> Draft:
    """Return the draft for a socket that listens already."""
    return Draft([Layer("fd-listen", path=descriptor(number).outer.path)])


def word(scheme: str, path: str = "") -> MakeDraft:
    """Return what makes an address without parameters."""
    return lambda: Draft([Layer(scheme, path=path)])


def program(line: str) -> Draft:
    """Return the draft for a program; its arguments are cut at blanks, by no shell."""
    words = split_command(line)
    if not words:
        raise AddressError("say which program: EXEC:PROGRAM, or EXEC:'PROGRAM ARGUMENT'")
    return Draft([Layer("exec", path=words[0], options={"arg": words[1:]})])


def shell(line: str) -> Draft:
    """Return the draft for a line that the shell reads, as was asked for."""
    if not line.strip():
        raise AddressError("say what the shell shall run: SYSTEM:'COMMAND'")
    return Draft([Layer("exec", path="sh", options={"arg": ["-c", line]})])


def pipe(path: str = "") -> Draft:
    """Return the draft for a named pipe, or for one that gives back what it is given."""
    return Draft([Layer("pipe", path=path, options={"create": True} if path else {})])


def through(proxy: str, default_port: int) -> MakeDraft:
    """Return what makes an address behind a *proxy*, which is the first parameter."""

    def make(server: str, host: str, service: str) -> Draft:
        target = Layer("tcp", unbracketed(host), port_of(service, "tcp"))
        return Draft([target, Layer(proxy, unbracketed(server), default_port)])

    return make


def through_socks5(server: str, *rest: str) -> Draft:
    """Return the draft behind a SOCKS 5 proxy, whose port may stand behind its name."""
    *port, host, service = rest
    draft = through("socks5", 1080)(server, host, service)
    if port:
        draft.layers[-1].port = port_of(port[0], "tcp")
    return draft


def vsock(context: str, port: str) -> Draft:
    """Return the draft for the port of a virtual machine, or of its host."""
    return Draft([Layer("vsock", path=f"{context}:{port}")])


def vsock_listener(port: str) -> Draft:
    """Return the draft for a listener at a port, of this machine only without bind=."""
    return Draft([Layer("vsock-listen", path=f":{port}")])


def port_of(service: str, scheme: str) -> int:
    """Return the port that a number or the name of a service stands for."""
    if not service:
        raise AddressError("the port is missing")
    text = find_port(service, scheme)
    if len(text) > 10:  # far beyond any port, and int() is slow with many digits
        raise AddressError(f"port {text[:20]}... is too large")
    return int(text)


def unbracketed(host: str) -> str:
    """Return *host* without the brackets of an IPv6 address."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


CONNECTS = "any socket connect"
LISTENS = "any socket listen"
FILE = "any file named terminal"


def of_family(family: str) -> tuple[Kind, ...]:
    """Return the kinds that come once for each *family*: either, 4, 6."""
    tcp, udp = f"tcp{family}", f"udp{family}"
    loopback = {"": "", "4": "127.0.0.1", "6": "::1"}[family]
    tcp_connect, udp_connect = connecting(tcp), connecting(udp)
    return (
        Kind(f"{tcp} {tcp}-connect inet{family}", "HOST PORT", f"{CONNECTS} ip tcp", tcp_connect),
        Kind(f"{tcp}-listen {tcp}-l inet{family}-listen inet{family}-l", "PORT",
             f"{LISTENS} ip tcp", listening(f"{tcp}-listen")),
        Kind(f"{udp} {udp}-connect {udp}-sendto {udp}-send", "HOST PORT",
             f"{CONNECTS} ip udp", udp_connect),
        Kind(f"{udp}-datagram {udp}-dgram", "HOST PORT", f"{CONNECTS} ip udp groups everybody",
             everybody(udp)),
        Kind(f"{udp}-listen {udp}-l", "PORT", f"{LISTENS} ip udp groups datagrams",
             listening("udp-listen", loopback)),
        Kind(f"{udp}-recvfrom", "PORT", f"{LISTENS} ip udp groups datagrams", each(loopback)),
        Kind(f"{udp}-recv", "PORT", "any socket ip udp groups everybody",
             listening("udp-recv", loopback or "127.0.0.1")),
    )  # fmt: skip


KINDS = (
    *of_family(""),
    *of_family("4"),
    *of_family("6"),
    Kind("unix-connect unix local", "PATH", f"{CONNECTS} unix", at_path("unix")),
    Kind("unix-client", "PATH", f"{CONNECTS} unix", of_any_type()),
    Kind("unix-listen unix-l", "PATH", f"{LISTENS} unix named", at_path("unix-listen")),
    Kind("unix-sendto unix-send", "PATH", f"{CONNECTS} unix", at_path("unix-dgram")),
    Kind("unix-recv", "PATH", "any socket unix named", at_path("unix-recv")),
    Kind("unix-recvfrom", "PATH", "any socket unix named datagrams", at_path("unix-dgram-listen")),
    Kind("abstract-recvfrom", "NAME", "any socket unix datagrams",
         at_path("unix-dgram-listen", "@")),
    Kind("abstract-recv", "NAME", "any socket unix", at_path("unix-recv", "@")),
    Kind("abstract-connect abstract", "NAME", f"{CONNECTS} unix", at_path("unix", "@")),
    Kind("abstract-client", "NAME", f"{CONNECTS} unix", of_any_type("@")),
    Kind("abstract-listen abstract-l", "NAME", f"{LISTENS} unix", at_path("unix-listen", "@")),
    Kind("abstract-sendto", "NAME", f"{CONNECTS} unix", at_path("unix-dgram", "@")),
    Kind("openssl openssl-connect ssl ssl-connect", "HOST PORT", f"{CONNECTS} ip tcp tls",
         connecting("tls")),
    Kind("openssl-listen openssl-l ssl-listen ssl-l", "PORT", f"{LISTENS} ip tcp tls",
         listening("tls-listen")),
    Kind("proxy proxy-connect", "PROXY HOST PORT", f"{CONNECTS} ip tcp proxy",
         through("connect", 8080)),
    Kind("socks4a socks4 socks", "SOCKS-SERVER HOST PORT", f"{CONNECTS} ip tcp socks",
         through("socks4a", 1080)),
    Kind("socks5 socks5-connect", "SOCKS-SERVER [SOCKS-PORT] HOST PORT",
         f"{CONNECTS} ip tcp socks", through_socks5),
    Kind("vsock-connect vsock", "CID PORT", f"{CONNECTS} vsock", vsock),
    Kind("vsock-listen vsock-l", "PORT", f"{LISTENS} vsock", vsock_listener),
    Kind("stdio -", "", "any terminal", word("stdio")),
    Kind("stdin", "", "any terminal", word("fd", "0")),
    Kind("stdout", "", "any terminal", word("fd", "1")),
    Kind("stderr", "", "any terminal", word("fd", "2")),
    Kind("fd", "NUMBER", "any socket terminal", descriptor),
    Kind("accept-fd accept", "NUMBER", LISTENS, listening_descriptor),
    Kind("open file", "PATH", FILE, opening()),
    Kind("create creat", "PATH", FILE,
         opening(os.O_CREAT | os.O_TRUNC, os.O_WRONLY)),
    Kind("gopen", "PATH", FILE, generic),
    Kind("pipe fifo echo", "[PATH]", "any file named", pipe),
    Kind("exec", "COMMAND-LINE", "any program terminal", program),
    Kind("system shell", "SHELL-COMMAND", "any program terminal", shell),
    Kind("pty", "", "any named pty terminal", word("pty")),
)  # fmt: skip


def all_kinds() -> dict[str, Kind]:
    """Return the kinds by each of their names."""
    return {name: kind for kind in KINDS for name in kind.names.split()}
