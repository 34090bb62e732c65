"""What socat has and fildes has not, and what to do instead."""

from __future__ import annotations

#: Kinds of addresses that socat has and fildes has not, and what to do instead.
ELSEWHERE = {
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
