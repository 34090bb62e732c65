"""wss: a conversation by WebSocket over TLS with a web server; RFC 6455 section 3."""

from __future__ import annotations

from fildes.scheme import Example
from fildes.schemes import tls, ws

SCHEME = ws.SCHEME._replace(
    name="wss",
    summary="a conversation by WebSocket over TLS with a web server",
    default_port=443,
    options=ws.OPTIONS + tuple(each for each in tls.OPTIONS if each.name != "proxy-protocol"),
    examples=(
        Example("wss://example.com/chat", "what is written goes out as binary messages"),
        Example("wss://example.com/chat::socks5://localhost:1080", "through a SOCKS proxy"),
    ),
)

open_ = ws.open_
