"""What a program learns of its connection, in the names that socat has for it as well."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from fildes.relaying.ucspi import environment

if TYPE_CHECKING:
    from fildes.streams.stream import Stream

#: What socat calls a variable, by the end of what UCSPI and mod_ssl call it.
NAMES = {
    "REMOTEIP": "PEERADDR",
    "REMOTEPORT": "PEERPORT",
    "REMOTEPATH": "PEERADDR",
    "LOCALIP": "SOCKADDR",
    "LOCALPORT": "SOCKPORT",
    "LOCALPATH": "SOCKADDR",
    "SSL_PROTOCOL": "OPENSSL_PROTO_VERSION",
    "SSL_CIPHER": "OPENSSL_CIPHER",
    "SSL_CLIENT_S_DN": "OPENSSL_X509_SUBJECT",
    "SSL_CLIENT_I_DN": "OPENSSL_X509_ISSUER",
    "SSL_CLIENT_S_DN_CN": "OPENSSL_X509_COMMONNAME",
    "SSL_CLIENT_S_DN_O": "OPENSSL_X509_ORGANIZATIONNAME",
    "SSL_CLIENT_SAN_DNS_0": "OPENSSL_X509V3_SUBJECTALTNAME_DNS",
    "SSL_CLIENT_S_DN_OU": "OPENSSL_X509_ORGANIZATIONALUNITNAME",
}


def environment_for(client: Stream) -> dict[str, str]:
    """Return the environment of a program that serves *client*."""
    base = {name: value for name, value in os.environ.items() if not name.startswith("SOCAT_")}
    told = environment(client, base)
    return {**told, **dict(named_as_socat(told))}


def named_as_socat(told: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables of *told* again, those that socat has a name for."""
    proto = told.get("PROTO", "")
    for name, value in told.items():
        known = NAMES.get(name.removeprefix(proto) if proto else name) or NAMES.get(name)
        if known:
            yield f"SOCAT_{known}", bracketed(value) if name.endswith("IP") else value


def bracketed(ip: str) -> str:
    """Return *ip* as socat writes it: an IPv6 address in full, and in brackets."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    return f"[{address.exploded}]" if address.version == 6 else ip
