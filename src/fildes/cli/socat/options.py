"""The options of socat addresses, as a table: what each takes, and what it means here.

The effect is written as one word:

  set:FIELD, set:FIELD=VALUE        a field of `fildes.cli.relaying.side.Settings`
  option:NAME, option:NAME=VALUE    an option of the scheme that is opened
  carrier:NAME                      one of the layer that connects the socket
  commonname                        the name that the peer's certificate is for
  children                          how many connections there may be at once
  reuse                             SO_REUSEADDR, which every listener has
  v6only                            IPv4 is left out, as we do anyway
  range                             the networks that may connect, or are heard
  join                              a multicast group that is heard
  proxy:PART                        port, user or user:password of the proxy
  flag:NAME                         a flag of open(2)
  mode                              permission bits of what is created
  owner:PART                        user or group of what is at the path
  nonblock                          the other end of a named pipe is not waited for
  terminal:NAME                     a mode of the terminal; termios(3)
  signal:NAME                       a signal that is passed on to the program
  done                              fildes does that anyway
  refused:WHY                       socat has it and fildes has not

Groups say to which addresses an option belongs; see `fildes.cli.socat.addresses`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from fildes.cli.socat.elsewhere import OPTIONS

Takes = Literal[
    "nothing", "flag", "integer", "offset", "seconds", "text", "mode", "byte", "anything"
]


class Rule(NamedTuple):
    """One option under all its names."""

    names: str
    takes: Takes
    effect: str
    groups: str = "any"

    @property
    def name(self) -> str:
        """The name that messages use."""
        return self.names.partition(" ")[0]


RULES = (
    # How many connections, and when.
    Rule("fork", "flag", "set:fork", "connect listen datagrams"),
    Rule("max-children maxchildren", "integer", "children", "connect listen datagrams"),
    Rule("accept-timeout listen-timeout", "seconds", "set:accept_timeout", "listen"),
    Rule("connect-timeout", "seconds", "set:connect_timeout", "socket"),
    Rule("backlog", "integer", "option:backlog", "listen"),
    Rule("range", "text", "range", "listen everybody"),
    Rule("retry", "integer", "set:retry", "socket program file"),
    Rule("interval intervall", "seconds", "set:interval", "socket program file"),
    Rule("forever", "flag", "set:retry=-1", "socket program file"),
    # What is read, and what its end is.
    Rule("readbytes bytes", "integer", "set:read_bytes"),
    Rule("ignoreeof ignoreof", "flag", "set:ignore_eof"),
    Rule("null-eof", "flag", "set:null_eof", "socket"),
    Rule("escape", "byte", "set:escape"),
    Rule("crnl crlf", "nothing", "set:line_end=crnl"),
    Rule("cr", "nothing", "set:line_end=cr"),
    # How a side is ended.
    Rule("shut-down", "nothing", "set:shut=down", "socket"),
    Rule("shut-none", "nothing", "set:shut=none"),
    Rule("shut-null", "nothing", "set:shut=null", "socket"),
    Rule("shut-close", "nothing", "set:shut=close"),
    Rule("end-close close", "nothing", "set:end_close"),
    # Sockets.
    Rule("bind", "text", "carrier:bind", "socket"),
    Rule("sourceport sp", "text", "carrier:sourceport", "connect"),
    Rule("nodelay tcp-nodelay", "flag", "carrier:nodelay", "tcp"),
    Rule("keepalive so-keepalive", "flag", "carrier:keepalive", "tcp"),
    Rule("so-bindtodevice bindtodevice interface if", "text", "carrier:interface", "socket"),
    Rule("tcp-keepidle keepidle", "integer", "carrier:keepidle", "tcp"),
    Rule("tcp-keepintvl keepintvl", "integer", "carrier:keepintvl", "tcp"),
    Rule("tcp-keepcnt keepcnt", "integer", "carrier:keepcnt", "tcp"),
    Rule("sndbuf so-sndbuf sndbuf-late so-sndbuf-late", "integer", "carrier:sndbuf", "ip"),
    Rule("rcvbuf so-rcvbuf rcvbuf-late so-rcvbuf-late", "integer", "carrier:rcvbuf", "ip"),
    Rule("tos ip-tos iptos ipv6-tclass", "integer", "carrier:tos", "ip"),
    Rule("ttl ip-ttl ipttl ipv6-unicast-hops unicast-hops", "integer", "carrier:ttl", "ip"),
    Rule("broadcast so-broadcast", "flag", "carrier:broadcast", "udp"),
    Rule("ip-multicast-ttl multicast-ttl multicastttl ipmulticastttl", "integer",
         "carrier:multicast-ttl", "udp"),
    Rule("ip-multicast-loop multicast-loop multicastloop ipmulticastloop", "flag",
         "carrier:multicast-loop", "udp"),
    Rule("ip-multicast-if multicast-if", "text", "carrier:multicast-if", "udp"),
    Rule("ip-add-membership add-membership membership ip-membership ipv6-join-group join-group"
         " ipv6-add-membership", "text", "join", "groups"),
    Rule("reuseaddr so-reuseaddr", "flag", "reuse", "socket"),
    Rule("reuseport so-reuseport", "flag", "option:reuseport", "listen"),
    Rule("pf protocol-family", "text", "family", "ip"),
    Rule("ipv6-v6only ipv6only v6only", "flag", "v6only", "listen"),
    Rule("cloexec", "flag", "done"),
    Rule("nonblock o-nonblock ndelay o-ndelay o_ndelay", "flag", "nonblock"),
    Rule("cool-write coolwrite", "flag", "done"),
    Rule("largefile o-largefile o_largefile", "flag", "done"),
    Rule("noctty o-noctty o_noctty", "flag", "done"),
    # TLS.
    Rule("cert certificate openssl-certificate", "text", "option:cert", "tls"),
    Rule("key openssl-key", "text", "option:key", "tls"),
    Rule("cafile openssl-cafile capath openssl-capath", "text", "option:ca", "tls"),
    Rule("verify openssl-verify", "flag", "option:verify", "tls"),
    Rule("commonname cn openssl-commonname", "text", "commonname", "tls"),
    Rule("snihost openssl-snihost", "text", "snihost", "tls"),
    Rule("no-sni nosni openssl-no-sni", "flag", "option:sni=off", "tls"),
    Rule(
        "openssl-min-proto-version min-version", "text", "option:min-version", "tls"
    ),
    Rule("cipher ciphers cipherlist openssl-cipherlist", "text",
         "refused:ciphers are those that OpenSSL's defaults call strong; leave it out", "tls"),
    Rule("method openssl-method", "text",
         "refused:the version is negotiated; openssl-min-proto-version sets the lowest", "tls"),
    Rule("dhparam dhparams dh openssl-dhparam openssl-dhparams", "text", "done", "tls"),
    # Proxies.
    Rule("proxyport", "text", "proxy:port", "proxy"),
    Rule("proxyauth proxy-authorization proxy-auth", "text", "proxy:user:password", "proxy"),
    Rule("resolve resolv proxy-resolve", "flag",
         "refused:the proxy resolves the name; write an IP address to have none resolved", "proxy"),
    Rule("socksport", "text", "proxy:port", "socks"),
    Rule("socksuser", "text", "proxy:user", "socks"),
    # Files.
    Rule("append o-append", "flag", "flag:O_APPEND", "file"),
    Rule("creat create o-creat o-create o_create", "flag", "flag:O_CREAT", "file"),
    Rule("excl o-excl o_excl", "flag", "flag:O_EXCL", "file"),
    Rule("trunc o-trunc", "flag", "flag:O_TRUNC", "file"),
    Rule("rdonly o-rdonly o_rdonly", "flag", "access:O_RDONLY", "file"),
    Rule("wronly o-wronly o_wronly", "flag", "access:O_WRONLY", "file"),
    Rule("rdwr o-rdwr o_rdwr", "flag", "access:O_RDWR", "file"),
    Rule("nofollow o-nofollow o_nofollow", "flag", "flag:O_NOFOLLOW", "file"),
    Rule("noatime o-noatime", "flag", "flag:O_NOATIME", "file"),
    Rule("sync o-sync o_sync", "flag", "flag:O_SYNC", "file"),
    Rule("dsync o-dsync o_dsync", "flag", "flag:O_DSYNC", "file"),
    Rule("seek lseek seek-set lseek64 lseek64-set lseek32 lseek32-set", "integer", "set:seek",
         "file"),
    Rule("seek-end lseek-end lseek64-end lseek32-end", "offset", "set:seek_end", "file"),
    Rule("mode perm perm-early perm-late", "mode", "mode", "named"),
    Rule("user uid owner user-early uid-e user-late uid-l", "text", "owner:user"),
    Rule("group gid group-early gid-e group-late gid-l", "text", "owner:group"),
    Rule("unlink-close", "flag", "unlink", "named"),
    Rule("unlink-early unlink remove delete new", "flag", "done", "listen"),
    # Programs and terminals.
    Rule("pty openpty ptmx", "flag", "option:pty", "program"),
    Rule("pipes", "flag", "option:pipes", "program"),
    Rule("stderr", "flag", "option:stderr=stdout", "program"),
    # A session of its own has a process group of its own, too; setsid(2).
    Rule("setsid sid setpgid pgid", "flag", "option:setsid", "program"),
    Rule("ctty tiocsctty", "flag", "done", "program"),
    Rule("sigint", "flag", "signal:SIGINT", "program"),
    Rule("sigquit", "flag", "signal:SIGQUIT", "program"),
    Rule("sighup", "flag", "signal:SIGHUP", "program"),
    Rule("nofork", "flag",
         "refused:fildes stays between; `fildes run ADDRESS -- PROGRAM` hands it over", "program"),
    Rule("login dash", "flag", "refused:name the shell's own option, as in EXEC:'bash -l'",
         "program"),
    Rule("link symbolic-link", "text", "option:link", "pty"),
    Rule("wait-slave waitslave pty-wait-slave", "flag", "option:wait", "pty"),
)  # fmt: skip

#: Modes of a terminal; `fildes.cli.relaying.terminal_modes` knows what they are.
TERMINAL_MODES = (
    *("raw", "rawer", "cfmakeraw", "termios-rawer", "termios-cfmakeraw", "sane", "crtscts"),
    *("brkint", "icrnl", "ignbrk", "igncr", "ignpar", "imaxbel", "inlcr", "inpck", "istrip"),
    *("iuclc", "ixany", "ixoff", "ixon", "parmrk", "tandem"),
    *("ocrnl", "ofdel", "ofill", "olcuc", "onlcr", "onlret", "onocr", "opost"),
    *("clocal", "cread", "cstopb", "hup", "hupcl", "parenb", "parodd", "cs5", "cs6", "cs7", "cs8"),
    *("echo", "echoctl", "echoe", "echok", "echoke", "echonl", "echoprt", "flusho", "icanon"),
    *("iexten", "isig", "noflsh", "pendin", "tostop", "xcase"),
    *("ispeed", "ospeed", "b50", "b75", "b110", "b134", "b150", "b200", "b300", "b600", "b1200"),
    *("b1800", "b2400", "b4800", "b9600", "b19200", "b38400", "b57600", "b115200", "b230400"),
    *("b460800", "b500000", "b576000", "b921600", "b1000000", "b1152000", "b1500000", "b2000000"),
    *("b2500000", "b3000000", "b3500000", "b4000000"),
)

#: Bytes that mean something to a terminal, and how many are waited for; termios(3).
TERMINAL_BYTES = (
    *("vdiscard", "veof", "veol", "veol2", "verase", "vintr", "vkill", "vlnext", "vmin", "vquit"),
    *("vreprint", "vstart", "vstop", "vsusp", "vtime", "vwerase"),
)


def takes_of_mode(name: str) -> Takes:
    """Return what the terminal mode called *name* takes."""
    if name in ("ispeed", "ospeed"):
        return "integer"
    return "nothing" if name[-1:].isdigit() or "raw" in name else "flag"


def all_rules() -> dict[str, Rule]:
    """Return the rules by each of their names."""
    takes = {name: takes_of_mode(name) for name in TERMINAL_MODES}
    takes |= dict.fromkeys(TERMINAL_BYTES, "byte")
    modes = (
        Rule(name, each, f"terminal:{name.removeprefix('termios-')}", "terminal")
        for name, each in takes.items()
    )
    refused = (Rule(names, "anything", f"refused:{why}") for names, why in OPTIONS)
    return {name: rule for rule in (*RULES, *modes, *refused) for name in rule.names.split()}
