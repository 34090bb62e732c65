"""The options of socat addresses, as a table: what each takes, and what it means here.

The effect is written as one word:

  set:FIELD, set:FIELD=VALUE        a field of `fildes.cli.relaying.side.Settings`
  option:NAME, option:NAME=VALUE    an option of the scheme that is opened
  carrier:NAME                      one of the layer that connects the socket
  commonname                        the name that the peer's certificate is for
  children                          how many connections there may be at once
  reuse                             SO_REUSEADDR, which every listener has
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
    Rule("sndbuf so-sndbuf", "integer", "carrier:sndbuf", "ip"),
    Rule("rcvbuf so-rcvbuf", "integer", "carrier:rcvbuf", "ip"),
    Rule("tos ip-tos iptos", "integer", "carrier:tos", "ip"),
    Rule("ttl ip-ttl ipttl", "integer", "carrier:ttl", "ip"),
    Rule("broadcast so-broadcast", "flag", "carrier:broadcast", "udp"),
    Rule("ip-multicast-ttl multicast-ttl", "integer", "carrier:multicast-ttl", "udp"),
    Rule("ip-multicast-loop multicast-loop", "flag", "carrier:multicast-loop", "udp"),
    Rule("ip-multicast-if multicast-if", "text", "carrier:multicast-if", "udp"),
    Rule("ip-add-membership add-membership membership ip-membership ipv6-join-group join-group"
         " ipv6-add-membership", "text", "join", "groups"),
    Rule("reuseaddr so-reuseaddr", "flag", "reuse", "socket"),
    Rule("reuseport so-reuseport", "flag", "option:reuseport", "listen"),
    Rule("pf protocol-family", "text", "family", "ip"),
    Rule("cloexec", "flag", "done"),
    Rule("nonblock o-nonblock ndelay o-ndelay", "flag", "nonblock"),
    Rule("cool-write coolwrite", "flag", "done"),
    Rule("largefile o-largefile", "flag", "done"),
    Rule("noctty o-noctty", "flag", "done"),
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
    Rule("resolve proxy-resolve", "flag",
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
    Rule("seek lseek seek-set lseek64 lseek64-set", "integer", "set:seek", "file"),
    Rule("seek-end lseek-end lseek64-end lseek32-end", "offset", "set:seek_end", "file"),
    Rule("mode perm perm-early", "mode", "mode", "named"),
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

ONE_USER = "a process has one user: start it as that one, with setpriv(1) or User= of systemd"

#: What socat has and fildes has not, and what to do instead.
ELSEWHERE = (
    (
        "su su-d su-e substuser substuser-early"
        " substuser-delayed setuid setgid setuid-early setgid-early",
        ONE_USER,
    ),
    ("chroot chroot-early", "confine the process: RootDirectory= of systemd, or unshare(1)"),
    ("umask", "mode= says what is created"),
    (
        "tcpwrap tcpwrapper wrap libwrap hosts-allow hosts-deny allow-table deny-table",
        "range= says who may connect",
    ),
    ("fdin fdout", "a program has descriptors 0 and 1; let a shell move them"),
    ("linger so-linger linger2 tcp-linger2", "a close waits for nothing; a failure resets"),
    (
        "mss maxseg tcp-maxseg mtudiscover cork tcp-cork quickack tcp-quickack defer-accept",
        "the kernel knows best; leave it out",
    ),
    (
        "lock lockfile waitlock lockw flock flock-ex flock-sh f-setlk f-setlkw setlk setlkw",
        "flock(1) in front of the command holds a lock",
    ),
    ("history prompt noecho noprompt", "put `rlwrap` in front of the command"),
    ("path dirfd", "env(1) does that"),
    ("proxy-authorization-file proxyauthfile", "proxyauth= takes USER:PASSWORD"),
    ("http-version", "a proxy is asked by HTTP/1.1, which all of them know; leave it out"),
    (
        "ip-add-source-membership source-membership ipv6-join-source-group join-source-group",
        "a group is joined with all who send to it: ip-add-membership, and range for whom to hear",
    ),
    (
        "protocol socktype type so-type so-protocol prototype so-prototype setsockopt ioctl",
        "there is no raw setsockopt(2) here",
    ),
    (
        "openssl-compress compress fips openssl-fips egd openssl-egd pseudo openssl-pseudo",
        "OpenSSL has given it up; leave it out",
    ),
    (
        "so-timestamp timestamp ip-pktinfo pktinfo ip-recverr recverr ip-recvopts recvopts"
        " ip-recvtos recvtos ip-recvttl recvttl ip-recvdstaddr recvdstaddr ip-recvif recvif",
        "what else the kernel knows of a datagram is not told on; leave it out",
    ),
    ("openssl-max-proto-version max-version", "openssl-min-proto-version= sets the lowest"),
)

#: Modes of a terminal; `fildes.cli.relaying.terminal_modes` knows what they are.
TERMINAL_MODES = (
    *("raw", "rawer", "cfmakeraw", "sane", "echo", "icanon", "isig", "icrnl", "inlcr", "igncr"),
    *("opost", "onlcr", "ixon", "ixoff", "parenb", "parodd", "cstopb", "crtscts", "clocal"),
    *("hupcl", "cread", "cs5", "cs6", "cs7", "cs8", "ispeed", "ospeed", "b300", "b600", "b1200"),
    *("b2400", "b4800", "b9600", "b19200", "b38400", "b57600", "b115200", "b230400", "b460800"),
    *("b500000", "b921600", "b1000000", "b2000000", "b3000000", "b4000000"),
)


def takes_of_mode(name: str) -> Takes:
    """Return what the terminal mode called *name* takes."""
    if name in ("ispeed", "ospeed"):
        return "integer"
    return "nothing" if name[-1:].isdigit() or name in ("raw", "rawer") else "flag"


def all_rules() -> dict[str, Rule]:
    """Return the rules by each of their names."""
    modes = (
        Rule(name, takes_of_mode(name), f"terminal:{name}", "terminal") for name in TERMINAL_MODES
    )
    refused = (Rule(names, "anything", f"refused:{why}") for names, why in ELSEWHERE)
    return {name: rule for rule in (*RULES, *modes, *refused) for name in rule.names.split()}
