"""https: a document on a web server, fetched by HTTP/1.1 over TLS; RFC 9110 section 4.2.2."""

from __future__ import annotations

from fildes.scheme import Example
from fildes.schemes import http, tls

SCHEME = http.SCHEME._replace(
    name="https",
    summary="a document on a web server, over TLS",
    default_port=443,
    options=http.OPTIONS + tls.OPTIONS,
    examples=(
        Example("https://example.com/a.tar.gz", "a document"),
        Example("https://example.com/::tcp://192.0.2.7:8443", "from a server of our choice"),
        Example("https://example.com/::socks5://localhost:1080", "through a SOCKS proxy"),
    ),
)

open_ = http.open_
