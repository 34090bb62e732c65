"""What socat has and fildes has not, and what to do instead."""

from __future__ import annotations

#: Kinds of addresses that socat has and fildes has not, and what to do instead.
ADDRESSES = {
    "readline": "put `rlwrap` in front of the command",
    "socks5-listen": "let the proxy's host listen",
    "tun": "ip(8) and a vpn make tunnels",
    "interface": "raw frames are for a packet tool",
    "dtls": "OPENSSL is TLS over tcp",
    "openssl-dtls-client": "OPENSSL is TLS over tcp",
    "openssl-dtls-server": "OPENSSL-LISTEN is TLS over tcp",
    "sctp": "TCP reaches most of the same services",
    "sctp-listen": "TCP-LISTEN accepts streams",
    "ip-sendto": "UDP sends datagrams",
    **dict.fromkeys(
        ("ip", "ip-datagram", "ip-recv", "ip-recvfrom"),
        "raw IP is for a packet tool; UDP and UDP-LISTEN carry datagrams",
    ),
    **dict.fromkeys(
        (
            "socket-connect",
            "socket-listen",
            "socket-datagram",
            "socket-sendto",
            "socket-recv",
            "socket-recvfrom",
            "socketpair",
        ),
        "say the family, as in TCP, UDP, UNIX-CONNECT or VSOCK-CONNECT",
    ),
    "udplite-connect": "UDP sends datagrams",
    "udplite-listen": "UDP-LISTEN answers each sender",
    "dccp-connect": "TCP and UDP reach most of the same services",
    "posixmq-read": "a named pipe, PIPE:PATH, is a file as well",
    "posixmq-send": "a named pipe, PIPE:PATH, is a file as well",
    "sctp-connect": "TCP reaches most of the same services",
}

ONE_USER = "a process has one user: start it as that one, with setpriv(1) or User= of systemd"

#: Options, several of which have one reason.
OPTIONS = (
    (
        "su su-d su-e substuser substuser-early"
        " substuser-delayed setuid setgid setuid-early setgid-early",
        ONE_USER,
    ),
    ("chroot chroot-early", "confine the process: RootDirectory= of systemd, or unshare(1)"),
    ("umask", "mode= says what is created"),
    (
        "tcpwrap tcpwrapper tcpwrappers wrap libwrap hosts-allow hosts-deny allow-table deny-table"
        " tcpwrap-etc tcpwrap-dir tcpwrap-hosts-allow-table tcpwrap-hosts-deny-table",
        "range= says who may connect",
    ),
    ("fdin fdout", "a program has descriptors 0 and 1; let a shell move them"),
    ("linger so-linger linger2 tcp-linger2", "a close waits for nothing; a failure resets"),
    (
        "mss maxseg tcp-maxseg mss-late maxseg-late tcp-maxseg-late mtu mtudiscover ip-mtu"
        " ip-mtu-discover cork tcp-cork quickack tcp-quickack defer-accept tcp-defer-accept"
        " tcp-syncnt syncnt tcp-window-clamp window-clamp so-rcvlowat rcvlowat so-sndlowat"
        " so-no-check so-bsdcompat so-oobinline oobinline o-async",
        "the kernel knows best; leave it out",
    ),
    (
        "lock lockfile waitlock lockw flock flock-ex flock-sh f-setlk f-setlkw setlk setlkw"
        " flock-nb flock-ex-nb flock-sh-nb f-setlk-rd f-setlk-wr f-setlkw-rd f-setlkw-wr"
        " setlk-rd setlk-wr setlkw-rd setlkw-wr",
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
        "protocol socktype type so-type so-protocol prototype so-prototype setsockopt ioctl"
        " sockopt so-priority so-debug so-dontroute so-passcred so-peercred tcp-md5sig tcp-info"
        " ip-hdrincl ip-options ip-retopts ip-router-alert so-attach-filter so-detach-filter",
        "there is no raw setsockopt(2) here",
    ),
    (
        "openssl-compress compress fips openssl-fips egd openssl-egd pseudo openssl-pseudo",
        "OpenSSL has given it up; leave it out",
    ),
    (
        "so-timestamp timestamp ip-pktinfo pktinfo ip-recverr recverr ip-recvopts recvopts"
        " ip-recvtos recvtos ip-recvttl recvttl ip-recvdstaddr recvdstaddr ip-recvif recvif"
        " ippktinfo iprecverr iprecvopts iprecvtos iprecvttl ip-pktoptions",
        "what else the kernel knows of a datagram is not told on; leave it out",
    ),
    ("openssl-max-proto-version max-version", "openssl-min-proto-version= sets the lowest"),
    ("ip-freebind freebind", "let the unit start when the address is there: network-online.target"),
    ("ip-transparent transparent", "proxy-protocol tells a server who the client is"),
    ("lowport", "sourceport= says which port"),
    ("seek-cur lseek32-cur lseek64-cur", "a position is counted from an end: seek= or seek-end="),
    ("ftruncate ftruncate32 ftruncate64 truncate", "trunc empties a file, and truncate(1) cuts it"),
    ("o-direct o_direct o-rsync o_rsync o-directory o_directory", "leave it out"),
    ("unlink-late", "unlink-close removes the name at the end"),
    ("pty-interval pty-intervall", "who waits for the other end of a pty is woken; leave it out"),
    (
        "bsdly bs0 bs1 crdly cr0 cr1 cr2 cr3 ffdly ff0 ff1 nldly nl0 nl1 tabdly tab0 tab1 tab2 tab3"
        " xtabs vtdly vt0 vt1 vswtc b0 csize",
        "stty(1) sets it beforehand",
    ),
    ("unix-tightsocklen tightsocklen", "names of sockets are as long as they are; leave it out"),
    ("tun-device tun-name tun-type", "ip(8) and a vpn make tunnels"),
)

#: Options by how their names begin.
FAMILIES = {
    "iff-": "ip(8) sets up interfaces",
    "fs-": "chattr(1) sets it",
    "ext2-": "chattr(1) sets it",
    "ext3-": "chattr(1) sets it",
    "res-": "the resolver's options are in resolv.conf(5), or RES_OPTIONS in the environment",
    "setsockopt-": "there is no raw setsockopt(2) here",
    "sockopt-": "there is no raw setsockopt(2) here",
    "ioctl-": "there is no raw ioctl(2) here",
    "ipv6-": "what else IPv6 has beside its ports is not told on; leave it out",
    "so-security-": "leave it out",
}


def find_family(name: str) -> str | None:
    """Return what to do instead of the option called *name*; None if nobody knows it."""
    return next((why for start, why in FAMILIES.items() if name.startswith(start)), None)
