"""Both ends of WebSockets, for the conformance kit."""

from __future__ import annotations

from typing import Any

import pytest
from authority import Authority
from pair_ends import HOST, Pair

from fildes.testing import both, open_stream
from fildes.verbs import prepare_to_listen


async def listened(address: str, tls: dict[str, Any] | None = None, **options: Any) -> Pair:
    """Listen at *address* with *options*, which whoever connects has too; return both ends."""
    opening, _ = prepare_to_listen(address, None, None, {"ws": options}, {})
    acceptor = await opening.listen()
    try:
        opened = open_stream(str(acceptor.address), ws=options, wss=tls or {})
        return await both(acceptor.accept_stream(), opened)
    finally:
        acceptor.close()


async def ws(authority: Authority) -> Pair:
    theirs, ours = await listened(f"ws-listen://{HOST}:0/x")
    return ours, theirs


async def ws_listen(authority: Authority) -> Pair:
    return await listened(f"ws-listen://{HOST}:0/x")


async def ws_deflate(authority: Authority) -> Pair:
    return await listened(f"ws-listen://{HOST}:0/x", deflate=True)


async def wss(authority: Authority) -> Pair:
    identity = authority.localhost
    address = f"wss-listen://localhost:0?cert={identity.cert_file}&key={identity.key_file}"
    theirs, ours = await listened(address, {"ca": authority.ca_file})
    return ours, theirs


async def ws_messages(authority: Authority) -> Pair:
    return await listened(f"ws-listen://{HOST}:0", framing="message")


async def ws_messages_deflate(authority: Authority) -> Pair:
    theirs, ours = await listened(f"ws-listen://{HOST}:0", framing="message", deflate=True)
    return ours, theirs


WEBSOCKET_PAIRS = [
    pytest.param(ws, set(), id="ws"),
    pytest.param(ws_listen, set(), id="ws-listen"),
    # Compressed, the pattern takes gigabytes to fill what the kernel queues.
    pytest.param(ws_deflate, {"partial_send", "aborted_in_every_state"}, id="ws-deflate"),
    pytest.param(wss, set(), id="wss"),
]

WEBSOCKET_MESSAGE_PAIRS = [
    pytest.param(ws_messages, set(), id="ws-messages"),
    pytest.param(ws_messages_deflate, set(), id="ws-messages-deflate"),
]
